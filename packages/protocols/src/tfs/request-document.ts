// What all TensorFlow Serving requests share: one JSON object, and the signature it names.
import { AmaasError, DEFAULT_SIGNATURE, MAX_RANK, type Signature } from '@amaas/core';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../json/index.ts';
import { quoteValue } from './quote-value.ts';

/** A document, a list of instances, an object by input name; then a tensor of the greatest rank, then `{"b64": …}`. */
const MAX_DEPTH = MAX_RANK + 4;

/**
 * Parses a request's body. What follows the document is ignored, NaN and the infinities are numbers.
 * @throws MALFORMED_REQUEST
 */
export function parseRequest(body: Uint8Array): JsonObject {
  if (body.length === 0) throw new AmaasError('MALFORMED_REQUEST', 'JSON Parse error: The document is empty');
  let document: JsonValue;
  try {
    document = parseJson(body, { allowNonFinite: true, allowTrailing: true, maxDepth: MAX_DEPTH });
  } catch (thrown) {
    if (!(thrown instanceof AmaasError)) throw thrown;
    throw new AmaasError(thrown.reason, `JSON Parse error: ${thrown.message}`);
  }
  if (!isJsonObject(document)) throw formatError(document, 'Is not object');
  return document;
}

/**
 * The signature a request names, or the default one.
 * @throws MALFORMED_REQUEST, UNKNOWN_SIGNATURE
 */
export function chooseSignature(
  document: JsonObject,
  signatures: ReadonlyMap<string, Signature>,
): { readonly name: string; readonly signature: Signature } {
  const named = document.get('signature_name') ?? '';
  if (typeof named !== 'string') {
    throw formatError(document, "not formatted correctly. 'signature_name' key must be a string value.");
  }
  const name = named === '' ? DEFAULT_SIGNATURE : named;
  const signature = signatures.get(name);
  if (signature === undefined) {
    throw new AmaasError(
      'UNKNOWN_SIGNATURE',
      `Serving signature name: "${name.slice(0, 256)}" not found in signature def`,
    );
  }
  return { name, signature };
}

/** The error for a document that parses but does not have the right form. */
export function formatError(value: JsonValue, complaint: string): AmaasError {
  return new AmaasError('MALFORMED_REQUEST', `JSON Value: ${quoteValue(value)} ${complaint}`);
}
