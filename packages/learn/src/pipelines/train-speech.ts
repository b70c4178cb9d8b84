// From recordings with transcripts to a model that takes samples and writes what was said: log-mel features, network and
// greedy CTC in one graph. What a file's samples are brought to before (one channel, one rate) is the opener's business.
import { AmaasError, type Manifest, systemClock } from '@amaas/core';
import { type DataFinding, type LogMelDescription, speechLogMel } from '../data/index.ts';
import {
  DEFAULT_TIME_STRIDE,
  SPEECH_FRAMES_INPUT,
  speechRecogniser,
  speechSteps,
  speechStepValues,
} from '../layers/index.ts';
import { speechFrames } from '../preprocess/index.ts';
import { createRandom } from '../statistics/index.ts';
import { adamW, cosineDecay, ctc, type EpochRecord, fit, type TrainedModel } from '../train/index.ts';
import { keyOfBytes, readMedia } from './media-data.ts';
import { checkSpeechAugmentation, type SpeechAugmentation } from './speech-augmentation.ts';
import {
  findUnknownCharacters,
  type Recording,
  recordingsOf,
  refuse,
  type SpeechParts,
  type SpeechSummary,
  splitRecordings,
} from './speech-data.ts';
import type { SpeechModelDescription } from './speech-description.ts';
import {
  bandStatistics,
  changeExamples,
  computePictures,
  type SpeechExample,
  type SpeechRows,
  SPEECH_PADDING,
  speechRows,
  speechStream,
} from './speech-examples.ts';
import { chooseBlankPenalty } from './speech-blanks.ts';
import { exportSpeechModel, transcribe } from './speech-model.ts';
import type { SpeechTrainingSettings, TrainSpeechOptions } from './speech-options.ts';
import { manifestFor, reportFor } from './speech-outcome.ts';
import type { HeardText, SpeechReport } from './speech-report.ts';
import { checkSymbols, SPEECH_BLANK, type SpeechSymbols, stepsNeeded, symbolsOf } from './speech-symbols.ts';

export interface TrainedSpeech {
  /** The served model. */
  readonly onnx: Uint8Array;
  readonly manifest: Manifest;
  readonly description: SpeechModelDescription;
  readonly report: SpeechReport;
  readonly summary: SpeechSummary;
  readonly settings: SpeechTrainingSettings;
  readonly history: readonly EpochRecord[];
  /** Names of the files of each part. */
  readonly split: Readonly<Record<'train' | 'validation' | 'test', readonly string[]>>;
  /** The held-out recordings, as the exported graph heard them. */
  readonly heard: readonly HeardText[];
  /** The first held-out recording. */
  readonly example: Float32Array;
  readonly model: TrainedModel;
}

/** Sums of energies that count as silence: 80 dB under the loudest sample. */
const SILENCE = 1e-6;

/** Found on spoken digits (docs/benchmarks.md); recordings of two seconds or more are joined with no others. */
export const DEFAULT_SPEECH_AUGMENTATION: SpeechAugmentation = {
  maxJoined: 2,
  maxPauseSeconds: 0.15,
  maxSpeedChange: 0.25,
  maxPitchChange: 0.1,
  maxGainDb: 6,
  noiseDb: 20,
  maxMasked: 0.1,
};

/** Of the epochs; in the last ones recordings come as they are, which makes what is written sharper. */
const CHANGED_SHARE = 0.8;
/** Updates that even a small set is given. */
const MIN_UPDATES = 1800;

/**
 * Trains a recogniser of speech.
 *
 * The exported model takes `samples` float32 [N, any], zeros behind the shorter ones, and gives `text` string [N] and
 * `log_probabilities` float32 [N, steps, 1 + characters], the blank first.
 * @throws INVALID_DATA with what to do about it, when the recordings cannot be learned from; INVALID_CONFIG for characters,
 *   features and augmentation out of range; CANCELLED; TRAINING_DIVERGED; INVALID_CHECKPOINT
 */
export async function trainSpeech(options: TrainSpeechOptions): Promise<TrainedSpeech> {
  const { sampleRateHz, network = {} } = options;
  const logMel = featuresFor(options);
  const timeStride = network.timeStride ?? DEFAULT_TIME_STRIDE;
  if (options.augmentation) checkSpeechAugmentation(options.augmentation);
  const { parts, summary } = await readParts(options, logMel);
  const change = options.augmentation === undefined ? augmentationFor(summary) : options.augmentation;
  const symbols =
    options.characters === undefined
      ? symbolsOf([...parts.train.map(({ text }) => text), ...((change?.maxJoined ?? 1) > 1 ? [' '] : [])])
      : checkSymbols(options.characters);
  refuseUnwritable(parts, symbols, { logMel, timeStride });
  options.onEvent?.({
    kind: 'split',
    rows: { train: parts.train.length, validation: parts.validation.length, test: parts.test.length },
    findings: [...parts.findings, ...findUnknownCharacters(parts, symbols), ...findShared(parts)],
  });

  const examplesOf = async (recordings: readonly Recording[]): Promise<readonly SpeechExample[]> => {
    const samples = recordings.map((each) => each.samples);
    const pictures = await computePictures(samples, { logMel, executor: options.executor, signal: options.signal });
    return pictures.map((picture, at) => ({ picture, text: recordings[at]?.text ?? '' }));
  };
  const training = await examplesOf(parts.train);
  const validation = await examplesOf(parts.validation);
  const normalisation = bandStatistics(training.map(({ picture }) => picture));
  const rows = rowsFor([...training, ...validation], { symbols, logMel, normalisation, timeStride, change });
  const settings = settingsFor(training.length, options.training);
  const { model, history } = await trainNetwork({ options, settings, rows, change, training, validation, summary });

  const heldBack = change === null ? training : changedAgain(training, { rows, change, seed: options.seed ?? 0 });
  const blankPenalty = await chooseBlankPenalty(model, [...validation, ...heldBack], { ...options, rows });
  const description: SpeechModelDescription = {
    format: 'amaas-speech-1',
    characters: symbols.characters,
    sampleRateHz,
    stepSeconds: (logMel.hopLength * timeStride) / sampleRateHz,
  };
  const normalised: LogMelDescription = { ...logMel, normalisation: { kind: 'fixed', ...normalisation } };
  const onnx = exportSpeechModel({ logMel: normalised, timeStride, blankPenalty, description }, model);
  options.onEvent?.({ kind: 'evaluating' });
  const texts = await transcribe(
    onnx,
    parts.test.map(({ samples }) => samples),
    options,
  );
  const heard = parts.test.map(({ file, text }, at) => ({ file: file.name, text, heard: texts[at] ?? '' }));
  const namesOf = (part: readonly Recording[]): readonly string[] => part.map(({ file }) => file.name);
  return {
    onnx,
    manifest: manifestFor(description),
    description,
    report: reportFor({ options, parts, heard, summary, settings, history, model, onnx, rows, blankPenalty }),
    summary,
    settings,
    history,
    split: { train: namesOf(parts.train), validation: namesOf(parts.validation), test: namesOf(parts.test) },
    heard,
    example: parts.test[0]?.samples ?? new Float32Array(1),
    model,
  };
}

/** Recordings shorter than that on average are learned several after one another too. */
const SHORT_SECONDS = 2;

function augmentationFor({ seconds, files }: SpeechSummary): SpeechAugmentation {
  return { ...DEFAULT_SPEECH_AUGMENTATION, ...(seconds < SHORT_SECONDS * files ? {} : { maxJoined: 1 }) };
}

function featuresFor({ sampleRateHz, logMel }: TrainSpeechOptions): LogMelDescription {
  return { ...speechLogMel(sampleRateHz), floor: SILENCE, ...logMel, normalisation: { kind: 'none' } };
}

async function readParts(
  options: TrainSpeechOptions,
  { fftLength }: LogMelDescription,
): Promise<{ readonly parts: SpeechParts; readonly summary: SpeechSummary }> {
  const { rows, summary } = await readMedia(options.media, {
    ...options,
    onRead: (files, total) => options.onEvent?.({ kind: 'reading', files, total }),
  });
  const recordings = recordingsOf(rows, fftLength);
  const { skipped, digest, files } = summary;
  const described: SpeechSummary = {
    files,
    seconds: rows.values.reduce((sum, { length }) => sum + length, 0) / options.sampleRateHz,
    words: recordings.reduce((sum, { text }) => sum + text.split(' ').length, 0),
    characters: recordings.reduce((sum, { text }) => sum + [...text].length, 0),
    skipped,
    digest,
  };
  options.onEvent?.({ kind: 'described', summary: described });
  const { test = 0.2, validation = 0.1, seed = 0, groupOf } = options;
  const held = typeof test === 'number' ? test : recordingsOf((await readMedia(test, options)).rows, fftLength);
  return { parts: splitRecordings(recordings, { seed, test: held, validation, groupOf }), summary: described };
}

/** @throws INVALID_DATA for recordings to learn from whose transcript cannot be learned */
function refuseUnwritable(
  { train, validation }: SpeechParts,
  { characters }: SpeechSymbols,
  { logMel, timeStride }: { readonly logMel: LogMelDescription; readonly timeStride: number },
): void {
  const known = new Set(characters);
  refuse(
    train.filter(({ text }) => [...text].some((character) => !known.has(character))),
    (names) => `the transcript of ${names} has characters that are not among those given`,
  );
  const stepMs = Math.round((1000 * logMel.hopLength * timeStride) / logMel.sampleRateHz);
  refuse(
    [...train, ...validation].filter(
      ({ samples, text }) => speechSteps(speechFrames(samples.length, logMel), timeStride) < stepsNeeded(text),
    ),
    (names) =>
      `the transcript of ${names} is too long for its recording, which can hold a character every ${stepMs} ms`,
  );
}

/** A warning where held-out recordings also are among those of training. */
function findShared({ train, test }: SpeechParts): readonly DataFinding[] {
  const keyOf = ({ samples }: Recording): string =>
    keyOfBytes(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  const known = new Set(train.map(keyOf));
  const shared = test.filter((each) => known.has(keyOf(each)));
  if (shared.length === 0) return [];
  const message = `${shared.length} of ${test.length} test recordings also are in training (such as ${shared[0]?.file.name}), which flatters the result; remove duplicates`;
  return [{ severity: 'warning', code: 'duplicate-rows', message }];
}

/** Rows as large as the longest recording, and as several usual ones after another. */
function rowsFor(
  examples: readonly SpeechExample[],
  { change, ...parts }: Omit<SpeechRows, 'frames' | 'labels'> & { readonly change: SpeechAugmentation | null },
): SpeechRows {
  const { maxJoined = 1, maxPauseSeconds = 0 } = change ?? {};
  const frames = examples.map(({ picture }) => picture.frames);
  const mean = frames.reduce((sum, each) => sum + each, 0) / frames.length;
  const pause = (maxPauseSeconds * parts.logMel.sampleRateHz) / parts.logMel.hopLength;
  const joined = maxJoined * mean + ((maxJoined + 1) * pause) / 2;
  const longest = examples.reduce((most, { text }) => Math.max(most, [...text].length), 1);
  return {
    ...parts,
    frames: Math.ceil(Math.max(joined, ...frames) / 8) * 8,
    labels: longest * maxJoined + maxJoined - 1,
  };
}

/** Training examples changed by other random numbers than any epoch's, each by itself. */
function changedAgain(
  training: readonly SpeechExample[],
  {
    rows,
    change,
    seed,
  }: { readonly rows: SpeechRows; readonly change: SpeechAugmentation; readonly seed: string | number },
): readonly SpeechExample[] {
  const random = createRandom(seed).fork('speech', 'blanks');
  return changeExamples(training, { examples: training, rows, change: { ...change, maxJoined: 1 }, random });
}

function settingsFor(recordings: number, given: Partial<SpeechTrainingSettings> = {}): SpeechTrainingSettings {
  const batchSize = given.batchSize ?? 16;
  const epochs = given.epochs ?? Math.max(30, Math.ceil(MIN_UPDATES / Math.ceil(recordings / batchSize)));
  return { learningRate: 0.004, weightDecay: 0.05, patience: Math.ceil(epochs / 4), ...given, batchSize, epochs };
}

async function trainNetwork({
  options,
  settings,
  rows,
  change,
  training,
  validation,
  summary,
}: {
  readonly options: TrainSpeechOptions;
  readonly settings: SpeechTrainingSettings;
  readonly rows: SpeechRows;
  readonly change: SpeechAugmentation | null;
  readonly training: readonly SpeechExample[];
  readonly validation: readonly SpeechExample[];
  readonly summary: SpeechSummary;
}): Promise<{ readonly model: TrainedModel; readonly history: readonly EpochRecord[] }> {
  const { seed = 0, network = {} } = options;
  const steps = Math.ceil(training.length / settings.batchSize) * settings.epochs;
  const stream = speechStream(training, rows, {
    change,
    seed,
    digest: `${summary.digest} ${training.length} ${settings.epochs}`,
    changedEpochs: Math.ceil(CHANGED_SHARE * settings.epochs),
  });
  return fit(
    speechRecogniser({ ...network, timeStride: rows.timeStride, symbols: rows.symbols.characters.length + 1 }),
    stream,
    {
      executor: options.executor,
      loss: ctc({
        blank: SPEECH_BLANK,
        padding: SPEECH_PADDING,
        fromLogits: true,
        zeroInfinity: true,
        frameLengths: ({ inputs }) => {
          const frames = inputs.get(SPEECH_FRAMES_INPUT);
          if (frames === undefined) throw new AmaasError('INTERNAL', 'speech: the batch has no frames');
          return speechStepValues(frames, rows.timeStride);
        },
      }),
      optimizer: adamW({
        learningRate: cosineDecay(settings.learningRate, steps, { warmupSteps: Math.min(300, Math.floor(steps / 10)) }),
        weightDecay: settings.weightDecay,
      }),
      epochs: settings.epochs,
      batchSize: settings.batchSize,
      ...(validation.length === 0
        ? {}
        : { validation: speechRows(validation, rows), earlyStopping: { patience: settings.patience } }),
      clipNorm: 5,
      seed,
      onProgress: (progress) => options.onEvent?.({ kind: 'training', progress }),
      onEpoch: (record) => options.onEvent?.({ kind: 'epoch', record }),
      clock: options.clock ?? systemClock,
      ...(options.checkpoint === undefined ? {} : { checkpoint: { store: options.checkpoint } }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    },
  );
}
