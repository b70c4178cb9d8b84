// What both kinds of evaluation take besides labels and predictions, and the defaults with their reasons.
import { AmaasError } from '@amaas/core';
import { createRandom, DEFAULT_CONFIDENCE } from '../statistics/index.ts';
import {
  type DataDescription,
  type EvaluationReport,
  type Fact,
  type ModelDescription,
  orNull,
  type TrainingDescription,
} from './report.ts';
import type { EstimationOptions } from './sample.ts';
import type { Slice } from './slices.ts';

export interface EvaluationOptions {
  /** Weight of every row, ≥ 0; default 1 each. */
  readonly weights?: ArrayLike<number>;
  readonly slices?: readonly Slice[];
  /** Described by the caller and shown as they are. */
  readonly data?: DataDescription;
  readonly model?: ModelDescription;
  readonly training?: TrainingDescription;
  /** What the caller knows that readers must mind; shown before what the numbers themselves give rise to. */
  readonly warnings?: readonly string[];
  /** Of every interval; default 0.95. Its complement is the level of the tests. */
  readonly confidence?: number;
  /**
   * Bootstrap resamples; default 1,000, fewer (not below 200) where that would take long. Above 50,000 rows as many
   * drawn ones are resampled and the intervals shrunk to all.
   */
  readonly resamples?: number;
  /** Decides resamples and drawn examples; default 0. Equal input and seed give equal reports. */
  readonly seed?: string | number;
}

/** Row visits a whole report may cost by default: some seconds. */
const ROW_VISITS = 1e9;

/** @param visitsPerResample - row visits of measuring once */
export function estimationOptions(options: EvaluationOptions, visitsPerResample: number): EstimationOptions {
  const affordable = Math.floor(ROW_VISITS / visitsPerResample);
  return {
    confidence: options.confidence ?? DEFAULT_CONFIDENCE,
    resamples: options.resamples ?? Math.max(200, Math.min(1000, affordable)),
    random: createRandom(options.seed ?? 0).fork('evaluation'),
  };
}

/** Slices are many and small, and their intervals are for orientation. */
export function sliceEstimation(options: EstimationOptions, name: string): EstimationOptions {
  return {
    ...options,
    resamples: Math.min(300, options.resamples),
    random: options.random.fork('slice metrics', name),
  };
}

/** Below that many rows intervals are wide and their coverage is off. */
const FEW_ROWS = 30;

export function warnOfFewRows(rows: number): readonly string[] {
  return rows < FEW_ROWS ? [`Only ${rows} rows were evaluated: the intervals are rough.`] : [];
}

/** What the caller says about data, model and training, in numbers that JSON can hold. */
export function describedParts(options: EvaluationOptions): Pick<EvaluationReport, 'data' | 'model' | 'training'> {
  const { data = { name: 'held-out rows' }, model, training } = options;
  return {
    data: withPlainFacts(data),
    model: model === undefined ? null : withPlainFacts(model),
    training: training === undefined ? null : withPlainCurves(withPlainFacts(training)),
  };
}

function withPlainFacts<T extends { readonly facts?: readonly Fact[] }>(described: T): T {
  if (described.facts === undefined) return described;
  const facts = described.facts.map(({ label, value }) => ({
    label,
    value: typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  }));
  return { ...described, facts };
}

function withPlainCurves(training: TrainingDescription): TrainingDescription {
  if (training.curves === undefined) return training;
  const curves = training.curves.map((curve) => ({
    ...curve,
    points: curve.points.map(([x, value]) => [x, value === null ? null : orNull(value)] as const),
  }));
  return { ...training, curves };
}

/** @throws INVALID_ARGUMENT on names that repeat or are empty. */
export function checkNames(operation: string, kind: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (name === '' || seen.has(name)) {
      const problem = name === '' ? 'is empty' : `"${name}" comes twice`;
      throw new AmaasError('INVALID_ARGUMENT', `${operation}: ${kind} ${problem}`);
    }
    seen.add(name);
  }
}
