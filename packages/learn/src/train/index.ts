// Training: losses, optimisers, the training step as one graph, and the loop around it. Knows no files and no runtimes:
// an executor and a checkpoint store are passed in.
export type { CheckpointStore } from './checkpoint.ts';
export type { EpochRecord } from './epoch-record.ts';
export { evaluateExamples } from './evaluation-steps.ts';
export { countRows, type Examples, gatherRows, rowNumbers, rowType, selectExamples } from './examples.ts';
export type { ExamplePart, ExampleParts, TrainingRows } from './example-parts.ts';
export { fit } from './fit.ts';
export { FIT_OPTION_NAMES, type FitOptions, type FitProgress, type FitResult } from './fit-options.ts';
export { assertIds, type IdRanges, idRangesOf } from './id-ranges.ts';
export { type CtcProblem, type CtcResult, ctcLoss } from './ctc.ts';
export {
  binaryCrossentropy,
  type CrossEntropyOptions,
  categoricalCrossentropy,
  hinge,
  huber,
  type Loss,
  type LossBatch,
  type LossName,
  lossFor,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './losses.ts';
export { absoluteError, accuracy, type Metric, type MetricName, metricFor, squaredError } from './metrics.ts';
export type { EarlyStopping, ReduceOnPlateau } from './monitor.ts';
export { assertOptionNames } from './option-names.ts';
export * from './optimizers.ts';
export type { Weights } from './packing.ts';
export { readSafetensors, type Safetensors, writeSafetensors } from './safetensors.ts';
export * from './schedules.ts';
export {
  type CtcOptions,
  ctc,
  type SequenceCrossentropyOptions,
  type SequenceSteps,
  sequenceCrossentropy,
} from './sequence-losses.ts';
export { sequenceAccuracy } from './sequence-metrics.ts';
export { type InfoNceOptions, infoNce, negativeSampling, noiseContrastive } from './sequence-losses-contrastive.ts';
export type { FieldType } from './step-fields.ts';
export { buildTrainingGraph, type StepGraph, type TrainingOptions } from './step-graph.ts';
export type { ExampleStream, StreamEpoch } from './stream-batches.ts';
export { BATCH_SYMBOL, type ExportOptions, Predictor, TrainedModel } from './trained-model.ts';
export { TrainingSteps } from './training-steps.ts';
export { countParameters, initialWeights } from './weights.ts';
