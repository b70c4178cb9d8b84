// Names and references of models: the one place that knows the naming rule.
import { AmaasError } from './errors.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** The naming rule in words, for messages. */
export const NAME_RULE = 'a–z, 0–9, ".", "_" and "-", starting with a letter or digit, at most 128 characters';

/** Whether `name` may name a model, label or key. */
export function isName(name: string): boolean {
  return NAME.test(name) && !name.includes('..');
}

/** Returns `name` when it follows the naming rule. @throws INVALID_NAME otherwise. */
export function assertName(kind: 'model' | 'label' | 'key', name: string): string {
  if (!isName(name)) {
    throw new AmaasError(
      'INVALID_NAME',
      `${kind} name ${JSON.stringify(name.slice(0, 140))} is not allowed: expected ${NAME_RULE}`,
    );
  }
  return name;
}

/** Which version of a model a caller wants; neither field: whatever the server serves under the bare name. */
export interface ModelReference {
  readonly model: string;
  readonly version?: number;
  readonly label?: string;
}

/** Greatest version number: TensorFlow Serving's are int64, but beyond 2^53 JavaScript could not tell two apart. */
export const MAX_VERSION = Number.MAX_SAFE_INTEGER;

/** Reads a decimal version number. @throws VERSION_NOT_FOUND for anything that no version can be called. */
export function parseVersion(model: string, text: string): number {
  const version = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new AmaasError(
      'VERSION_NOT_FOUND',
      `model "${model}": version must be a whole number ≥ 1, got ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
  return version;
}

/**
 * Reads `name`, `name:label` or `name@version`, the form for protocols with a single model field.
 * @throws INVALID_NAME, VERSION_NOT_FOUND
 */
export function parseModelReference(text: string): ModelReference {
  const at = text.lastIndexOf('@');
  if (at > 0) {
    const model = assertName('model', text.slice(0, at));
    return { model, version: parseVersion(model, text.slice(at + 1)) };
  }
  const colon = text.indexOf(':');
  if (colon > 0)
    return { model: assertName('model', text.slice(0, colon)), label: assertName('label', text.slice(colon + 1)) };
  return { model: assertName('model', text) };
}

/** The reverse of {@link parseModelReference}, for messages and logs. */
export function formatModelReference(reference: ModelReference): string {
  if (reference.version !== undefined) return `${reference.model}@${reference.version}`;
  return reference.label === undefined ? reference.model : `${reference.model}:${reference.label}`;
}
