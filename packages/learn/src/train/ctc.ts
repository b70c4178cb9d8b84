// Connectionist temporal classification: the negative log-probability that frames spell their labels, summed over all ways
// of stretching them, blanks between. Both recursions of forward–backward run in one loop, the backward one on frames in
// reversed order, as logarithms; the gradient is each frame's posterior over the positions of the spelling.
// Source: Graves et al. 2006.
import { AmaasError, type DType, formatShape } from '@amaas/core';
import {
  add,
  and,
  cast,
  concat,
  constantOf,
  equal,
  exp,
  filled,
  gather,
  gatherNd,
  greater,
  less,
  log,
  logSumExp,
  matMul,
  maximum,
  mul,
  neg,
  notEqual,
  rangeOf,
  reshape,
  scalar,
  scan,
  slice,
  softmax,
  sub,
  transpose,
  unsqueeze,
  type Value,
  where,
  withGradient,
} from '../graph/index.ts';

/** Stands for log 0: sums and differences of as many as there are frames stay finite. */
const IMPOSSIBLE = -1e30;

export interface CtcProblem {
  /** int64 [batch, labels]; what lies behind a row's `labelLengths` counts nothing. */
  readonly labels: Value;
  /** int64 [batch], 0 … labels. */
  readonly labelLengths: Value;
  /** int64 [batch], 0 … frames. */
  readonly frameLengths: Value;
  /** The class that is no label. */
  readonly blank: number;
}

export interface CtcResult {
  /** [batch]; huge where it is impossible. */
  readonly loss: Value;
  /** bool [batch]: whether there are frames enough, also for the blanks between equal labels. */
  readonly possible: Value;
}

/**
 * −log P(labels | frames) per row; no gradient reaches frames behind a row's last, nor rows that are impossible.
 * @param logProbabilities - [batch, frames, classes], all sizes known
 * @throws INVALID_GRAPH when the shapes do not fit.
 */
export function ctcLoss(logProbabilities: Value, problem: CtcProblem): CtcResult {
  const [batch, frames, classes] = logProbabilities.shape;
  const [rows, labels] = problem.labels.shape;
  if (
    typeof batch !== 'number' ||
    typeof frames !== 'number' ||
    typeof classes !== 'number' ||
    typeof labels !== 'number' ||
    rows !== batch
  ) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `ctc: expected predictions [batch, frames, classes] and labels [batch, labels] of known sizes, got ${formatShape(logProbabilities.shape)} and ${formatShape(problem.labels.shape)}`,
    );
  }
  const sizes: Sizes = { batch, frames, positions: 2 * labels + 1 };
  const spelling = spellOut(problem, sizes);
  // A product with one-hot columns: its gradient is one too, where a gather's would be a scatter on one thread.
  const columns = equal(unsqueeze(spelling, 1), reshape(rangeOf(classes), [classes, 1]));
  const emissions = matMul(logProbabilities, cast(columns, logProbabilities.dtype));
  return sumPaths(emissions, { ...problem, spelling, sizes });
}

interface Sizes {
  readonly batch: number;
  readonly frames: number;
  /** Of the labels with blanks around each: 2 · labels + 1. */
  readonly positions: number;
}

interface Spelt extends CtcProblem {
  /** Labels with blanks around each, int64 [batch, positions]. */
  readonly spelling: Value;
  readonly sizes: Sizes;
}

function spellOut({ labels, labelLengths, blank }: CtcProblem, { batch, positions }: Sizes): Value {
  const count = (positions - 1) / 2;
  const used = less(rangeOf(count), unsqueeze(labelLengths, 1));
  const known = concat([where(used, labels, blank), filled('int64', [batch, 1], blank)], 1);
  const places = Array.from({ length: positions }, (_, at) => (at % 2 === 0 ? count : (at - 1) / 2));
  return gather(known, constantOf('int64', [positions], places), 1);
}

/** @param emissions - log-probability of each position's class, [batch, frames, positions] */
function sumPaths(emissions: Value, spelt: Spelt): CtcResult {
  const { frameLengths, labelLengths, sizes } = spelt;
  const { frames, positions } = sizes;
  const order = reversedFrames(frameLengths, sizes);
  const both = transpose(concat([emissions, gatherNd(emissions, order)], 2), [1, 2, 0]);
  const barriers = barriersOf(spelt, emissions.dtype);
  const { outputs } = scan([startOf(spelt, emissions.dtype)], [both], ([state = both], [emission = both]) => {
    const next = add(advance(state, barriers), emission);
    return { states: [next], outputs: [next] };
  });
  const sums = transpose(outputs[0] ?? both, [2, 0, 1]);
  const backward = gatherNd(slice(sums, 2, positions, 2 * positions), order);
  // Every path through a position at a frame; both sums hold the emission there.
  const through = sub(add(slice(sums, 2, 0, positions), backward), emissions);

  const total = logSumExp(slice(through, 1, 0, 1), { axes: [1, 2] });
  const ofNothing = where(equal(labelLengths, 0), scalar(emissions.dtype, 0), IMPOSSIBLE);
  const logProbability = where(equal(frameLengths, 0), ofNothing, total);
  const possible = greater(logProbability, IMPOSSIBLE / 2);
  const counts = and(less(rangeOf(frames), unsqueeze(frameLengths, 1)), unsqueeze(possible, 1));
  const posterior = mul(softmax(through), unsqueeze(cast(counts, emissions.dtype), 2));
  const loss = withGradient(neg(logProbability), [emissions, posterior], (dy, _, __, share) => [
    neg(mul(share, reshape(dy, [-1, 1, 1]))),
    null,
  ]);
  return { loss, possible };
}

/** Row and frame of what stands where when each row's own frames are reversed: int64 [batch, frames, 2]. */
function reversedFrames(frameLengths: Value, { batch, frames }: Sizes): Value {
  const at = maximum(sub(unsqueeze(sub(frameLengths, 1), 1), rangeOf(frames)), 0);
  const rows = Array.from({ length: batch * frames }, (_, index) => Math.floor(index / frames));
  return concat([constantOf('int64', [batch, frames, 1], rows), unsqueeze(at, 2)], 2);
}

/** Before the first frame: the first position of the forward sums, the last of the backward ones. [2 · positions, batch] */
function startOf({ labelLengths, sizes: { batch, positions } }: Spelt, dtype: DType): Value {
  const isLast = equal(reshape(rangeOf(positions), [positions, 1]), mul(labelLengths, 2));
  const rest = filled(dtype, [positions - 1, batch], IMPOSSIBLE);
  return concat([filled(dtype, [1, batch], 0), rest, where(isLast, scalar(dtype, 0), IMPOSSIBLE)], 0);
}

/** Added to what comes from the next position, and from the second next: nothing, or log 0. Each [2 · positions, batch]. */
type Barriers = readonly [next: Value, second: Value];

/** Nobody comes from outside, nor past a blank between equal labels, nor past a label. */
function barriersOf({ spelling, sizes: { positions, batch } }: Spelt, dtype: DType): Barriers {
  const barred = (rows: number): Value => filled(dtype, [rows, batch], IMPOSSIBLE);
  const open = filled(dtype, [positions - 1, batch], 0);
  const edge = barred(Math.min(2, positions));
  const past = positions < 3 ? [] : [openWhereDifferent(spelling, dtype)];
  return [concat([barred(1), open, open, barred(1)], 0), concat([edge, ...past, ...past, edge], 0)];
}

/** Between positions two apart: labels that differ. Blanks never do. [positions − 2, batch] */
function openWhereDifferent(spelling: Value, dtype: DType): Value {
  const column = transpose(spelling);
  const positions = Number(column.shape[0]);
  const differ = notEqual(slice(column, 0, 2, positions), slice(column, 0, 0, positions - 2));
  return where(differ, scalar(dtype, 0), IMPOSSIBLE);
}

/**
 * Staying, moving on by one, or past a blank; the second half moves towards the front. Sums of three shifted states, because
 * ONNX Runtime reduces a first axis of three in twice the time. @param state - [2 · positions, batch]
 */
function advance(state: Value, [next, second]: Barriers): Value {
  const one = add(shifted(state, 1), next);
  const two = add(shifted(state, 2), second);
  const peak = maximum(maximum(state, one), two);
  return add(log(add(add(exp(sub(state, peak)), exp(sub(one, peak))), exp(sub(two, peak)))), peak);
}

/** The first half moved back by `distance`, the second forward; what has no origin is anything, and barred. */
function shifted(state: Value, distance: number): Value {
  const rows = Number(state.shape[0]);
  const half = rows / 2;
  const by = Math.min(distance, half);
  const edge = slice(state, 0, 0, by);
  return concat([edge, slice(state, 0, 0, half - by), slice(state, 0, half + by, rows), edge], 0);
}
