// The work of a tokenizer thread: tokenizers kept under keys, texts to ids and back. Blocks whoever calls it for as long
// as it takes; knows no threads and no models.
import { AmaasError } from '@amaas/core';
import { type Encoding, readTokenizer, type Tokenizer } from '@amaas/learn/tokenize';

/** What is known of a tokenizer. */
export interface TokenizerFacts {
  /** One more than the greatest id. */
  readonly vocabularySize: number;
  /** The id that its document pads with; null where it says nothing. */
  readonly padding: number | null;
  /** Tokens put around a text, and around a pair. */
  readonly specialTokens: { readonly single: number; readonly pair: number };
}

export interface EncodeTask {
  readonly key: string;
  /** Each row's text; of pairs two after another. */
  readonly texts: readonly string[];
  readonly pair: boolean;
  readonly maxTokens: number;
  readonly truncate: 'end' | 'start' | 'refuse';
  readonly addSpecialTokens: boolean;
  /** What the texts are for, in messages. */
  readonly what: string;
}

/** Rows of different lengths, one behind the other. */
export interface EncodedRows {
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly ids: Int32Array<ArrayBuffer>;
  readonly typeIds: Int32Array<ArrayBuffer>;
}

export interface DecodeTask {
  readonly key: string;
  readonly ids: Int32Array | BigInt64Array;
  /** Ids of each text. */
  readonly rowTokens: number;
  readonly rows: number;
  readonly skipSpecialTokens: boolean;
  readonly endIds: readonly number[];
}

export class TokenizerShelf {
  readonly #tokenizers = new Map<string, Tokenizer>();

  /** @throws INVALID_MODEL for a document that is no tokenizer.json. */
  put(key: string, document: Uint8Array): TokenizerFacts {
    const json = parseDocument(document);
    const tokenizer = readTokenizer(json);
    this.#tokenizers.set(key, tokenizer);
    const around = (pair: boolean): number =>
      tokenizer.encode('', { ...PLAIN, ...(pair ? { pair: '' } : {}) }).ids.length;
    return {
      vocabularySize: tokenizer.vocabularySize,
      padding: paddingOf(json),
      specialTokens: { single: around(false), pair: around(true) },
    };
  }

  remove(key: string): void {
    this.#tokenizers.delete(key);
  }

  /** Ids by token; null where the tokenizer has none. */
  idsOf(key: string, tokens: readonly string[]): readonly (number | null)[] {
    const tokenizer = this.#get(key);
    return tokens.map((token) => tokenizer.tokenToId(token));
  }

  /** @throws INVALID_ARGUMENT naming the row for a text of too many tokens, INVALID_DATA for characters without a token. */
  encode(task: EncodeTask): EncodedRows {
    const tokenizer = this.#get(task.key);
    const step = task.pair ? 2 : 1;
    const rows = task.texts.length / step;
    const lengths = new Int32Array(rows);
    const ids: Int32Array[] = [];
    const typeIds: Int32Array[] = [];
    for (let row = 0; row < rows; row++) {
      const encoding = encodeRow(tokenizer, task, row);
      const kept = keepTokens(encoding, task, row);
      lengths[row] = kept.ids.length;
      ids.push(kept.ids);
      typeIds.push(kept.typeIds);
    }
    return { lengths, ids: concatenated(ids), typeIds: concatenated(typeIds) };
  }

  decode({ key, ids, rowTokens, rows, skipSpecialTokens, endIds }: DecodeTask): readonly string[] {
    const tokenizer = this.#get(key);
    const ends = new Set(endIds);
    return Array.from({ length: rows }, (_, row) => {
      const own = Array.from(ids.subarray(row * rowTokens, (row + 1) * rowTokens), Number);
      const end = own.findIndex((id) => ends.has(id));
      return tokenizer.decode(end < 0 ? own : own.slice(0, end), { skipSpecialTokens });
    });
  }

  #get(key: string): Tokenizer {
    const tokenizer = this.#tokenizers.get(key);
    if (tokenizer === undefined) throw new AmaasError('INTERNAL', `no tokenizer under ${key}`);
    return tokenizer;
  }
}

/** Nothing of what the document says about lengths: the manifest does. */
const PLAIN = { truncation: null, padding: null } as const;

function parseDocument(document: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(document));
  } catch (cause) {
    throw new AmaasError('INVALID_MODEL', 'tokenizer.json: the document expects JSON, got text that is none', {
      cause,
    });
  }
}

/** The reader has checked the document; its padding is a number or not there. */
function paddingOf(json: unknown): number | null {
  const { padding } = Object(json);
  const id: unknown = Object(padding).pad_id;
  return typeof id === 'number' ? id : null;
}

function encodeRow(tokenizer: Tokenizer, { texts, pair, addSpecialTokens, what }: EncodeTask, row: number): Encoding {
  const text = texts[pair ? 2 * row : row] ?? '';
  const second = pair ? (texts[2 * row + 1] ?? '') : undefined;
  try {
    return tokenizer.encode(text, { ...PLAIN, addSpecialTokens, ...(second === undefined ? {} : { pair: second }) });
  } catch (thrown) {
    if (!(thrown instanceof AmaasError)) throw thrown;
    throw new AmaasError(
      thrown.reason,
      `text: ${rowName(row, texts.length / (pair ? 2 : 1))} for ${what}: ${thrown.message}`,
    );
  }
}

/** How a row is called in messages. */
export function rowName(row: number, rows: number): string {
  return rows === 1 ? 'the text' : `text ${row} of ${rows}`;
}

type Kept = Pick<Encoding, 'ids' | 'typeIds'>;

/**
 * What is left of an encoding. Done here rather than by the tokenizer, which would also make all that is cut off, in time
 * and memory that grow with the square of a long pair.
 */
function keepTokens(encoding: Encoding, { maxTokens, truncate, what, texts, pair }: EncodeTask, row: number): Kept {
  const { ids, typeIds, sequenceIndexes } = encoding;
  if (ids.length <= maxTokens) return encoding;
  if (truncate === 'refuse') {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `text: ${rowName(row, texts.length / (pair ? 2 : 1))} for ${what} has ${ids.length} tokens; at most ${maxTokens} are taken`,
    );
  }
  const lengths: [number, number] = [0, 0];
  for (const sequence of sequenceIndexes) if (sequence === 0 || sequence === 1) lengths[sequence]++;
  const room = maxTokens - (ids.length - lengths[0] - lengths[1]);
  const kept = keptLengths(lengths, room);
  const seen: [number, number] = [0, 0];
  const places: number[] = [];
  for (const [place, sequence] of sequenceIndexes.entries()) {
    if (sequence !== 0 && sequence !== 1) places.push(place);
    else {
      const index = seen[sequence]++;
      const from = truncate === 'start' ? lengths[sequence] - kept[sequence] : 0;
      if (index >= from && index < from + kept[sequence]) places.push(place);
    }
  }
  return { ids: pick(ids, places), typeIds: pick(typeIds, places) };
}

/** The longer of two texts gives way until both are equally long, as Hugging Face's `longest_first` has it. */
function keptLengths([first, second]: readonly [number, number], room: number): readonly [number, number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second, Math.floor(room / 2));
  const longer = Math.min(Math.max(first, second), room - shorter);
  return first > second ? [longer, shorter] : [shorter, longer];
}

function pick(values: Int32Array, places: readonly number[]): Int32Array {
  return Int32Array.from(places, (place) => values[place] ?? 0);
}

function concatenated(parts: readonly Int32Array[]): Int32Array<ArrayBuffer> {
  const whole = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
