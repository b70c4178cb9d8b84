// A tag for every word of a sentence: word vectors with what the words' parts add, and LSTMs of both directions.
// Source: Huang, Xu & Yu 2015, without the CRF.
import { cast, concat, less, notEqual, reduceSum, scalar, type Value, where } from '../graph/index.ts';
import { bidirectional, stacked } from './bidirectional.ts';
import { dense, embedding } from './dense.ts';
import { dropout } from './dropout.ts';
import type { Network } from './layer.ts';
import { lstm } from './recurrent.ts';
import type { Scope } from './scope.ts';
import { functional } from './sequential.ts';

export interface WordTaggerOptions {
  /** Numbers of words. */
  readonly words: number;
  /** Numbers of parts of words. */
  readonly parts: number;
  readonly tags: number;
  /** Width of the word vectors; default 64. */
  readonly wordWidth?: number;
  /** Width of the vectors of parts; default 32. */
  readonly partWidth?: number;
  /** Of each direction; default 64. */
  readonly units?: number;
  /** Layers of both directions; default 1. */
  readonly layers?: number;
  /** Of the vectors, between layers and before the tags; default 0.3. */
  readonly dropout?: number;
  /** Share of the words taken for unknown ones in training, so that their parts are learned from; default 0.1. */
  readonly wordDropout?: number;
}

/** Names of the inputs of a {@link wordTagger}. */
export const WORD_INPUT = 'words';
export const PART_INPUT = 'parts';

/**
 * Logits for the tags of words.
 * Inputs: `words` int64 [batch, time], 0 after the end, 1 for unknown ones; `parts` int64 [batch, time, any], 0 for none.
 * Gives [batch, time, tags]; what is after the end changes nothing.
 */
export function wordTagger(options: WordTaggerOptions): Network {
  const { words, parts, tags, wordWidth = 64, partWidth = 32, units = 64, layers = 1 } = options;
  const { dropout: rate = 0.3, wordDropout = 0.1 } = options;
  const reader = stacked(
    Array.from({ length: layers }, () => bidirectional(lstm(units, { returnSequences: true }))),
    { dropout: rate },
  );
  return functional([WORD_INPUT, PART_INPUT], (inputs, scope) => {
    const ids = inputs.get(WORD_INPUT);
    const word = embedding(words, wordWidth).apply(forgetting(ids, wordDropout, scope), scope.inside('words'));
    const each = embedding(parts, partWidth).apply(inputs.get(PART_INPUT), scope.inside('parts'));
    const vectors = dropout(rate).apply(concat([word, reduceSum(each, { axes: [2] })], 2), scope);
    const lengths = reduceSum(cast(notEqual(ids, 0), 'int32'), { axes: [1] });
    const { y } = reader.run(vectors, scope.inside('reader'), { lengths });
    return dense(tags).apply(dropout(rate).apply(y, scope), scope.inside('tags'));
  });
}

/** Ids with some made unknown while training; what follows the end is read by nobody. */
function forgetting(ids: Value, rate: number, scope: Scope): Value {
  if (!scope.training || rate === 0) return ids;
  return where(less(scope.uniform(ids.shape), rate), scalar('int64', 1), ids);
}
