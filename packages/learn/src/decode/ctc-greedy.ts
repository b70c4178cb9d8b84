// What a network trained with CTC says per frame, read as labels: the likeliest label of each frame, repetitions taken
// together, blanks left out. Quick; the sum over alignments is ctc-beam-search.ts.
// Source: Graves et al., "Connectionist Temporal Classification" (2006).
import { AmaasError } from '@amaas/core';
import { computeLogProbabilities } from './log-probabilities.ts';

export interface CtcShape {
  /** Labels and the blank, ≥ 2. */
  readonly classes: number;
  /** The class that stands for nothing; default 0. */
  readonly blank?: number;
}

export interface CtcPath {
  readonly labels: readonly number[];
  /** Where each label begins: its first frame. */
  readonly frames: readonly number[];
  /** Natural logarithm of the probability of this one alignment. */
  readonly logProbability: number;
}

/**
 * The labels of the likeliest alignment.
 * @param logits - [frames, classes] row-major; log-probabilities are as good. Padding frames are cut off by the caller.
 * @throws INVALID_ARGUMENT on a shape that does not fit; INVALID_DATA on NaN or a frame without possible class.
 */
export function decodeCtcGreedy(logits: ArrayLike<number>, shape: CtcShape): CtcPath {
  const { frames, blank } = checkCtc('CTC', logits, shape);
  const labels: number[] = [];
  const begins: number[] = [];
  let total = 0;
  let previous = blank;
  for (let frame = 0; frame < frames; frame++) {
    const logProbabilities = frameOf('CTC', logits, { frame, classes: shape.classes });
    let best = 0;
    for (let k = 1; k < shape.classes; k++) {
      if ((logProbabilities[k] ?? 0) > (logProbabilities[best] ?? 0)) best = k;
    }
    total += logProbabilities[best] ?? 0;
    if (best !== blank && best !== previous) {
      labels.push(best);
      begins.push(frame);
    }
    previous = best;
  }
  return { labels, frames: begins, logProbability: total };
}

/** @throws INVALID_ARGUMENT on a shape that does not fit. */
export function checkCtc(
  operation: string,
  logits: ArrayLike<number>,
  { classes, blank = 0 }: CtcShape,
): { readonly frames: number; readonly blank: number } {
  if (!Number.isSafeInteger(classes) || classes < 2) {
    throw new AmaasError('INVALID_ARGUMENT', `${operation}: classes must be a whole number ≥ 2, got ${classes}`);
  }
  if (!Number.isSafeInteger(blank) || blank < 0 || blank >= classes) {
    throw new AmaasError('INVALID_ARGUMENT', `${operation}: blank must be a class in 0 … ${classes - 1}, got ${blank}`);
  }
  if (logits.length % classes !== 0) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: expects logits [frames,${classes}], got ${logits.length} numbers`,
    );
  }
  return { frames: logits.length / classes, blank };
}

/** Log-probabilities of one frame. */
export function frameOf(
  operation: string,
  logits: ArrayLike<number>,
  { frame, classes }: { readonly frame: number; readonly classes: number },
): Float64Array {
  const values = Float64Array.from({ length: classes }, (_, k) => logits[frame * classes + k] ?? Number.NaN);
  return computeLogProbabilities(`${operation}: frame ${frame}`, values);
}
