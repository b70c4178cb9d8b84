// What trainings of texts, pictures and sounds have in common: read, split, train candidates, choose by validation,
// export one graph, and report on values none of it has seen, by the exported graph itself.
import { AmaasError, type Clock, type Executor, type Manifest, systemClock, type Tensor } from '@amaas/core';
import type { DataFinding, LabelledMedia, MediaFile } from '../data/index.ts';
import { type EvaluationReport, evaluateClassifier, type Fact, type Slice, slicesByValue } from '../evaluate/index.ts';
import { functional, type Layer, type Network } from '../layers/index.ts';
import {
  accuracy,
  adamW,
  binaryCrossentropy,
  type CheckpointStore,
  cosineDecay,
  type EpochRecord,
  type Examples,
  type FitProgress,
  fit,
  sparseCategoricalCrossentropy,
  type TrainedModel,
} from '../train/index.ts';
import {
  checkClasses,
  findSharedValues,
  type MediaParts,
  type MediaRows,
  type MediaSummary,
  readMedia,
  readTestMedia,
  refuseClasses,
  splitMedia,
} from './media-data.ts';
import type { MediaModelDescription, MediaPreparation } from './media-description.ts';
import {
  type ClassTarget,
  computeFeatures,
  describeMediaModel,
  exportMediaModel,
  type MediaInput,
  predictMedia,
} from './media-model.ts';
import { targetTensor } from './table-target.ts';
import { lossCurves } from './train-table.ts';

/** What every training of media is given. */
export interface TrainMediaOptions<Media> {
  readonly media: LabelledMedia<Media>;
  readonly executor: Executor;
  /** What the data is called in the report; default the kind of medium. */
  readonly name?: string;
  /** Share or number of values held out for the report, or the held-out media themselves; default 0.2. */
  readonly test?: number | LabelledMedia<Media>;
  /** Share or number of values held out to choose and to stop by; default 0.15. */
  readonly validation?: number;
  /** Files with one answer stay in one part (speakers, patients, films) and make the report's slices. */
  readonly groupOf?: (file: MediaFile) => string;
  /** What a file that cannot be decoded does; default `fail`. */
  readonly whenCorrupt?: 'fail' | 'skip';
  /** Greatest share of the files that may be skipped, but always one; default all of them. */
  readonly maxSkippedShare?: number;
  /** Default 0. */
  readonly seed?: string | number;
  readonly checkpoint?: (candidate: string) => CheckpointStore;
  readonly onEvent?: (event: TrainMediaEvent) => void;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  readonly clock?: Clock;
}

/** How a candidate is trained. */
export interface MediaTrainingSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Decoupled, on kernels and tables. */
  readonly weightDecay: number;
  /** Epochs it may go on without getting better on the validation values. */
  readonly patience: number;
}

/** Updates that even a small set of media is given. */
const MIN_UPDATES = 1500;
const MIN_BATCH = 16;

/** Settings for so many training values: small sets get smaller batches and more epochs, or little would be learned of them. */
export function settingsFor(
  base: MediaTrainingSettings,
  values: number,
  given: Partial<MediaTrainingSettings> = {},
): MediaTrainingSettings {
  const batchSize = Math.max(MIN_BATCH, Math.min(base.batchSize, 2 ** Math.round(Math.log2(values / 30))));
  const growth = Math.max(1, MIN_UPDATES / (base.epochs * Math.ceil(values / batchSize)));
  const epochs = Math.ceil(base.epochs * growth);
  return { ...base, batchSize, epochs, patience: Math.ceil(base.patience * growth), ...given };
}

export interface MediaCandidate {
  readonly name: string;
  readonly network: Network;
  /** Features the network takes, by name. */
  readonly inputs: readonly string[];
  readonly settings: MediaTrainingSettings;
}

/** What happens while media are learned. */
export type TrainMediaEvent =
  | { readonly kind: 'reading'; readonly files: number; readonly total: number }
  | { readonly kind: 'described'; readonly summary: MediaSummary }
  | {
      readonly kind: 'split';
      readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
      readonly findings: readonly DataFinding[];
    }
  | { readonly kind: 'prepared'; readonly facts: readonly Fact[] }
  | { readonly kind: 'training'; readonly candidate: string; readonly progress: FitProgress }
  | { readonly kind: 'epoch'; readonly candidate: string; readonly record: EpochRecord }
  | { readonly kind: 'trained'; readonly candidate: string; readonly validationLoss: number; readonly epochs: number }
  | { readonly kind: 'evaluating' };

export interface TrainedMedia {
  /** The served model. */
  readonly onnx: Uint8Array;
  readonly manifest: Manifest;
  /** What the model says about itself; null where files become its input as they are. */
  readonly description: MediaModelDescription | null;
  readonly report: EvaluationReport;
  readonly summary: MediaSummary;
  /** In the order of the probabilities. */
  readonly classes: readonly string[];
  /** The chosen candidate and its settings. */
  readonly candidate: { readonly name: string; readonly settings: MediaTrainingSettings };
  readonly history: readonly EpochRecord[];
  /** Names of the files of each part. */
  readonly split: Readonly<Record<'train' | 'validation' | 'test', readonly string[]>>;
  readonly test: HeldOutMedia;
}

/** The held-out values, as the report saw them. */
export interface HeldOutMedia {
  /** Places among the classes. */
  readonly labels: Float64Array;
  /** Probabilities [values, classes] by the exported model. */
  readonly scores: Float32Array;
  /** The first of the values as a request has it: the model's input and its tensor [1, ...]. */
  readonly example: { readonly input: string; readonly tensor: Tensor };
}

/** How one kind of medium is learned, decided from the training part. */
export interface MediaPlan<Media> {
  readonly input: MediaInput<Media>;
  /** Tried in this order; equally good ones: the first. */
  readonly candidates: readonly MediaCandidate[];
  readonly facts: readonly Fact[];
  readonly manifest: Manifest;
  /** How files become what the model takes, kept in the model; left out where nothing is done to them. */
  readonly preparation?: MediaPreparation;
}

export interface MediaKind<Media> {
  plan(train: MediaRows<Media>, target: ClassTarget): MediaPlan<Media>;
  /** Equal for equal values; left out: doubles are not looked for. */
  readonly keyOf?: (value: Media) => string;
  /** Parts of the test values to look at one by one. */
  readonly slices?: (values: readonly Media[]) => readonly Slice[];
}

/** A layer as a network of one feature. */
export function networkOf(feature: string, layer: Layer): Network {
  return functional([feature], (inputs, scope) => layer.apply(inputs.get(feature), scope));
}

/** Groups beyond which slices by group are no longer readable. */
const MAX_GROUP_SLICES = 20;

/** Trains a classifier of media. @throws INVALID_DATA with what to do about it; CANCELLED; TRAINING_DIVERGED */
export async function trainMedia<Media>(
  options: TrainMediaOptions<Media>,
  kind: MediaKind<Media>,
): Promise<TrainedMedia> {
  const { seed = 0 } = options;
  const { rows, summary } = await readMedia(options.media, {
    ...options,
    onRead: (files, total) => options.onEvent?.({ kind: 'reading', files, total }),
  });
  options.onEvent?.({ kind: 'described', summary });
  refuseClasses(summary);
  const { test = 0.2 } = options;
  const parts = splitMedia(rows, {
    seed,
    test: typeof test === 'number' ? test : (await readTestMedia(test, options.media.classNames, options)).rows,
    validation: options.validation ?? 0.15,
    groupOf: options.groupOf,
  });
  const classes = summary.classes.map(({ name }) => name);
  const rare = checkClasses(parts, classes);
  const findings = [
    ...parts.findings,
    ...rare,
    ...(kind.keyOf === undefined ? [] : findSharedValues(parts, kind.keyOf)),
  ];
  options.onEvent?.({
    kind: 'split',
    rows: {
      train: parts.train.values.length,
      validation: parts.validation.values.length,
      test: parts.test.values.length,
    },
    findings,
  });

  const target: ClassTarget = { task: classes.length === 2 ? 'binary' : 'multiclass', column: 'class', classes };
  const plan = kind.plan(parts.train, target);
  options.onEvent?.({ kind: 'prepared', facts: plan.facts });
  const chosen = await chooseCandidate(plan, { options, parts, target });

  options.onEvent?.({ kind: 'evaluating' });
  const { report, scores } = await evaluateParts({ options, kind, plan, parts, target, chosen, summary });
  const namesOf = (part: MediaRows<Media>): readonly string[] => part.files.map(({ name }) => name);
  return {
    onnx: chosen.best.onnx,
    manifest: { schemaVersion: 1, ...plan.manifest, labels: classes },
    description: plan.preparation === undefined ? null : describeMediaModel(target, plan.preparation),
    report,
    summary,
    classes,
    candidate: { name: chosen.best.candidate.name, settings: chosen.best.candidate.settings },
    history: chosen.best.history,
    split: { train: namesOf(parts.train), validation: namesOf(parts.validation), test: namesOf(parts.test) },
    test: {
      labels: parts.test.labels,
      scores,
      example: { input: plan.input.name, tensor: plan.input.tensor(parts.test.values.slice(0, 1)) },
    },
  };
}

interface Trained {
  readonly candidate: MediaCandidate;
  readonly model: TrainedModel;
  readonly onnx: Uint8Array;
  readonly history: readonly EpochRecord[];
  readonly validationLoss: number;
}

interface Chosen {
  readonly best: Trained;
  readonly others: readonly Trained[];
}

interface TrainingContext<Media> {
  readonly options: TrainMediaOptions<Media>;
  readonly parts: MediaParts<Media>;
  readonly target: ClassTarget;
}

async function chooseCandidate<Media>(plan: MediaPlan<Media>, context: TrainingContext<Media>): Promise<Chosen> {
  const { options, parts, target } = context;
  const examplesOf = async (part: MediaRows<Media>): Promise<Examples> => ({
    inputs: await computeFeatures({
      media: plan.input,
      values: part.values,
      executor: options.executor,
      signal: options.signal,
    }),
    target: targetTensor(target, part.labels),
  });
  const training = await examplesOf(parts.train);
  const validation = await examplesOf(parts.validation);
  const trained: Trained[] = [];
  const exported = { target, preparation: plan.preparation };
  for (const candidate of plan.candidates) {
    const only = (examples: Examples): Examples => ({
      ...examples,
      inputs: new Map([...examples.inputs].filter(([name]) => candidate.inputs.includes(name))),
    });
    const result = await trainCandidate(candidate, context, { training: only(training), validation: only(validation) });
    trained.push({ ...result, onnx: exportMediaModel(plan.input, exported, result.model) });
  }
  const [best, ...others] = trained.toSorted((a, b) => a.validationLoss - b.validationLoss);
  if (best === undefined) throw new AmaasError('INVALID_ARGUMENT', 'train: expected at least one candidate, got none');
  return { best, others };
}

async function trainCandidate<Media>(
  candidate: MediaCandidate,
  { options, target }: TrainingContext<Media>,
  { training, validation }: { readonly training: Examples; readonly validation: Examples },
): Promise<Omit<Trained, 'onnx'>> {
  const { name, settings } = candidate;
  const rows = training.target.shape[0] ?? 1;
  const steps = Math.ceil(rows / settings.batchSize) * settings.epochs;
  const { model, history, epoch } = await fit(candidate.network, training, {
    executor: options.executor,
    loss: target.task === 'binary' ? binaryCrossentropy() : sparseCategoricalCrossentropy(),
    metrics: [accuracy],
    optimizer: adamW({
      learningRate: cosineDecay(settings.learningRate, steps, { warmupSteps: Math.min(100, Math.floor(steps / 20)) }),
      weightDecay: settings.weightDecay,
    }),
    epochs: settings.epochs,
    batchSize: settings.batchSize,
    validation,
    earlyStopping: { patience: settings.patience },
    clipNorm: 5,
    seed: `${options.seed ?? 0} ${name}`,
    onProgress: (progress) => options.onEvent?.({ kind: 'training', candidate: name, progress }),
    onEpoch: (record) => options.onEvent?.({ kind: 'epoch', candidate: name, record }),
    clock: options.clock ?? systemClock,
    ...(options.checkpoint === undefined ? {} : { checkpoint: { store: options.checkpoint(name) } }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  const validationLoss = history[epoch - 1]?.values['validation loss'] ?? Number.POSITIVE_INFINITY;
  options.onEvent?.({ kind: 'trained', candidate: name, validationLoss, epochs: history.length });
  return { candidate, model, history, validationLoss };
}

async function evaluateParts<Media>(context: {
  readonly options: TrainMediaOptions<Media>;
  readonly kind: MediaKind<Media>;
  readonly plan: MediaPlan<Media>;
  readonly parts: MediaParts<Media>;
  readonly target: ClassTarget;
  readonly chosen: Chosen;
  readonly summary: MediaSummary;
}): Promise<{ readonly report: EvaluationReport; readonly scores: Float32Array }> {
  const { options, kind, plan, parts, target, chosen, summary } = context;
  const { values, labels, files } = parts.test;
  const predict = (onnx: Uint8Array): Promise<Float32Array> =>
    predictMedia(onnx, { media: plan.input, values, executor: options.executor, signal: options.signal });
  const scores = await predict(chosen.best.onnx);
  const baselines: { name: string; scores: Float32Array }[] = [];
  for (const { candidate, onnx } of chosen.others)
    baselines.push({ name: candidate.name, scores: await predict(onnx) });
  const groups = options.groupOf === undefined ? [] : slicesByValue('group', files.map(options.groupOf));
  const report = evaluateClassifier({
    labels,
    classNames: target.classes,
    scores,
    trainingLabels: parts.train.labels,
    baselines,
    seed: options.seed ?? 0,
    slices: [...(groups.length <= MAX_GROUP_SLICES ? groups : []), ...(kind.slices?.(values) ?? [])],
    data: {
      name: options.name ?? summary.kind,
      facts: [
        { label: 'Files', value: summary.files },
        ...(summary.skipped.length > 0 ? [{ label: 'Files left out', value: summary.skipped.length }] : []),
        { label: 'Digest', value: `sha256:${summary.digest}` },
      ],
    },
    model: {
      name: chosen.best.candidate.name,
      facts: [
        {
          label: 'Parameters',
          value: [...chosen.best.model.weights.values()].reduce((sum, { data }) => sum + data.length, 0),
        },
        { label: 'Bytes of the exported model', value: chosen.best.onnx.byteLength },
        ...plan.facts,
      ],
    },
    training: {
      facts: [
        { label: 'Seed', value: String(options.seed ?? 0) },
        { label: 'Values for training', value: parts.train.values.length },
        { label: 'Values for validation', value: parts.validation.values.length },
        { label: 'Epochs', value: chosen.best.history.length },
      ],
      curves: lossCurves(chosen.best.history),
    },
  });
  return { report, scores };
}
