// How images lie while they are trained on. A layout is the permutation that brings [batch, channels, height, width] back.
import { invertPermutation } from '../graph/index.ts';

/** [batch, channels, height, width] to [channels, height, width, batch]: runs of the batch move together. */
export const TO_BATCH_LAST: readonly number[] = [1, 2, 3, 0];
export const FROM_BATCH_LAST: readonly number[] = invertPermutation(TO_BATCH_LAST);

/** [batch, channels, height, width] to [height, width, batch, channels]: whole places move together. */
export const TO_SPACE_FIRST: readonly number[] = [2, 3, 0, 1];
export const FROM_SPACE_FIRST: readonly number[] = invertPermutation(TO_SPACE_FIRST);

const LAYOUTS = new Set([FROM_BATCH_LAST.join(), FROM_SPACE_FIRST.join()]);

export function isImageLayout(perm: readonly number[]): boolean {
  return LAYOUTS.has(perm.join());
}
