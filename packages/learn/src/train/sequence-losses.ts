// Losses of sequences whose rows differ in length: of a label per step, and of labels without places (CTC). Masks and
// lengths come from the targets themselves or from inputs of the network.
import { AmaasError, formatShape, type Tensor } from '@amaas/core';
import {
  cast,
  div,
  filled,
  maximum,
  mul,
  notEqual,
  reduceSum,
  reshape,
  sameShape,
  scalar,
  type Value,
  where,
} from '../graph/index.ts';
import { ctcLoss } from './ctc.ts';
import { labelLosses } from './label-losses.ts';
import { assertSmoothing, classesOf, type Loss, type LossBatch, logProbabilities, rowMean } from './losses.ts';

/** Which steps of sequences count. */
export interface SequenceSteps {
  /** Target id of steps that do not count; default −100, as in PyTorch. */
  readonly ignore?: number;
  /** Name of a network input [batch, steps] that is 0 at further steps that do not count; default none. */
  readonly mask?: string;
}

export const DEFAULT_IGNORE = -100;

/** float32 [batch, steps], 1 where a step counts. @param options.name - of the loss or metric, for messages */
export function countingSteps(
  target: Value,
  batch: LossBatch | undefined,
  { ignore = DEFAULT_IGNORE, mask, name }: SequenceSteps & { readonly name: string },
): Value {
  const labelled = cast(notEqual(target, ignore), 'float32');
  return mask === undefined ? labelled : mul(labelled, cast(inputNamed(name, mask, batch), 'float32'));
}

export interface SequenceCrossentropyOptions extends SequenceSteps {
  /** Share of the target spread evenly over the classes, 0 … 1; default 0. Source: Szegedy et al. 2016. */
  readonly labelSmoothing?: number;
}

/**
 * Cross-entropy per step, its mean over all steps of the batch that count; a row's weight is the share of its steps that do.
 * Prediction: logits [batch, steps, classes]; target: int64 [batch, steps]. Costs no more for many classes than reading the
 * logits does.
 */
export function sequenceCrossentropy({ labelSmoothing = 0, ...steps }: SequenceCrossentropyOptions = {}): Loss {
  const name = 'sequenceCrossentropy';
  const { ignore = DEFAULT_IGNORE } = steps;
  assertSmoothing(labelSmoothing);
  const counting = (target: Value, batch: LossBatch | undefined): Value =>
    countingSteps(target, batch, { ...steps, name });
  return {
    name,
    targetDType: 'int64',
    perRow(prediction, target, batch) {
      classesOf(name, prediction);
      if (!sameShape(prediction.shape.slice(0, -1), target.shape)) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${name}: expected targets ${formatShape(prediction.shape.slice(0, -1))}, got ${formatShape(target.shape)}`,
        );
      }
      const counts = cast(counting(target, batch), prediction.dtype);
      const labels = where(notEqual(target, ignore), target, 0);
      const losses = mul(labelLosses(prediction, labels, labelSmoothing), counts);
      return div(rowMean(losses), maximum(rowMean(counts), 1e-12));
    },
    rowWeights: (target, batch) => rowMean(counting(target, batch)),
    assertTargets(target, prediction) {
      const classes = Number(prediction.at(-1));
      eachTarget(target, (id, row) => {
        if (id === ignore || (Number.isInteger(id) && id >= 0 && id < classes)) return;
        throw new AmaasError(
          'INVALID_DATA',
          `${name}: targets must be whole numbers of 0 … ${classes - 1}, as the network gives ${classes} classes, or ${ignore}; row ${row} has ${id}`,
        );
      });
    },
  };
}

export interface CtcOptions {
  /** The class that is no label; default 0, as in PyTorch. */
  readonly blank?: number;
  /** What fills target rows behind their labels; default −1. */
  readonly padding?: number;
  /** Name of a network input [batch] with the frames of each row, or a function that knows them; default: all there are. */
  readonly frameLengths?: string | ((batch: LossBatch) => Value);
  /** Whether rows with too few frames for their labels count as 0 and not as infinite; default false. */
  readonly zeroInfinity?: boolean;
  /** Whether predictions are logits and not probabilities; default false. */
  readonly fromLogits?: boolean;
}

/**
 * Connectionist temporal classification: −log P(labels | frames).
 * Prediction: probabilities [batch, frames, classes] (best straight from a softmax); target: int64 [batch, labels], filled up
 * with `padding`. Source: Graves et al. 2006.
 */
export function ctc(options: CtcOptions = {}): Loss {
  const { blank = 0, padding = -1, frameLengths, zeroInfinity = false, fromLogits = false } = options;
  const name = 'ctc';
  if (!Number.isSafeInteger(blank) || blank < 0 || blank === padding) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `ctc: blank must be a whole number of at least 0 and not the padding ${padding}, got ${blank}`,
    );
  }
  const framesOf = (prediction: Value, batch: LossBatch | undefined): Value => {
    if (frameLengths === undefined) return filled('int64', [prediction.shape[0] ?? 1], Number(prediction.shape[1]));
    const given =
      typeof frameLengths === 'string'
        ? inputNamed(name, frameLengths, batch)
        : frameLengths(batch ?? failWithoutBatch(name));
    return cast(reshape(given, [prediction.shape[0] ?? 1]), 'int64');
  };
  return {
    name,
    targetDType: 'int64',
    perRow(prediction, target, batch) {
      const classes = classesOf(name, prediction);
      if (blank >= classes || prediction.shape.length !== 3 || target.shape.length !== 2) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `ctc: expected predictions [batch, frames, more than ${blank} classes] and targets [batch, labels], got ${formatShape(prediction.shape)} and ${formatShape(target.shape)}`,
        );
      }
      const { loss, possible } = ctcLoss(logProbabilities(prediction, fromLogits), {
        labels: target,
        labelLengths: reduceSum(cast(notEqual(target, padding), 'int64'), { axes: [1] }),
        frameLengths: framesOf(prediction, batch),
        blank,
      });
      return where(possible, loss, scalar(loss.dtype, zeroInfinity ? 0 : Number.POSITIVE_INFINITY));
    },
    assertTargets(target, prediction) {
      const classes = Number(prediction.at(-1));
      const frames = frameLengths === undefined && !zeroInfinity ? Number(prediction[1]) : Number.POSITIVE_INFINITY;
      assertSpellings(target, { classes, frames, blank, padding });
    },
  };
}

interface Spelling {
  readonly classes: number;
  readonly frames: number;
  readonly blank: number;
  readonly padding: number;
}

function assertSpellings(target: Tensor, { classes, frames, blank, padding }: Spelling): void {
  const width = target.shape[1] ?? 1;
  let [needed, before, ended] = [0, padding, false];
  eachTarget(target, (id, row, at) => {
    if (at % width === 0) [needed, before, ended] = [0, padding, false];
    const isLabel = Number.isInteger(id) && id >= 0 && id < classes && id !== blank;
    if (id !== padding && (!isLabel || ended)) {
      throw new AmaasError(
        'INVALID_DATA',
        `ctc: targets must be labels of 0 … ${classes - 1} but ${blank}, then ${padding} to the end of the row; row ${row} has ${id}${ended ? ` after ${padding}` : ''}`,
      );
    }
    ended = id === padding;
    needed += ended ? 0 : id === before ? 2 : 1;
    before = id;
    if (needed > frames) {
      throw new AmaasError(
        'INVALID_DATA',
        `ctc: the network gives ${frames} frames, too few to spell row ${row} (equal labels need a blank between them)`,
      );
    }
  });
}

function eachTarget(target: Tensor, visit: (id: number, row: number, at: number) => void): void {
  const width = target.data.length / (target.shape[0] ?? 1);
  for (let at = 0; at < target.data.length; at++) visit(Number(target.data[at]), Math.floor(at / width), at);
}

function inputNamed(loss: string, name: string, batch: LossBatch | undefined): Value {
  const given = (batch ?? failWithoutBatch(loss)).inputs;
  const value = given.get(name);
  if (value !== undefined) return value;
  throw new AmaasError(
    'INVALID_GRAPH',
    `${loss}: the network has no input ${name}, only ${[...given.keys()].join(', ')}`,
  );
}

function failWithoutBatch(loss: string): never {
  throw new AmaasError('INVALID_GRAPH', `${loss}: needs the batch's inputs, and was given none`);
}
