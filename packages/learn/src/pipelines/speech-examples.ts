// Recordings as rows to learn from: features of one size, how many frames of them count, and the classes they spell. Those
// of training are changed anew for every epoch, by the epoch's number and the seed alone.
import { AmaasError, createTensor, type Executor, type Tensor } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import type { LogMelDescription } from '../data/index.ts';
import { input } from '../graph/index.ts';
import { SPEECH_FEATURES_INPUT, SPEECH_FRAMES_INPUT, speechSteps } from '../layers/index.ts';
import { buildSpeechFeatures } from '../preprocess/index.ts';
import type { Random } from '../statistics/index.ts';
import { createRandom } from '../statistics/index.ts';
import { type Examples, type ExampleStream, rowType } from '../train/index.ts';
import { changePictures, type SpeechAugmentation, type SpeechPicture } from './speech-augmentation.ts';
import { classesByCharacter, type SpeechSymbols, stepsNeeded } from './speech-symbols.ts';

/** A recording's features and its text. */
export interface SpeechExample {
  readonly picture: SpeechPicture;
  readonly text: string;
}

/** Raw features of recordings, by the nodes that the served graph has. @throws CANCELLED */
export async function computePictures(
  recordings: readonly Float32Array[],
  {
    logMel,
    executor,
    signal,
  }: {
    readonly logMel: LogMelDescription;
    readonly executor: Executor;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<readonly SpeechPicture[]> {
  const samples = input('samples', 'float32', [1, 'samples']);
  const { features, frames } = buildSpeechFeatures(samples, logMel);
  const onnx = compileToOnnx(
    simplify(
      new Map([
        ['features', features],
        ['frames', frames],
      ]),
    ),
    { inputs: [samples] },
  );
  const compiled = await executor.compile(onnx);
  const pictures: SpeechPicture[] = [];
  try {
    for (const each of recordings) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', 'train: cancelled while computing features');
      const result = await compiled.run(new Map([['samples', createTensor('float32', [1, each.length], each)]]));
      const [given, count] = [result.get('features'), result.get('frames')];
      if (given?.dtype !== 'float32' || count?.dtype !== 'int64') {
        throw new AmaasError('INTERNAL', `train: features came as ${given?.dtype} and ${count?.dtype}`);
      }
      const [, bands = 1, all = 1] = given.shape;
      const own = Number(count.data[0]);
      const values = new Float32Array(bands * own);
      for (let band = 0; band < bands; band++)
        values.set(given.data.subarray(band * all, band * all + own), band * own);
      pictures.push({ bands, frames: own, values });
      if (pictures.length % 64 === 0) await turn();
    }
  } finally {
    await compiled.dispose();
  }
  return pictures;
}

/** Lets signals and messages come in. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}

/** Mean and deviation of every band over all frames. */
export function bandStatistics(pictures: readonly SpeechPicture[]): {
  readonly mean: readonly number[];
  readonly std: readonly number[];
} {
  const bands = pictures[0]?.bands ?? 0;
  const frames = pictures.reduce((sum, picture) => sum + picture.frames, 0);
  const perBand = (of: (value: number, band: number) => number): number[] =>
    Array.from({ length: bands }, (_, band) =>
      pictures.reduce((sum, picture) => {
        const row = picture.values.subarray(band * picture.frames, (band + 1) * picture.frames);
        return sum + row.reduce((total, value) => total + of(value, band), 0);
      }, 0),
    ).map((sum) => sum / frames);
  const mean = perBand((value) => value);
  const variance = perBand((value, band) => (value - (mean[band] ?? 0)) ** 2);
  // A band that never changes says nothing, and is left as it is.
  return { mean, std: variance.map((each) => Math.max(Math.sqrt(each), 1e-3)) };
}

/** What rows look like. */
export interface SpeechRows {
  readonly symbols: SpeechSymbols;
  readonly logMel: LogMelDescription;
  readonly normalisation: { readonly mean: readonly number[]; readonly std: readonly number[] };
  readonly timeStride: number;
  /** Frames and labels of every row. */
  readonly frames: number;
  readonly labels: number;
}

/** What fills rows of classes behind their end. */
export const SPEECH_PADDING = -1;

/** Rows of examples as they are; characters that are no symbols are left out. @throws INTERNAL where one does not fit */
export function speechRows(examples: readonly SpeechExample[], rows: SpeechRows): Examples {
  const { frames, labels, normalisation, symbols } = rows;
  const bands = normalisation.mean.length;
  const classes = classesByCharacter(symbols);
  const features = new Float32Array(examples.length * bands * frames);
  const counts = new BigInt64Array(examples.length);
  const target = new BigInt64Array(examples.length * labels).fill(BigInt(SPEECH_PADDING));
  for (const [row, { picture, text }] of examples.entries()) {
    const ids = [...text].flatMap((character) => classes.get(character) ?? []);
    if (picture.frames > frames || ids.length > labels) {
      throw new AmaasError('INTERNAL', `train: ${picture.frames} frames and ${ids.length} characters do not fit a row`);
    }
    counts[row] = BigInt(picture.frames);
    for (const [at, id] of ids.entries()) target[row * labels + at] = BigInt(id);
    for (let band = 0; band < bands; band++) {
      const [mean, std] = [normalisation.mean[band] ?? 0, normalisation.std[band] ?? 1];
      const start = (row * bands + band) * frames;
      for (let frame = 0; frame < picture.frames; frame++) {
        features[start + frame] = ((picture.values[band * picture.frames + frame] ?? 0) - mean) / std;
      }
    }
  }
  return {
    inputs: new Map<string, Tensor>([
      [SPEECH_FEATURES_INPUT, createTensor('float32', [examples.length, bands, frames], features)],
      [SPEECH_FRAMES_INPUT, createTensor('int64', [examples.length], counts)],
    ]),
    target: createTensor('int64', [examples.length, labels], target),
  };
}

/** Rows made at once. */
const CHUNK = 64;

/** Every example once an epoch, changed anew; joined with others by chance. @param digest - says which data it is */
export function speechStream(
  examples: readonly SpeechExample[],
  rows: SpeechRows,
  {
    change,
    seed,
    digest,
    changedEpochs,
  }: {
    readonly change: SpeechAugmentation | null;
    readonly seed: string | number;
    readonly digest: string;
    /** Epochs in which recordings are changed; in those after them they come as they are. */
    readonly changedEpochs: number;
  },
): ExampleStream {
  const { inputs, target } = speechRows([], rows);
  return {
    inputs: new Map([...inputs].map(([name, tensor]) => [name, rowType(tensor)])),
    target: rowType(target),
    rowCount: examples.length,
    bufferRows: 512,
    digest,
    *read({ epoch }) {
      const random = createRandom(seed).fork('speech', epoch);
      for (let start = 0; start < examples.length; start += CHUNK) {
        const own = examples.slice(start, start + CHUNK);
        const changed =
          change === null || epoch > changedEpochs ? own : changeExamples(own, { examples, rows, change, random });
        yield speechRows(changed, rows);
      }
    },
  };
}

/** Examples changed anew; joined with others of `examples` by chance. */
export function changeExamples(
  own: readonly SpeechExample[],
  how: {
    readonly examples: readonly SpeechExample[];
    readonly rows: SpeechRows;
    readonly change: SpeechAugmentation;
    readonly random: Random;
  },
): readonly SpeechExample[] {
  return own.map((each) => changeExample(each, how));
}

function changeExample(
  own: SpeechExample,
  {
    examples,
    rows,
    change,
    random,
  }: {
    readonly examples: readonly SpeechExample[];
    readonly rows: SpeechRows;
    readonly change: SpeechAugmentation;
    readonly random: Random;
  },
): SpeechExample {
  const { logMel, timeStride } = rows;
  const joined = [own];
  for (let more = random.integer(change.maxJoined ?? 1); more > 0; more--) {
    const other = examples[random.integer(examples.length)];
    if (other !== undefined) joined.push(other);
  }
  const setting = { hopSeconds: logMel.hopLength / logMel.sampleRateHz, silence: Math.log(logMel.floor) };
  for (;;) {
    const picture = changePictures(
      joined.map((each) => each.picture),
      change,
      {
        random,
        setting,
        fits: (at, frames) => speechSteps(frames, timeStride) > stepsNeeded(joined[at]?.text ?? ''),
      },
    );
    const text = joined.map((each) => each.text).join(' ');
    if (picture.frames <= rows.frames && [...text].length <= rows.labels) return { picture, text };
    // Too long together: one fewer, at last the recording as it is.
    if (joined.length === 1) return own;
    joined.pop();
  }
}
