// Texts as features, as a graph: the same nodes prepare the training rows and stand in the served model.
import {
  add,
  type Value,
  concat,
  constantOf,
  div,
  greater,
  labelEncoder,
  log,
  maximum,
  mul,
  ngramCounts,
  reduceSum,
  replaceCharacters,
  splitCharacters,
  splitWords,
  sqrt,
  square,
  unsqueeze,
  where,
} from '../graph/index.ts';
import { fitLength } from './fixed-length.ts';
import { foldingOf, type NgramBlock, type TextVectoriser } from './text-features.ts';
import type { WordSequence } from './text-sequence.ts';

/** Norm that stands for 0: a text without a known n-gram has features of 0. */
const SMALLEST_NORM = 1e-12;

/**
 * Features of texts: (1 + ln count) · weight of every n-gram that occurs, each block divided by its length.
 * @param texts - string [N], N > 0
 * @param name - tells the symbolic sizes of several texts apart
 * @returns float32 [N, textFeatureCount(vectoriser)]
 */
export function buildTextFeatures(texts: Value, vectoriser: TextVectoriser, name = 'text'): Value {
  const blocks = vectoriser.blocks.map((block) => blockFeatures(texts, { block, vectoriser, name }));
  return concat(blocks, 1);
}

/**
 * Words of texts as numbers: 0 after the end, 1 for words that are not in the list.
 * @param texts - string [N], N > 0
 * @returns int64 [N, sequence.length]
 */
export function buildWordSequence(texts: Value, sequence: WordSequence, name = 'text'): Value {
  const words = splitText(texts, { ...sequence, unit: 'word', name });
  const table = new Map([['', 0], ...sequence.words.map((word, index) => [word, index + 2] as const)]);
  const numbers = labelEncoder(words, table, { to: 'int64', fallback: 1 });
  return fitLength(numbers, sequence.length);
}

function blockFeatures(
  texts: Value,
  {
    block,
    vectoriser,
    name,
  }: { readonly block: NgramBlock; readonly vectoriser: TextVectoriser; readonly name: string },
): Value {
  const { grams, weights, unit } = block;
  const elements = [...new Set(grams.flat())];
  const numbers = new Map(elements.map((element, index) => [element, index + 1]));
  const positions = labelEncoder(splitText(texts, { ...vectoriser, unit, name }), numbers, {
    to: 'int64',
    fallback: 0,
  });
  const counts = ngramCounts(
    positions,
    grams.map((gram) => gram.map((element) => numbers.get(element) ?? 0)),
  );
  const weighted = mul(
    where(greater(counts, 0), add(log(maximum(counts, 1)), 1), 0),
    constantOf('float32', [weights.length], weights),
  );
  const norm = sqrt(reduceSum(square(weighted), { axes: [1], keepAxes: true }));
  return div(weighted, maximum(norm, SMALLEST_NORM));
}

/** [N, words + 1] or [N, characters + 1], the last always empty: ONNX Runtime wants one of everything. */
function splitText(
  texts: Value,
  {
    pattern,
    lowerCase,
    maxCharacters,
    unit,
    name,
  }: Pick<TextVectoriser, 'pattern' | 'lowerCase' | 'maxCharacters'> &
    Pick<NgramBlock, 'unit'> & { readonly name: string },
): Value {
  const folded = replaceCharacters(texts, foldingOf(lowerCase), { maxCharacters });
  const count = `${name} ${unit}s`;
  const parts = unit === 'word' ? splitWords(folded, { pattern, count }) : splitCharacters(folded, { count });
  const blank = labelEncoder(texts, new Map([['', '']]), { to: 'string', fallback: '' });
  return concat([parts, unsqueeze(blank, 1)], 1);
}
