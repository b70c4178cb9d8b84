// What the magika model wants to know of a file: 1,024 values from its beginning and 1,024 from its end.
// Source: google/magika, config.min.json of model standard_v3_3 (beg_size, end_size, block_size, padding_token).

const BLOCK_BYTES = 4096;
const SIZE = 1024;
const PADDING = 256;

/** Files below this are told apart without the model. */
export const MIN_FILE_BYTES = 8;

/** Python's `bytes.strip()`: space, tab, newline, return, vertical tab, form feed. */
const WHITE_SPACE = new Set([0x20, 0x09, 0x0a, 0x0d, 0x0b, 0x0c]);

/** 2,048 values, one row of the model's input. */
export function magikaFeatures(file: Uint8Array): Int32Array {
  let first = 0;
  const beginning = file.subarray(0, BLOCK_BYTES);
  while (first < beginning.length && WHITE_SPACE.has(beginning[first] ?? 0)) first++;
  const ending = file.subarray(Math.max(0, file.length - BLOCK_BYTES));
  let last = ending.length;
  while (last > 0 && WHITE_SPACE.has(ending[last - 1] ?? 0)) last--;
  const head = beginning.subarray(first, first + SIZE);
  const tail = ending.subarray(Math.max(0, last - SIZE), last);
  const features = new Int32Array(2 * SIZE).fill(PADDING);
  features.set(head, 0);
  features.set(tail, 2 * SIZE - tail.length);
  return features;
}
