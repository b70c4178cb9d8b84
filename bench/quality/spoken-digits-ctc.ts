// Free Spoken Digit Dataset (the 360 clips given), written letter by letter by CTC: words exact on a random fifth over seeds,
// and by speakers never heard. Beside the graph's own greedy text, the likeliest of the ten words (a lexicon).
// Run: node bench/quality/spoken-digits-ctc.ts [seeds 0,1,2] [speakers all | none | a,b] [epochs]
import { basename } from 'node:path';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { openAudioFolder } from '@amaas/engine-sharp';
import { createLabelledMedia, decodeAudio, type LabelledMedia } from '@amaas/learn/data';
import { decodeCtcBeams } from '@amaas/learn/decode';
import {
  recordingsTensor,
  speechMetric,
  spellLabels,
  type TrainedSpeech,
  trainSpeech,
  type TrainSpeechEvent,
} from '@amaas/learn/pipelines';
import { sharedDataPath } from '../../tools/test-data.ts';

const SAMPLE_RATE_HZ = 8000;
const WORDS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
const [seeds = '0,1,2', speakers = 'all', epochs = ''] = process.argv.slice(2);
const executor = await createOrtNodeExecutor({ threads: 1 });
// Files are called digit_speaker_take.wav.
const partOf = (path: string, part: number): string => basename(path, '.wav').split('_')[part] ?? '';
const media = await openAudioFolder(sharedDataPath('speech/fsdd_360.tar.gz'), {
  sampleRateHz: SAMPLE_RATE_HZ,
  classOf: (path) => WORDS[Number(partOf(path, 0))] ?? null,
});
// The settings are the defaults, found on seed 0; nothing is held out to stop by.
const options = {
  executor,
  sampleRateHz: SAMPLE_RATE_HZ,
  validation: 0,
  threads: 1,
  onEvent(event: TrainSpeechEvent) {
    if (event.kind !== 'epoch' || event.record.epoch % 10 !== 0) return;
    process.stderr.write(`epoch ${event.record.epoch} loss ${event.record.values['loss']?.toFixed(3)}\n`);
  },
  ...(epochs === '' ? {} : { training: { epochs: Number(epochs) } }),
} as const;

const random: number[] = [];
for (const seed of seeds.split(',').filter((text) => text !== '')) {
  random.push(await report(`random fifth, seed ${seed}`, await trainSpeech({ ...options, media, seed })));
}
const known = [...new Set(media.files.map(({ name }) => partOf(name, 1)))];
const chosen = speakers === 'all' ? known : known.filter((speaker) => speakers.split(',').includes(speaker));
const disjoint: number[] = [];
for (const speaker of chosen) {
  const trained = await trainSpeech({
    ...options,
    media: clips((name) => partOf(name, 1) !== speaker),
    test: clips((name) => partOf(name, 1) === speaker),
  });
  disjoint.push(await report(`${speaker} never heard`, trained));
}
if (random.length > 0) print(`random fifth: mean of exact words ${mean(random)} of ${random.length} seeds`);
if (disjoint.length > 0)
  print(`speaker never heard: mean of exact words ${mean(disjoint)} of ${disjoint.length} speakers`);

function clips(isWanted: (name: string) => boolean): LabelledMedia<Float32Array> {
  const files = media.files.filter(({ name }) => isWanted(name));
  const decode = (bytes: Uint8Array, name: string) => decodeAudio(bytes, name, { sampleRateHz: SAMPLE_RATE_HZ });
  return createLabelledMedia({ kind: 'audio', files, decode });
}

async function report(what: string, trained: TrainedSpeech): Promise<number> {
  const { report: found, history } = trained;
  const [exact, characters] = [speechMetric(found, 'exact texts'), speechMetric(found, 'character error rate')];
  const cpuSeconds = (process.cpuUsage().user / 1e6).toFixed(0);
  print(
    `${what}: exact words ${exact.toFixed(4)} of ${found.n}, character error rate ${characters.toFixed(4)}, ` +
      `of ten words ${(await lexiconAccuracy(trained)).toFixed(4)}, ${history.length} epochs, ${cpuSeconds} CPU s so far`,
  );
  print(`  taken off the blank: ${found.training.facts.find(({ label }) => label === 'Taken off the blank')?.value}`);
  for (const { file, text, heard } of found.worst) print(`  ${file}: "${text}" as "${heard}"`);
  return exact;
}

/** Share of the held-out recordings whose likeliest spelling among the ten words is right. */
async function lexiconAccuracy({ onnx, heard, description }: TrainedSpeech): Promise<number> {
  const compiled = await executor.compile(onnx);
  let right = 0;
  for (const { file, text } of heard) {
    const samples = await media.load(media.files.findIndex(({ name }) => name === file));
    const scores = (await compiled.run(new Map([['samples', recordingsTensor([samples])]]))).get('log_probabilities');
    if (scores?.dtype !== 'float32') throw new Error('no log-probabilities');
    const beams = decodeCtcBeams(scores.data, { classes: scores.shape[2] ?? 0, beams: 200 });
    const spellings = beams.map(({ labels }) => spellLabels(description, labels));
    if (spellings.find((spelling) => WORDS.includes(spelling)) === text) right++;
  }
  await compiled.dispose();
  return right / heard.length;
}

function mean(values: readonly number[]): string {
  return (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(4);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
