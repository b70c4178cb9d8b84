// Reads the tokenizer's lists out of a GGUF file's metadata (version 3, little-endian); nothing else of it.
// Source: ggml's docs/gguf.md.
import { readFileSync } from 'node:fs';

export interface GgufPieces {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly types: readonly number[];
}

/** Bytes of the fixed-size value types, by their numbers. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8] as const;
const STRING = 8;
const ARRAY = 9;

export function readGgufPieces(path: string): GgufPieces {
  const bytes = readFileSync(path);
  let place = 16;
  const readCount = (): number => {
    place += 8;
    return Number(bytes.readBigUInt64LE(place - 8));
  };
  const readText = (): string => {
    const length = readCount();
    place += length;
    return bytes.toString('utf8', place - length, place);
  };
  const readValue = (type: number): unknown => {
    if (type === STRING) return readText();
    if (type === ARRAY) {
      const itemType = bytes.readUInt32LE(place);
      place += 4;
      return Array.from({ length: readCount() }, () => readValue(itemType));
    }
    const at = place;
    place += SIZES[type] ?? 0;
    if (type === 5) return bytes.readInt32LE(at);
    return type === 6 ? bytes.readFloatLE(at) : null;
  };
  const metadata = new Map<string, unknown>();
  for (let count = readCount(); count > 0; count--) {
    const key = readText();
    place += 4;
    metadata.set(key, readValue(bytes.readUInt32LE(place - 4)));
  }
  return {
    // The format fixes these three keys' types.
    tokens: metadata.get('tokenizer.ggml.tokens') as string[],
    scores: metadata.get('tokenizer.ggml.scores') as number[],
    types: metadata.get('tokenizer.ggml.token_type') as number[],
  };
}
