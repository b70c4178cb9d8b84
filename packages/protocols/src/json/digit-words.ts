// Four ASCII digits at a time, as one 32-bit word (first digit in the highest byte) instead of byte by byte.
// The words come without their 0x30s: a byte is a digit when it is at most 9.
// Source: the "SIMD within a register" digit tricks described by Daniel Lemire, "Quickly parsing eight digits" (2018).

/** What a word of bytes is combined with by `^` to take the ASCII zeros off. */
export const ASCII_ZEROS = 0x30303030;

/** Whether all four bytes are digits. */
export function areAllDigits(word: number): boolean {
  return nonDigits(word) === 0;
}

/** How many of the four bytes, from the first on, are digits before one is not. */
export function countLeadingDigits(word: number): number {
  return Math.clz32(nonDigits(word)) >>> 3;
}

/** The number that the first `count` (0 to 4) bytes make. */
export function leadingDigitsValue(word: number, count: number): number {
  const halfShift = 16 - 4 * count; // twice, because a shift by 32 would be none
  return fourDigitsValue((word >>> halfShift) >>> halfShift);
}

/** The number that four digits make: pairs first, then both pairs together. */
export function fourDigitsValue(word: number): number {
  const pairs = ((word >>> 8) & 0x00ff00ff) * 10 + (word & 0x00ff00ff);
  return (pairs >>> 16) * 100 + (pairs & 0xff);
}

/** The highest bit of every byte above 9; no byte carries into the next. */
function nonDigits(word: number): number {
  return (((word & 0x7f7f7f7f) + 0x76767676) | word) & 0x80808080;
}
