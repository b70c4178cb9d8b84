// The texts of a request as strings, within bounds. Knows no tokenizers.
import { AmaasError, formatShape, type TensorOf } from '@amaas/core';
import type { TokenPlan } from './text-plan.ts';
import { rowName } from './tokenizer-shelf.ts';

/** Rows of a request; as many as OpenAI takes texts to embed, twice. */
export const MAX_TEXTS = 4096;
/** Bytes of one text: 128,000 tokens of English. Whatever the bytes are, they are tokenized in about 2 s. */
export const MAX_TEXT_BYTES = 512 * 1024;
/** Bytes of all texts of a request. */
export const MAX_REQUEST_TEXT_BYTES = 2 * 1024 * 1024;

export interface TextRows {
  /** Each row's text; of pairs two after another. */
  readonly texts: readonly string[];
  readonly rows: number;
  /** Of the longest row. */
  readonly rowBytes: number;
}

/**
 * Reads the texts sent in place of ids.
 * @throws INPUT_MISMATCH for a shape that is no list of texts (pairs), INVALID_ARGUMENT for bytes that are no UTF-8,
 *   REQUEST_TOO_LARGE, each naming the input, the row and the bound.
 */
export function readTexts(model: string, plan: TokenPlan, { shape, data }: TensorOf<'string'>): TextRows {
  const { name } = plan.ids;
  const what = `input "${name}" of model "${model}"`;
  const isList = plan.pair
    ? shape.length === 2 && shape[1] === 2
    : shape.length <= 1 || (shape.length === 2 && shape[1] === 1);
  if (!isList || data.length === 0) {
    const wanted = plan.pair ? 'pairs of texts for' : 'texts for';
    const form = plan.pair ? '[N,2]' : '[N]';
    throw new AmaasError(
      'INPUT_MISMATCH',
      `text: ${wanted} ${what} must have shape ${form} with N ≥ 1, got ${formatShape(shape)}`,
      { details: { model, input: name } },
    );
  }
  const step = plan.pair ? 2 : 1;
  const rows = data.length / step;
  if (rows > MAX_TEXTS) throw tooLarge(`${rows} texts for ${what}; at most ${MAX_TEXTS} are taken in one request`);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let bytes = 0;
  for (const [index, element] of data.entries()) {
    bytes += element.byteLength;
    if (element.byteLength > MAX_TEXT_BYTES) {
      const row = rowName(Math.floor(index / step), rows);
      throw tooLarge(`${row} for ${what} has ${element.byteLength} bytes; at most ${MAX_TEXT_BYTES} are taken`);
    }
  }
  if (bytes > MAX_REQUEST_TEXT_BYTES) {
    throw tooLarge(
      `the texts for ${what} have ${bytes} bytes; at most ${MAX_REQUEST_TEXT_BYTES} are taken in one request`,
    );
  }
  const texts = data.map((element, index) => {
    try {
      return decoder.decode(element);
    } catch {
      const row = rowName(Math.floor(index / step), rows);
      throw new AmaasError('INVALID_ARGUMENT', `text: ${row} for ${what} is not valid UTF-8`);
    }
  });
  let rowBytes = 0;
  for (let index = 0; index < data.length; index += step) {
    const second = step === 2 ? (data[index + 1]?.byteLength ?? 0) : 0;
    rowBytes = Math.max(rowBytes, (data[index]?.byteLength ?? 0) + second);
  }
  return { texts, rows, rowBytes };
}

function tooLarge(what: string): AmaasError {
  return new AmaasError('REQUEST_TOO_LARGE', `text: ${what}`);
}
