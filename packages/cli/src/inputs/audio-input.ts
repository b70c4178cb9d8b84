// A recording (WAV) as the samples that a model takes: one channel, at the rate that the model's training has left in its
// version's lineage, or that the user names.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type AmaasClient, tensorsFromValues } from '@amaas/client';
import { AmaasError, type ModelReference, type NamedTensors, type TensorSpec } from '@amaas/core';
import { UsageError } from '../command-context.ts';
import { answeringVersion } from './answering-version.ts';

/** Files read as recordings. */
export const RECORDING = /\.wav$/i;

/** What a recording is brought to; asked for only when there is one. */
export type SampleRateOf = () => Promise<number | null>;

/** The rate that the training of the answering version has left; null where none did, or the key may not read it. */
export async function servedSampleRate(client: AmaasClient, reference: ModelReference): Promise<number | null> {
  try {
    const version = await answeringVersion(client, reference);
    if (version === null) return null;
    const { configuration } = (await client.models.getVersion(reference.model, version)).lineage;
    for (const place of [['speech'], ['media', 'preparation']]) {
      const rate = fieldOf(
        place.reduce((value: unknown, name) => fieldOf(value, name), configuration),
        'sampleRateHz',
      );
      if (typeof rate === 'number' && Number.isSafeInteger(rate) && rate >= 1) return rate;
    }
    return null;
  } catch (thrown) {
    if (thrown instanceof AmaasError && thrown.code === 'PERMISSION_DENIED') return null;
    throw thrown;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}

/**
 * @param target.sampleRateHz - null: not known
 * @throws UsageError for a model that takes no samples, or of which no rate is known; INVALID_DATA for what is no WAV file
 */
export async function readRecording(
  file: string,
  target: { readonly model: string; readonly specs: readonly TensorSpec[]; readonly sampleRateHz: number | null },
): Promise<NamedTensors> {
  const { model, specs, sampleRateHz } = target;
  const [only, second] = specs.filter((spec) => !spec.optional);
  const takesSamples = only?.dtype === 'float32' && only.shape?.length === 2 && typeof only.shape[1] !== 'number';
  if (only === undefined || second !== undefined || !takesSamples) {
    throw new UsageError(`model "${model}" takes no recordings: that would be one input of samples, float32 [N, any]`);
  }
  if (sampleRateHz === null) {
    throw new UsageError(`model "${model}" does not say at which rate it takes samples; give --sample-rate <hz>`);
  }
  const { decodeAudio } = await import('@amaas/learn/data');
  const data = decodeAudio(await readFile(file), basename(file), { sampleRateHz });
  return tensorsFromValues(model, specs, { [only.name]: { shape: [1, data.length], data } });
}
