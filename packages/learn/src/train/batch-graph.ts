// What one batch computes before anything is differentiated: the network's prediction and the sums of loss and metrics
// over its rows.
import { AmaasError } from '@amaas/core';
import { lowerConvolutions } from '../compile/index.ts';
import { cast, mul, reduceSum, type Shape, type Value } from '../graph/index.ts';
import { type BuildRecord, createScope, type Network } from '../layers/index.ts';
import { type IdRanges, idRangesOf } from './id-ranges.ts';
import type { Loss } from './losses.ts';
import { type Metric, metricSums } from './metrics.ts';
import { batchFields, type FieldType, fieldName, ROW_WEIGHTS, TARGET } from './step-fields.ts';

export interface StepOptions {
  readonly network: Network;
  /** The network's inputs by name, one row each. */
  readonly inputs: ReadonlyMap<string, FieldType>;
  readonly target: FieldType;
  readonly batchSize: number;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
}

export interface Sums {
  /** Σ weight · loss, without penalties. */
  readonly loss: Value;
  /** Σ weight: what the loss is divided by. */
  readonly weight: Value;
  /** Σ weight without the classes' weights: what metrics are divided by. */
  readonly rows: Value;
  /** In the order of {@link metricSums}. */
  readonly metrics: readonly Value[];
}

/** One batch's part of a graph; parameters and statistics are inputs named as in the record. */
export interface BatchGraph {
  readonly fields: readonly Value[];
  readonly prediction: Shape;
  readonly ids: IdRanges;
  readonly sums: Sums;
  readonly record: BuildRecord;
}

/** The batch as training sees it: convolutions in the form that trains fastest, one form for all that reads them. */
export function buildTrainingBatch(options: StepOptions): BatchGraph {
  const batch = buildBatch(options, true);
  const { loss, weight, rows, metrics } = batch.sums;
  const { penalties, statistics } = batch.record;
  const updated = statistics.flatMap((statistic) => statistic.updated ?? []);
  const lowered = lowerConvolutions([loss, weight, rows, ...metrics, ...penalties, ...updated]);
  let next = 0;
  const take = (value: Value): Value => lowered[next++] ?? value;
  return {
    ...batch,
    sums: { loss: take(loss), weight: take(weight), rows: take(rows), metrics: metrics.map(take) },
    record: {
      ...batch.record,
      penalties: penalties.map(take),
      statistics: statistics.map((each) => (each.updated === null ? each : { ...each, updated: take(each.updated) })),
    },
  };
}

/** @throws INVALID_GRAPH when network, loss and data do not fit together */
export function buildBatch(options: StepOptions, training: boolean): BatchGraph {
  const fields = batchFields(options, options.batchSize);
  const { scope, record } = createScope(training);
  const given = new Map([...options.inputs.keys()].map((name) => [name, expectField(fields, fieldName(name))]));
  const target = expectField(fields, TARGET);
  const prediction = options.network.build(given, scope);
  if (prediction.dtype !== 'float32' || prediction.shape[0] !== options.batchSize) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `train: the network must give float32 [${options.batchSize}, ...] for a batch, it gives ${prediction.dtype} [${prediction.shape}]`,
    );
  }
  const rows = expectField(fields, ROW_WEIGHTS);
  const typed = cast(target, options.loss.targetDType);
  const batch = { inputs: given, weights: rows };
  const perRow = options.loss.perRow(prediction, typed, batch);
  const classWeights = options.loss.rowWeights?.(typed, batch);
  const weights = classWeights === undefined ? rows : mul(rows, classWeights);
  return {
    fields: [...fields.values()],
    prediction: prediction.shape,
    ids: idRangesOf(prediction, given),
    sums: {
      loss: reduceSum(mul(perRow, weights)),
      weight: reduceSum(weights),
      rows: reduceSum(rows),
      metrics: metricSums(options.metrics).map((sum) => reduceSum(mul(sum.perRow(prediction, target, batch), rows))),
    },
    record: record(),
  };
}

function expectField(fields: ReadonlyMap<string, Value>, name: string): Value {
  const value = fields.get(name);
  if (value === undefined) throw new AmaasError('INTERNAL', `train: the field ${name} is missing`);
  return value;
}
