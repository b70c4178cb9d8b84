// From the name in a body to the version that answers, in the words that Ollama's clients look for. They know models that
// were pulled from a hub by their names there.
import { AmaasError, formatModelReference, type ModelReference } from '@amaas/core';
import { type OllamaTarget, parseOllamaModel } from '@amaas/protocols/ollama';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import { isHubReference, parseHubReference } from '../../hub/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { resolveLanguageFor } from '../language/index.ts';

/** @throws FORBIDDEN, MODEL_NOT_FOUND and the like, UNSUPPORTED_FEATURE for a model of tensors */
export function resolveNamed(
  dataPlane: DataPlane<ModelRecorder>,
  exchange: Exchange,
  model: string,
): ServedLanguageModel<ModelRecorder> {
  try {
    return resolveLanguageFor(exchange, dataPlane, formatModelReference(referenceOf(dataPlane, exchange, model)));
  } catch (thrown) {
    throw asNotFound(thrown, model);
  }
}

/**
 * What a name refers to: a model of that name, or the one that was pulled under it.
 * @throws MODEL_NOT_FOUND
 */
export function referenceOf(dataPlane: DataPlane<ModelRecorder>, exchange: Exchange, model: string): ModelReference {
  if (!isHubReference(model)) return namedHere(model);
  const pulled = dataPlane
    .servedLanguage()
    .filter((served) => exchange.principal?.allowsModel(served.name) && isPulledAs(served, model))
    .at(-1);
  if (pulled === undefined) throw notFound(model);
  const { name, version } = pulled;
  const isUsual = dataPlane.resolveLanguage({ model: name }) === pulled;
  return isUsual ? { model: name } : { model: name, version };
}

/** Ollama's names follow other rules: what is called so is not here. @throws MODEL_NOT_FOUND */
function namedHere(model: string): ModelReference {
  try {
    return parseOllamaModel(model);
  } catch {
    throw notFound(model);
  }
}

function isPulledAs({ record }: ServedLanguageModel, model: string): boolean {
  const { source = '' } = record.lineage;
  if (!isHubReference(source)) return false;
  const [asked, there] = [parseHubReference(model), parseHubReference(source)];
  if (asked.repository.toLowerCase() !== there.repository.toLowerCase()) return false;
  if (asked.file !== null) return asked.file === there.file;
  const { quantization } = asked;
  return quantization === null || (there.file?.toLowerCase().includes(quantization.toLowerCase()) ?? false);
}

/** What is thrown for a name that nothing stands for; anything else as it was. */
export function asNotFound(thrown: unknown, model: string): unknown {
  return thrown instanceof AmaasError && thrown.code === 'NOT_FOUND' ? notFound(model, thrown) : thrown;
}

function notFound(model: string, { reason, details }: Partial<AmaasError> = {}): AmaasError {
  const message = `model '${model.slice(0, 140)}' not found, try pulling it first`;
  return new AmaasError(reason ?? 'MODEL_NOT_FOUND', message, details === undefined ? {} : { details });
}

/**
 * Holds the context that the caller counts on against the one there is, which is decided when a model is loaded.
 * @throws INVALID_ARGUMENT with both
 */
export async function assertContext(
  served: ServedLanguageModel,
  { contextTokens, model }: Pick<OllamaTarget, 'contextTokens' | 'model'>,
): Promise<void> {
  if (contextTokens === undefined) return;
  const { facts } = served.residency;
  const there = facts?.contextTokens ?? (await served.use(async (loaded) => loaded.facts.contextTokens));
  if (contextTokens <= there) return;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `options.num_ctx: the context of model ${JSON.stringify(model)} has ${there} tokens, got ${contextTokens}; a request cannot change it, language.contextTokens in its manifest can`,
    { details: { field: 'options.num_ctx', contextTokens: there } },
  );
}
