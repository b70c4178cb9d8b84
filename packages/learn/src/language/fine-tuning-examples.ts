// Sequences of tokens of which a model learns some and only reads the others, such as the answers in conversations, as rows to
// train on: padded to a few lengths, so that short ones do not cost what long ones do. Knows no texts.
import { AmaasError, createTensor } from '@amaas/core';
import type { ExamplePart, Examples } from '../train/index.ts';
import { IDS } from './token-blocks.ts';
import { chooseLengths } from './translation-examples.ts';

export interface LearnedSequence {
  readonly ids: Int32Array;
  /** Per token: 1 where the model learns to write it behind those before it, 0 where it only reads it. */
  readonly learned: Uint8Array;
}

/** Target of tokens that are only read; what {@link sequenceCrossentropy} leaves out. */
const NOT_LEARNED = -100n;

/** Lengths that rows are padded to, at most: each has a graph of its own, which takes time to compile. */
const MAX_LENGTHS = 4;
/** Lengths told apart when they are chosen, at most: choosing takes the square of them. */
const LENGTH_STEPS = 256;
const LEAST_STEP = 8;

/** Tokens of a sequence that count in the loss: the first has nothing before it. */
export function countLearned({ learned }: LearnedSequence): number {
  let count = 0;
  for (let at = 1; at < learned.length; at++) count += learned[at] ?? 0;
  return count;
}

/** Tokens the network sees of a sequence: all but the last, behind which nothing comes. */
function rowLength({ ids }: LearnedSequence): number {
  return ids.length - 1;
}

/**
 * Rows of one length; what fills them up counts nothing, and comes behind what counts.
 * @throws INVALID_DATA where there are none, or one is longer
 */
export function sequenceExamples(sequences: readonly LearnedSequence[], length: number): Examples {
  if (sequences.length === 0) throw new AmaasError('INVALID_DATA', 'fine-tuning: there are no examples');
  const shape = [sequences.length, length];
  const ids = new Int32Array(sequences.length * length);
  const next = new BigInt64Array(ids.length).fill(NOT_LEARNED);
  for (const [row, sequence] of sequences.entries()) {
    const own = rowLength(sequence);
    if (own < 1 || own > length) {
      throw new AmaasError('INVALID_DATA', `fine-tuning: a row takes 2 to ${length + 1} tokens, got ${own + 1}`);
    }
    ids.set(sequence.ids.subarray(0, own), row * length);
    for (let at = 0; at < own; at++) {
      if (sequence.learned[at + 1] === 1) next[row * length + at] = BigInt(sequence.ids[at + 1] ?? 0);
    }
  }
  return { inputs: new Map([[IDS, createTensor('int32', shape, ids)]]), target: createTensor('int64', shape, next) };
}

export interface SequenceRows {
  /** The longest first. */
  readonly parts: readonly ExamplePart[];
  /** As long as the rows of the first part. */
  readonly validation: Examples | null;
}

/** @param most - tokens the network sees at once @throws INVALID_DATA */
export function sequenceRows(
  {
    training,
    validation,
  }: { readonly training: readonly LearnedSequence[]; readonly validation: readonly LearnedSequence[] },
  most: number,
): SequenceRows {
  const longest = [...training, ...validation].reduce((length, sequence) => Math.max(length, rowLength(sequence)), 1);
  const step = Math.max(LEAST_STEP, Math.ceil(longest / LENGTH_STEPS));
  const steps = training.map((sequence) => Math.ceil(rowLength(sequence) / step));
  const chosen = chooseLengths(steps, MAX_LENGTHS).map((count) => Math.min(count * step, most));
  const trained = chosen.at(-1) ?? 1;
  // Rows that are held out are of the first part's length: it grows where one of them is the longest of all.
  const first = Math.max(trained, Math.min(Math.ceil(longest / step) * step, most));
  const byLength = Map.groupBy(training, (sequence) => chosen.find((length) => rowLength(sequence) <= length) ?? first);
  const parts = chosen.toReversed().flatMap((length) => {
    const own = byLength.get(length);
    return own === undefined ? [] : [{ examples: sequenceExamples(own, length === trained ? first : length) }];
  });
  return { parts, validation: validation.length === 0 ? null : sequenceExamples(validation, first) };
}
