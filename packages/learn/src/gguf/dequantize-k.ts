// The blocks of 256 numbers that most published files hold (Q4_K, Q5_K, Q6_K), read only: their scales are themselves
// quantised, which takes a search to do well. Every operation is rounded to float32, as ggml's reference does.
// Source: ggml, src/ggml-quants.c, `dequantize_row_q4_K`, `dequantize_row_q5_K`, `dequantize_row_q6_K`.
import { numberFromFloat16Bits } from '@amaas/core';
import { TENSOR_TYPES } from './tensor-types.ts';

const K_TYPES = ['Q4_K', 'Q5_K', 'Q6_K'] as const;

export type KType = (typeof K_TYPES)[number];

export function isKType(type: string): type is KType {
  return K_TYPES.some((name) => name === type);
}

const BLOCK = 256;
const fround = Math.fround;

/** @param bytes - whole blocks */
export function dequantizeK(type: KType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const { blockBytes } = TENSOR_TYPES[type];
  const values = new Float32Array((bytes.length / blockBytes) * BLOCK);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, to = 0; at < bytes.length; at += blockBytes, to += BLOCK) {
    const block = new DataView(view.buffer, view.byteOffset + at, blockBytes);
    const own = values.subarray(to, to + BLOCK);
    if (type === 'Q6_K') readSixBits(block, own);
    else readWithMinimums(block, own, type === 'Q5_K');
  }
  return values;
}

/** Eight groups of 32: scale · level − minimum. Levels are 4 bits and, of Q5_K, one more from a place of its own. */
function readWithMinimums(block: DataView, values: Float32Array, hasFifthBit: boolean): void {
  const scale = numberFromFloat16Bits(block.getUint16(0, true));
  const minimum = numberFromFloat16Bits(block.getUint16(2, true));
  const fifthBits = 16; // behind two scales and twelve bytes of factors
  const levels = hasFifthBit ? fifthBits + 32 : fifthBits;
  for (let group = 0; group < 8; group++) {
    const factors = readFactors(block, group);
    const step = fround(scale * factors.scale);
    const least = fround(minimum * factors.minimum);
    // Two groups share bytes, the first has the lower halves.
    const from = levels + 32 * Math.floor(group / 2);
    const shift = 4 * (group % 2);
    for (let k = 0; k < 32; k++) {
      const fifth = hasFifthBit ? ((block.getUint8(fifthBits + k) >> group) & 1) << 4 : 0;
      values[32 * group + k] = fround(step * (((block.getUint8(from + k) >> shift) & 15) + fifth)) - least;
    }
  }
}

/** Six bits each, in twelve bytes: of the first four groups in one piece, of the others their upper two bits above those. */
function readFactors(block: DataView, group: number): { readonly scale: number; readonly minimum: number } {
  const byte = (index: number): number => block.getUint8(4 + index);
  if (group < 4) return { scale: byte(group) & 63, minimum: byte(group + 4) & 63 };
  return {
    scale: (byte(group + 4) & 15) | ((byte(group - 4) >> 6) << 4),
    minimum: (byte(group + 4) >> 4) | ((byte(group) >> 6) << 4),
  };
}

/** Sixteen groups of 16: scale · factor · (level − 32). Levels are 4 bits and two more from a place of their own. */
function readSixBits(block: DataView, values: Float32Array): void {
  const scale = numberFromFloat16Bits(block.getUint16(208, true));
  for (let k = 0; k < BLOCK; k++) {
    const half = k >> 7;
    const quarter = (k >> 5) & 3;
    const column = k & 31;
    const low = block.getUint8(64 * half + 32 * (quarter & 1) + column) >> (4 * (quarter >> 1));
    const high = block.getUint8(128 + 32 * half + column) >> (2 * quarter);
    const step = fround(scale * block.getInt8(192 + (k >> 4)));
    values[k] = step * (((low & 15) | ((high & 3) << 4)) - 32);
  }
}
