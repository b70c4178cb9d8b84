// Free Spoken Digit Dataset (the 360 clips given): test accuracy on a random fifth over seeds, and by speakers never heard.
import { basename } from 'node:path';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { openAudioFolder } from '@amaas/engine-sharp';
import { createLabelledMedia, decodeAudio, type LabelledMedia } from '@amaas/learn/data';
import { metricOf } from '@amaas/learn/evaluate';
import { type TrainedMedia, trainAudio } from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';

const SAMPLE_RATE_HZ = 8000;
const [seeds = '3'] = process.argv.slice(2);
const executor = await createOrtNodeExecutor();
// Files are called digit_speaker_take.wav.
const partOf = (path: string, part: number): string => basename(path, '.wav').split('_')[part] ?? '';
const archive = sharedDataPath('speech/fsdd_360.tar.gz');
const media = await openAudioFolder(archive, { sampleRateHz: SAMPLE_RATE_HZ, classOf: (path) => partOf(path, 0) });

const random: number[] = [];
for (let seed = 0; seed < Number(seeds); seed++) {
  const trained = await trainAudio({ media, executor, sampleRateHz: SAMPLE_RATE_HZ, seed });
  random.push(report(`random fifth, seed ${seed}`, trained));
}
const speakers = [...new Set(media.files.map(({ name }) => partOf(name, 1)))];
const disjoint: number[] = [];
for (const speaker of speakers) {
  const trained = await trainAudio({
    media: clips((name) => partOf(name, 1) !== speaker),
    test: clips((name) => partOf(name, 1) === speaker),
    executor,
    sampleRateHz: SAMPLE_RATE_HZ,
  });
  disjoint.push(report(`${speaker} never heard`, trained));
}
process.stdout.write(`random fifth: mean accuracy ${mean(random)} of ${random.length} seeds\n`);
process.stdout.write(`speaker never heard: mean accuracy ${mean(disjoint)} of ${disjoint.length} speakers\n`);

function clips(isWanted: (name: string) => boolean): LabelledMedia<Float32Array> {
  const files = media.files.filter(({ name }) => isWanted(name));
  const decode = (bytes: Uint8Array, name: string) => decodeAudio(bytes, name, { sampleRateHz: SAMPLE_RATE_HZ });
  return createLabelledMedia({ kind: 'audio', files, decode });
}

function report(what: string, { candidate, report: found, history }: TrainedMedia): number {
  const accuracy = metricOf(found, 'accuracy') ?? Number.NaN;
  process.stdout.write(`${what}: ${candidate.name}, accuracy ${accuracy.toFixed(4)}, ${history.length} epochs\n`);
  return accuracy;
}

function mean(values: readonly number[]): string {
  return (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(4);
}
