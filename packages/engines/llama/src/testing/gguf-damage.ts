// Damages a GGUF file in the ways files come damaged, and in those an attacker would choose: counts, kinds, lengths, offsets,
// values, weights. Every damage follows from its seed.
// Source: ggml, docs/gguf.md.
import type { GgufFile } from '@amaas/learn/gguf';
import { createRandom, type Random } from '@amaas/learn/statistics';

export const DAMAGES = [
  'counts',
  'kinds of values',
  'lengths of names',
  'cut off',
  'tensors',
  'long arrays',
  'values',
  'weights',
  'bytes of the header',
] as const;
export type Damage = (typeof DAMAGES)[number];

const TENSOR_COUNT_AT = 8;
const VALUE_COUNT_AT = 16;

/** Deterministic in `seed`. @param file - the same bytes, read */
export function damaged(
  bytes: Uint8Array,
  file: GgufFile,
  seed: number,
): { readonly what: Damage; readonly bytes: Buffer } {
  const random = createRandom(`damage ${seed}`);
  const copy = Buffer.from(bytes);
  const what = DAMAGES[seed % DAMAGES.length] ?? 'counts';
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[random.integer(items.length)];
  const keys = [...file.metadata.keys()];
  const behindKey = (key: string): number => copy.indexOf(key) + Buffer.byteLength(key);
  switch (what) {
    case 'counts':
      copy.writeBigUInt64LE(wrongNumber(random), pick([TENSOR_COUNT_AT, VALUE_COUNT_AT]) ?? 0);
      break;
    case 'kinds of values':
      copy.writeUInt32LE(random.integer(16), behindKey(pick(keys) ?? ''));
      break;
    case 'lengths of names': {
      const name = pick([...keys, ...file.tensors.keys()]) ?? '';
      copy.writeBigUInt64LE(wrongNumber(random), copy.indexOf(name) - 8);
      break;
    }
    case 'cut off':
      return { what, bytes: copy.subarray(0, random.integer(copy.length)) };
    case 'tensors': {
      const [name, info] = pick([...file.tensors]) ?? ['', { shape: [] }];
      const at = behindKey(name);
      const kindAt = at + 4 + 8 * info.shape.length;
      const part = random.integer(4);
      if (part === 0) copy.writeUInt32LE(random.integer(9), at);
      if (part === 1) copy.writeBigUInt64LE(wrongNumber(random), at + 4 + 8 * random.integer(info.shape.length));
      if (part === 2) copy.writeUInt32LE(random.integer(48), kindAt);
      if (part === 3) copy.writeBigUInt64LE(wrongNumber(random), kindAt + 4);
      break;
    }
    case 'long arrays': {
      const arrays = keys.filter((key) => file.metadata.get(key)?.type === 'array');
      copy.writeBigUInt64LE(wrongNumber(random), behindKey(pick(arrays) ?? '') + 8);
      break;
    }
    case 'values': {
      const numbers = keys.filter((key) => file.metadata.get(key)?.type === 'uint32');
      copy.writeUInt32LE(Number(wrongNumber(random) & 0xffff_ffffn), behindKey(pick(numbers) ?? '') + 4);
      break;
    }
    case 'weights': {
      const end = copy.length - 4 * 64;
      for (let count = 0; count < 3; count++) {
        copy.writeFloatLE(pick([Number.NaN, Number.POSITIVE_INFINITY, 1e38]) ?? 0, end - 4 * random.integer(end / 8));
      }
      break;
    }
    case 'bytes of the header': {
      const headerBytes = Math.max(...[...file.tensors.keys()].map(behindKey));
      for (let count = 0; count < 4; count++) copy[random.integer(headerBytes)] = random.integer(256);
      break;
    }
    default:
      what satisfies never;
  }
  return { what, bytes: copy };
}

function wrongNumber(random: Random): bigint {
  const numbers = [
    0n,
    1n,
    2n,
    7n,
    1000n,
    2n ** 20n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 40n,
    2n ** 62n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  return numbers[random.integer(numbers.length)] ?? 0n;
}
