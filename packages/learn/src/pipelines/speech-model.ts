// A recogniser of speech as one ONNX graph: samples in, text out. The text is CTC's greedy one; log-probabilities come with
// it for those who search further.
import { AmaasError, createTensor, type Executor, type Tensor } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import type { LogMelDescription } from '../data/index.ts';
import {
  and,
  argMax,
  cast,
  concatStrings,
  constantOf,
  cumSum,
  equal,
  input,
  labelEncoder,
  lessOrEqual,
  logSoftmax,
  mul,
  not,
  or,
  reduceMax,
  reshape,
  scan,
  slice,
  sub,
  transpose,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import { SPEECH_FEATURES_INPUT, SPEECH_FRAMES_INPUT, speechStepValues } from '../layers/index.ts';
import { buildSpeechFeatures } from '../preprocess/index.ts';
import type { TrainedModel } from '../train/index.ts';
import { SPEECH_METADATA, type SpeechModelDescription } from './speech-description.ts';
import { SPEECH_BLANK, type SpeechSymbols } from './speech-symbols.ts';

/** The served model's input: float32 [N, samples], any number of samples, −1 … 1; zeros at the end are padding. */
export const SPEECH_INPUT = 'samples';
/** string [N] */
export const SPEECH_TEXT_OUTPUT = 'text';
/** float32 [N, steps, 1 + characters], the blank first; behind a recording's end the blank is certain. */
export const SPEECH_SCORES_OUTPUT = 'log_probabilities';

/** Of symbols behind a recording's end: as good as impossible, and a number that JSON has. */
const IMPOSSIBLE = -100;

export interface SpeechModelParts {
  /** With the normalisation found in training. */
  readonly logMel: LogMelDescription;
  readonly timeStride: number;
  /** Taken off the blank's logit. */
  readonly blankPenalty: number;
  readonly description: SpeechModelDescription;
}

/** The whole model; see {@link SPEECH_INPUT} and the outputs. */
export function exportSpeechModel(
  { logMel, timeStride, blankPenalty, description }: SpeechModelParts,
  model: TrainedModel,
): Uint8Array {
  const samples = input(SPEECH_INPUT, 'float32', ['N', 'samples']);
  const { features, frames } = buildSpeechFeatures(samples, logMel);
  const logits = model.apply(
    new Map([
      [SPEECH_FEATURES_INPUT, features],
      [SPEECH_FRAMES_INPUT, frames],
    ]),
  );
  const penalties = Array.from({ length: Number(logits.shape[2]) }, (_, at) =>
    at === SPEECH_BLANK ? blankPenalty : 0,
  );
  const ready = sub(logits, constantOf('float32', [1, 1, penalties.length], penalties));
  const scores = untilEnd(logSoftmax(ready), speechStepValues(frames, timeStride));
  const outputs = new Map([
    [SPEECH_TEXT_OUTPUT, greedyText(scores, description)],
    [SPEECH_SCORES_OUTPUT, scores],
  ]);
  return compileToOnnx(simplify(outputs), {
    inputs: [samples],
    metadata: new Map([[SPEECH_METADATA, JSON.stringify(description)]]),
  });
}

/** Log-probabilities with nothing but blanks where a row has ended. @param scores - [N, steps, symbols] */
function untilEnd(scores: Value, steps: Value): Value {
  const [rows = 1, time = 1, symbols] = scores.shape;
  const any = reshape(slice(scores, 2, 0, 1), [rows, time]);
  const same = equal(any, any); // not so for NaN
  const places = cumSum(cast(or(same, not(same)), 'float32'), 1);
  const isInside = lessOrEqual(cast(places, 'int64'), unsqueeze(steps, 1));
  const ended = Array.from({ length: Number(symbols) }, (_, at) => (at === SPEECH_BLANK ? 0 : IMPOSSIBLE));
  return where(unsqueeze(isInside, 2), scores, constantOf('float32', [1, 1, ended.length], ended));
}

/**
 * The likeliest symbol of every step, repetitions taken together, blanks left out: what `decodeCtcGreedy` gives, as text.
 * @param scores - [N, steps, symbols] of one step or more
 * @returns string [N]
 */
export function greedyText(scores: Value, { characters }: SpeechSymbols): Value {
  const best = transpose(argMax(scores, 2)); // [steps, N]
  const table = new Map([[SPEECH_BLANK, ''], ...characters.map((character, at) => [at + 1, character] as const)]);
  const textOf = (classes: Value): Value => labelEncoder(classes, table, { to: 'string', fallback: '' });
  const before = mul(reduceMax(best, { axes: [0] }), SPEECH_BLANK); // blanks, one per row
  const { states } = scan([before, textOf(before)], [best], ([last = best, text = best], [symbol = best]) => {
    const isNew = and(not(equal(symbol, last)), not(equal(symbol, SPEECH_BLANK)));
    // Not StringConcat alone: it must not write a loop's state, to which ONNX Runtime appends from the fourth step on.
    return { states: [symbol, where(isNew, concatStrings(text, textOf(symbol)), text)], outputs: [] };
  });
  const text = states[1];
  if (text === undefined) throw new AmaasError('INTERNAL', 'speech: a loop without its text');
  return text;
}

/** Recordings as one tensor [recordings, longest], zeros behind the shorter ones. */
export function recordingsTensor(recordings: readonly Float32Array[]): Tensor {
  const longest = recordings.reduce((most, { length }) => Math.max(most, length), 1);
  const data = new Float32Array(recordings.length * longest);
  for (const [index, samples] of recordings.entries()) data.set(samples, index * longest);
  return createTensor('float32', [recordings.length, longest], data);
}

/** Samples run at once: a minute or two of sound. */
const RUN_SAMPLES = 1e6;

/** What the model writes for recordings. @throws CANCELLED */
export async function transcribe(
  onnx: Uint8Array,
  recordings: readonly Float32Array[],
  { executor, signal }: { readonly executor: Executor; readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  const compiled = await executor.compile(onnx);
  const decoder = new TextDecoder();
  const texts: string[] = [];
  try {
    while (texts.length < recordings.length) {
      if (signal?.aborted) throw new AmaasError('CANCELLED', 'train: cancelled while transcribing');
      const batch = nextBatch(recordings, texts.length);
      const results = await compiled.run(new Map([[SPEECH_INPUT, recordingsTensor(batch)]]), [SPEECH_TEXT_OUTPUT]);
      const found = results.get(SPEECH_TEXT_OUTPUT);
      if (found?.dtype !== 'string') throw new AmaasError('INTERNAL', `speech: the text came as ${found?.dtype}`);
      texts.push(...found.data.map((bytes) => decoder.decode(bytes)));
      // A run may hold the thread all along: signals and messages come in here.
      await new Promise<void>((resolve) => {
        setTimeout(resolve);
      });
    }
  } finally {
    await compiled.dispose();
  }
  return texts;
}

/** Recordings from one on that are run together: padded to the longest they stay few samples. */
function nextBatch(recordings: readonly Float32Array[], from: number): readonly Float32Array[] {
  let [longest, end] = [1, from];
  for (; end < recordings.length; end++) {
    longest = Math.max(longest, recordings[end]?.length ?? 0);
    if (end > from && longest * (end + 1 - from) > RUN_SAMPLES) break;
  }
  return recordings.slice(from, end);
}
