// Pairs of texts as examples of a translator: ids, padded to a few lengths, so that short pairs do not cost what long ones do.
import { AmaasError, createTensor } from '@amaas/core';
import { SOURCE_INPUT, TARGET_INPUT } from '../layers/index.ts';
import type { Tokenizer } from '../tokenize/index.ts';
import type { ExamplePart, Examples } from '../train/index.ts';
import { type TranslationTokens, translationTokens } from './translation-tokenizer.ts';

/** A text and its translation. */
export interface TextPair {
  readonly source: string;
  readonly target: string;
}

/** The same as ids, both without begin and end tokens. */
export interface EncodedPair {
  readonly source: Int32Array;
  readonly target: Int32Array;
}

/** Target of steps that do not count. */
const IGNORED = -100n;

export function encodePair({ source, target }: TextPair, tokenizer: Tokenizer): EncodedPair {
  const idsOf = (text: string): Int32Array =>
    tokenizer.encode(text, { addSpecialTokens: false, truncation: null, padding: null }).ids;
  return { source: idsOf(source), target: idsOf(target) };
}

/** Ids of the longer side, its end token included. */
export function pairLength({ source, target }: EncodedPair): number {
  return Math.max(source.length, target.length) + 1;
}

/**
 * Lengths to pad to: of all ways to have so many, the one with the least padding.
 * @param lengths - of the pairs
 * @returns ascending, the last one the greatest length given
 */
export function chooseLengths(lengths: readonly number[], count: number): readonly number[] {
  const greatest = lengths.reduce((most, length) => Math.max(most, length), 1);
  const upTo = new Float64Array(greatest + 1);
  for (const length of lengths) upTo[length] = (upTo[length] ?? 0) + 1;
  for (let length = 1; length <= greatest; length++) upTo[length] = (upTo[length] ?? 0) + (upTo[length - 1] ?? 0);
  // cost[length]: tokens of all pairs up to a length, with so many lengths to pad to.
  let cost = upTo.map((pairs, length) => pairs * length);
  const cuts: Int32Array[] = [];
  for (let used = 1; used < count; used++) {
    const cut = new Int32Array(greatest + 1);
    const next = cost.slice();
    for (let length = 1; length <= greatest; length++) {
      for (let before = 1; before < length; before++) {
        const total = (cost[before] ?? 0) + ((upTo[length] ?? 0) - (upTo[before] ?? 0)) * length;
        if (total < (next[length] ?? 0)) [next[length], cut[length]] = [total, before];
      }
    }
    cost = next;
    cuts.push(cut);
  }
  const chosen = [greatest];
  for (const cut of cuts.toReversed()) {
    const before = cut[chosen[0] ?? 0] ?? 0;
    if (before > 0) chosen.unshift(before);
  }
  return chosen;
}

export interface PairExamplesOptions {
  readonly tokenizer: Tokenizer;
  /** Ascending; pairs that are longer than the last are left out. */
  readonly lengths: readonly number[];
  /** Ids of each side in a step, its padding included. */
  readonly batchTokens: number;
}

/** A part per length, the longest first; lengths without pairs have none. */
export function pairParts(pairs: readonly EncodedPair[], options: PairExamplesOptions): readonly ExamplePart[] {
  const { lengths, batchTokens, tokenizer } = options;
  const tokens = translationTokens(tokenizer);
  const byLength = new Map<number, EncodedPair[]>();
  for (const pair of pairs) {
    const own = pairLength(pair);
    const length = lengths.find((most) => own <= most);
    if (length === undefined) continue;
    const known = byLength.get(length);
    if (known === undefined) byLength.set(length, [pair]);
    else known.push(pair);
  }
  return lengths.toReversed().flatMap((length) => {
    const own = byLength.get(length);
    if (own === undefined) return [];
    return [{ examples: pairExamples(own, length, tokens), batchSize: Math.max(1, Math.round(batchTokens / length)) }];
  });
}

/** Pairs of one padded length. @throws INVALID_DATA where there are none */
export function pairExamples(pairs: readonly EncodedPair[], length: number, tokens: TranslationTokens): Examples {
  if (pairs.length === 0) throw new AmaasError('INVALID_DATA', 'translator: there are no pairs');
  const shape = [pairs.length, length];
  const source = new Int32Array(pairs.length * length).fill(tokens.padding);
  const before = source.slice();
  const target = new BigInt64Array(source.length).fill(IGNORED);
  for (const [row, pair] of pairs.entries()) {
    const at = row * length;
    source.set(pair.source, at);
    source[at + pair.source.length] = tokens.end;
    before[at] = tokens.begin;
    before.set(pair.target, at + 1);
    for (const [step, id] of pair.target.entries()) target[at + step] = BigInt(id);
    target[at + pair.target.length] = BigInt(tokens.end);
  }
  return {
    inputs: new Map([
      [SOURCE_INPUT, createTensor('int32', shape, source)],
      [TARGET_INPUT, createTensor('int32', shape, before)],
    ]),
    target: createTensor('int64', shape, target),
  };
}
