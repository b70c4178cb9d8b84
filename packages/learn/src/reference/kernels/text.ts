// Kernels on text, tables and n-grams. What happens to one text is graph/operations/text-rules.ts.
import { AmaasError } from '@amaas/core';
import { matchesText, matchTokens, murmurHash3, type Node } from '../../graph/index.ts';
import { broadcastStrides, forEachOffset, isText, numbersOf, product, type ReferenceArray, textOf } from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { broadcast } from './arithmetic.ts';
import { numberAttribute, numbersAttribute, textAttribute } from './attributes.ts';

export const TEXT_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Tokenizer', tokenize],
  ['StringConcat', concatStrings],
  [
    'RegexFullMatch',
    ({ node, inputs: [x] }) => {
      const pattern = textAttribute(node, 'pattern');
      return [toNumbers(x, 'bool', (text) => Number(matchesText(text, pattern)))];
    },
  ],
  [
    'MurmurHash3',
    ({ node, inputs: [x] }) => [toNumbers(x, 'uint32', (text) => murmurHash3(text, numberAttribute(node, 'seed')))],
  ],
  ['LabelEncoder', encodeLabels],
  ['TfIdfVectorizer', countNgrams],
]);

function toNumbers(
  x: ReferenceArray | undefined,
  dtype: 'bool' | 'uint32',
  convert: (text: string) => number,
): ReferenceArray {
  const { shape, texts } = textOf(x);
  return { dtype, shape, data: Float64Array.from(texts, convert) };
}

function tokenize({ node, inputs: [x] }: KernelContext): readonly ReferenceArray[] {
  const { shape, texts } = textOf(x);
  const pattern = node.attributes['tokenexp'];
  const rows = texts.map((text) => (typeof pattern === 'string' ? matchTokens(text, pattern) : [...text]));
  const count = rows.reduce((longest, { length }) => Math.max(longest, length), 0);
  const pad = textAttribute(node, 'pad_value');
  const padded = rows.flatMap((row) => [...row, ...new Array<string>(count - row.length).fill(pad)]);
  return [{ dtype: 'string', shape: [...shape, count], texts: padded }];
}

function concatStrings({ inputs: [a, b] }: KernelContext): readonly ReferenceArray[] {
  const [left, right] = [textOf(a), textOf(b)];
  const shape = broadcast(left.shape, right.shape);
  const texts = new Array<string>(product(shape)).fill('');
  for (const { shape: own, texts: parts } of [left, right]) {
    forEachOffset(shape, broadcastStrides(own, shape), (index, offset) => {
      texts[index] += parts[offset] ?? '';
    });
  }
  return [{ dtype: 'string', shape, texts }];
}

function encodeLabels({ node, inputs: [x] }: KernelContext): readonly ReferenceArray[] {
  if (x === undefined) throw new AmaasError('INVALID_GRAPH', 'reference: LabelEncoder has no input');
  const { attributes } = node;
  const keys = listOf(attributes['keys_strings'] ?? attributes['keys_int64s'] ?? attributes['keys_floats']);
  const table = new Map<unknown, unknown>();
  const values = listOf(attributes['values_strings'] ?? attributes['values_int64s'] ?? attributes['values_floats']);
  for (const [index, key] of keys.entries()) table.set(key, values[index]);
  const fallback = attributes['default_string'] ?? attributes['default_int64'] ?? attributes['default_float'];
  const found = Array.from<unknown, unknown>(isText(x) ? x.texts : x.data, (key) => table.get(key) ?? fallback);
  const { shape } = x;
  if (attributes['values_strings'] !== undefined) return [{ dtype: 'string', shape, texts: found.map(String) }];
  const dtype = attributes['values_int64s'] === undefined ? 'float32' : 'int64';
  return [{ dtype, shape, data: Float64Array.from(found, Number) }];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function countNgrams({ node, inputs: [x] }: KernelContext): readonly ReferenceArray[] {
  if (x === undefined) throw new AmaasError('INVALID_GRAPH', 'reference: TfIdfVectorizer has no input');
  const columns = ngramColumns(node);
  const [shortest, longest] = [numberAttribute(node, 'min_gram_length'), numberAttribute(node, 'max_gram_length')];
  const items: readonly (string | number)[] = isText(x) ? x.texts : Array.from(numbersOf(x).data);
  const length = x.shape.at(-1) ?? 0;
  const rows = product(x.shape.slice(0, -1));
  const data = new Float64Array(rows * columns.size);
  for (let row = 0; row < rows; row++) {
    for (let start = 0; start < length; start++) {
      for (let size = shortest; size <= longest && start + size <= length; size++) {
        const from = row * length + start;
        const column = columns.get(JSON.stringify(items.slice(from, from + size)));
        if (column !== undefined) data[row * columns.size + column] = (data[row * columns.size + column] ?? 0) + 1;
      }
    }
  }
  return [{ dtype: 'float32', shape: [...x.shape.slice(0, -1), columns.size], data }];
}

/** N-gram → column. */
function ngramColumns(node: Node): ReadonlyMap<string, number> {
  const pool = listOf(node.attributes['pool_strings'] ?? node.attributes['pool_int64s']);
  const starts = numbersAttribute(node, 'ngram_counts');
  const indexes = numbersAttribute(node, 'ngram_indexes');
  const columns = new Map<string, number>();
  for (const [position, start] of starts.entries()) {
    const size = position + 1;
    for (let at = start; at < (starts[position + 1] ?? pool.length); at += size) {
      columns.set(JSON.stringify(pool.slice(at, at + size)), indexes[columns.size] ?? 0);
    }
  }
  return columns;
}
