// Names of models as Ollama's clients write them: every name has a tag, and `latest` is the one meant where none is given.
import { type ModelReference, parseModelReference } from '@amaas/core';
import type { Fields } from '../fields/index.ts';

/** The tag that stands for the bare name. */
const USUAL_TAG = 'latest';

/**
 * Reads `name`, `name:latest` (both the bare name), `name:label` or `name@version`.
 * @throws INVALID_NAME, VERSION_NOT_FOUND
 */
export function parseOllamaModel(text: string): ModelReference {
  const reference = parseModelReference(text);
  return reference.label === USUAL_TAG ? { model: reference.model } : reference;
}

/** A model as lists name it: `name:latest`, `name:label`, `name@version`. */
export function formatOllamaModel({ model, label, version }: ModelReference): string {
  return version === undefined ? `${model}:${label ?? USUAL_TAG}` : `${model}@${version}`;
}

/** The model a body names, as it stands there: `model`, or `name` as older clients say. @throws INVALID_ARGUMENT */
export function readModelName(fields: Fields): string {
  const model = fields.text('model') || undefined;
  const name = fields.text('name') || undefined;
  if (model !== undefined && name !== undefined && model !== name) {
    throw fields.invalid('name', `says ${JSON.stringify(name.slice(0, 60))}, and model says something else`);
  }
  return fields.need('model', model ?? name);
}
