// TensorFlow Serving's REST paths: which call a method and path stand for, and on which model.
// Knows no query strings (the path comes without one), no bodies, and nothing of which models there are.
// Source: tensorflow/serving, tensorflow_serving/model_servers/http_rest_api_handler.cc and http_rest_api_util.cc.
import { AmaasError, MAX_VERSION, type ModelReference } from '@amaas/core';

export type TfsInferenceKind = 'predict' | 'classify' | 'regress';

/** A call and the model it is for. Names are decoded but not checked against amaas's naming rule: no such model is found then. */
export interface TfsRoute {
  readonly kind: TfsInferenceKind | 'status' | 'metadata';
  readonly target: ModelReference;
}

const INFERENCE = /^\/v1\/models\/([^/:]+)(?:\/versions\/(\d+)|\/labels\/([^/:]+))?:(classify|regress|predict)$/i;
const DESCRIPTION = /^\/v1\/models\/([^/:]+)(?:\/versions\/(\d+)|\/labels\/([^/:]+))?(\/metadata)?$/i;
const UNDER_MODELS = /^\/v1\/models\//i;
/** Digits of the greatest int64, which is what TensorFlow Serving's versions are. */
const MAX_INT64_TEXT = '9223372036854775807';

/**
 * What `method` on `path` asks of TensorFlow Serving's API; null for paths that are not below `/v1/models/`
 * (the list `/v1/models` is another protocol's).
 * @throws MALFORMED_REQUEST for any other path below it, VERSION_NOT_FOUND for versions no model can have.
 */
export function matchTfsRoute(method: string, path: string): TfsRoute | null {
  if (!UNDER_MODELS.test(path)) return null;
  const malformed = new AmaasError('MALFORMED_REQUEST', `Malformed request: ${method} ${path}`);
  const match = method === 'POST' ? INFERENCE.exec(path) : method === 'GET' ? DESCRIPTION.exec(path) : null;
  if (match === null) throw malformed;
  const [, encodedModel = '', versionText, encodedLabel, last] = match;
  const model = decodeSegment(encodedModel, malformed);
  const kind = method === 'POST' ? inferenceKind(last) : last === undefined ? 'status' : 'metadata';
  if (versionText !== undefined) return { kind, target: { model, version: readVersion(model, versionText) } };
  if (encodedLabel !== undefined) return { kind, target: { model, label: decodeSegment(encodedLabel, malformed) } };
  return { kind, target: { model } };
}

function inferenceKind(text: string | undefined): TfsInferenceKind {
  const lowered = text?.toLowerCase();
  return lowered === 'classify' || lowered === 'regress' ? lowered : 'predict';
}

function decodeSegment(text: string, malformed: AmaasError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed;
  }
}

function readVersion(model: string, text: string): number {
  const digits = text.replace(/^0+(?=\d)/, '');
  const isInt64 =
    digits.length < MAX_INT64_TEXT.length || (digits.length === MAX_INT64_TEXT.length && digits <= MAX_INT64_TEXT);
  if (!isInt64) {
    throw new AmaasError('MALFORMED_REQUEST', `Failed to convert version: ${text.slice(0, 64)} to numeric.`);
  }
  const version = Number(digits);
  if (version > MAX_VERSION) {
    throw new AmaasError('VERSION_NOT_FOUND', `model "${model}" has no version ${digits}`, { details: { model } });
  }
  return version;
}
