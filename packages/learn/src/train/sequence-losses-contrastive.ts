// Losses that tell what belongs together from what does not: pairs within a batch, and true words among drawn ones.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  cast,
  concat,
  constantOf,
  div,
  equal,
  filled,
  gather,
  greater,
  logSumExp,
  matMul,
  maximum,
  mul,
  or,
  rangeOf,
  reduceSum,
  reshape,
  slice,
  softplus,
  sqrt,
  square,
  sub,
  transpose,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import type { Loss } from './losses.ts';
import { assertClassIndices } from './targets.ts';

export interface InfoNceOptions {
  /** Divides the cosines; default 0.07, as in CLIP and MoCo. */
  readonly temperature?: number;
  /** Whether the second of each pair looks for the first as well, the loss being the mean of both; default false. */
  readonly symmetric?: boolean;
}

/**
 * How well the first of each pair finds its second among those of the whole batch, by cosines.
 * Prediction: [batch, 2, width], the two embeddings; target: int64 [batch], which pairs are the same thing: those are not
 * held against each other (give 0, 1, 2 … where all differ). Rows of weight 0 are nobody's negatives.
 * Sources: van den Oord et al. 2018; Radford et al. 2021 (symmetric).
 */
export function infoNce({ temperature = 0.07, symmetric = false }: InfoNceOptions = {}): Loss {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new AmaasError('INVALID_ARGUMENT', `infoNce: temperature must be a positive number, got ${temperature}`);
  }
  return {
    name: 'infoNce',
    targetDType: 'int64',
    perRow(prediction, target, batch) {
      const [rows, two] = prediction.shape;
      if (typeof rows !== 'number' || two !== 2 || prediction.shape.length !== 3) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `infoNce: expected predictions [batch, 2, width], got ${formatShape(prediction.shape)}`,
        );
      }
      const [first, second] = [0, 1].map((index) =>
        ofLengthOne(reshape(slice(prediction, 1, index, index + 1), [rows, -1])),
      );
      if (first === undefined || second === undefined) throw new AmaasError('INTERNAL', 'infoNce: no pair');
      const scores = mul(matMul(first, transpose(second)), 1 / temperature);
      const ids = reshape(target, [rows]);
      const own = equal(unsqueeze(rangeOf(rows), 1), rangeOf(rows));
      const others = sub(1, cast(equal(unsqueeze(ids, 1), ids), scores.dtype));
      const counts = batch === undefined ? others : mul(others, cast(greater(batch.weights, 0), scores.dtype));
      const held = or(own, greater(counts, 0));
      const forwards = ownLoss(where(held, scores, HIDDEN), own);
      if (!symmetric) return forwards;
      return mul(add(forwards, ownLoss(where(held, transpose(scores), HIDDEN), own)), 0.5);
    },
    assertTargets() {},
  };
}

/** Vanishes in a softmax beside any cosine. */
const HIDDEN = -1e9;

function ownLoss(scores: Value, own: Value): Value {
  return sub(logSumExp(scores, { axes: [1] }), reduceSum(mul(scores, cast(own, scores.dtype)), { axes: [1] }));
}

function ofLengthOne(x: Value): Value {
  return div(x, maximum(sqrt(reduceSum(square(x), { axes: [-1], keepAxes: true })), 1e-12));
}

/**
 * The true word told from words drawn at random, by independent yes/no answers.
 * Prediction: scores [batch, 1 + drawn], the true word's first; target: int64 of the same shape, the words' ids. A drawn word
 * that is the true one counts nothing, as in word2vec. Source: Mikolov et al. 2013.
 */
export function negativeSampling(): Loss {
  const name = 'negativeSampling';
  return {
    name,
    targetDType: 'int64',
    perRow(prediction, target) {
      const drawn = assertCandidates(name, prediction, target);
      const isTrue = equal(target, slice(target, 1, 0, 1));
      const losses = candidateLosses(prediction, drawn);
      const counts = or(firstOnly(drawn), equal(cast(isTrue, 'int64'), 0));
      return reduceSum(mul(losses, cast(counts, losses.dtype)), { axes: [1] });
    },
    assertTargets() {},
  };
}

/**
 * Noise-contrastive estimation: the true word told from words drawn from known noise, so that scores become
 * log-probabilities without a sum over all words.
 * Prediction: scores [batch, 1 + drawn], the true word's first; target: int64 of the same shape, the words' ids.
 * @param noise - probability of each id to be drawn, all above 0
 * Sources: Gutmann & Hyvärinen 2010; Mnih & Teh 2012.
 */
export function noiseContrastive(noise: Iterable<number>): Loss {
  const name = 'noiseContrastive';
  const probabilities = Float64Array.from(noise);
  const sum = probabilities.reduce((total, each) => total + each, 0);
  if (!(Math.abs(sum - 1) < 1e-3) || !probabilities.every((each) => each > 0)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `noiseContrastive: the noise must be probabilities above 0 that sum to 1, their sum is ${sum}`,
    );
  }
  return {
    name,
    targetDType: 'int64',
    perRow(prediction, target) {
      const drawn = assertCandidates(name, prediction, target);
      const expected = probabilities.map((each) => Math.log(each * drawn));
      const table = constantOf(prediction.dtype, [probabilities.length], expected);
      return reduceSum(candidateLosses(sub(prediction, gather(table, target)), drawn), { axes: [1] });
    },
    assertTargets: (target) => assertClassIndices(name, target, [probabilities.length]),
  };
}

/** −log σ of the first, −log (1 − σ) of the others. */
function candidateLosses(scores: Value, drawn: number): Value {
  const signs = constantOf(scores.dtype, [1 + drawn], [-1, ...Array<number>(drawn).fill(1)]);
  return softplus(mul(scores, signs));
}

function firstOnly(drawn: number): Value {
  return concat([filled('bool', [1], 1), filled('bool', [drawn], 0)], 0);
}

/** @returns how many were drawn per row */
function assertCandidates(name: string, prediction: Value, target: Value): number {
  const [, candidates] = prediction.shape;
  if (
    typeof candidates === 'number' &&
    candidates > 1 &&
    prediction.shape.length === 2 &&
    formatShape(prediction.shape) === formatShape(target.shape)
  ) {
    return candidates - 1;
  }
  throw new AmaasError(
    'INVALID_GRAPH',
    `${name}: expected scores and ids [batch, 1 + drawn], got ${formatShape(prediction.shape)} and ${formatShape(target.shape)}`,
  );
}
