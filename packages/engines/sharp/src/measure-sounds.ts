// The sample rate that suits a set of recordings, by a look at some of them.
import { AmaasError } from '@amaas/core';
import { decodeWav, type MediaFile } from '@amaas/learn/data';
import { sampleFiles } from './media-files.ts';

const MAX_MEASURED = 32;
/** What speech recognisers take; more makes features slower without telling more of most sounds. */
const MAX_RATE_HZ = 16_000;

/**
 * The most frequent rate among some of the files, at most 16 kHz; of none that can be read 16 kHz.
 * @throws CANCELLED, and what reading throws
 */
export async function chooseSampleRate(files: readonly MediaFile[], signal?: AbortSignal): Promise<number> {
  const counts = new Map<number, number>();
  for (const file of sampleFiles(files, MAX_MEASURED)) {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'audio: measuring was called off');
    const rate = rateOf(await file.read(signal), file.name);
    if (rate !== null) counts.set(rate, (counts.get(rate) ?? 0) + 1);
  }
  const [usual] = [...counts].toSorted(([leftHz, left], [rightHz, right]) => right - left || leftHz - rightHz);
  return Math.min(MAX_RATE_HZ, usual?.[0] ?? MAX_RATE_HZ);
}

/** null for what is no such file: the training names it. */
function rateOf(bytes: Uint8Array, name: string): number | null {
  try {
    return decodeWav(bytes, name).sampleRateHz;
  } catch (thrown) {
    if (thrown instanceof AmaasError) return null;
    throw thrown;
  }
}
