// Word vectors as one ONNX model that takes words and gives vectors and nearest words, and the files that go beside it.
import { AmaasError, type Manifest } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import {
  constantOf,
  constantStrings,
  equal,
  gather,
  gemm,
  input,
  labelEncoder,
  less,
  lowerCase,
  mul,
  rangeOf,
  slice,
  topK,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import type { WordEmbeddings } from './embeddings.ts';
import { assertCount } from './options.ts';
import { writeWord2VecBinary } from './word2vec-format.ts';

export interface ExportOptions {
  /** Nearest words given; default 10, or all others where there are fewer. */
  readonly neighbours?: number;
  /** Whether words are looked up in lower case, whatever the caller writes; default false. */
  readonly ignoreCase?: boolean;
}

/** No word has a cosine below −1. */
const NEVER = -2;

/**
 * The model: `word` string [N] to `vector` float32 [N, dimensions], `words` string [N, k] and `similarities` float32 [N, k],
 * the nearest other words and their cosines, best first. A word that is not in the list has a vector of zeros, and empty
 * words with similarity 0 beside it: sub-words are not part of the model. Its file holds each vector once.
 * @throws INVALID_ARGUMENT for more neighbours than there are other words
 */
export function wordVectorsToOnnx(embeddings: WordEmbeddings, options: ExportOptions = {}): Uint8Array {
  const { words, vectors, dimensions } = embeddings;
  const others = words.length - 1;
  if (others < 1) throw new AmaasError('INVALID_ARGUMENT', 'word vectors: a single word has no neighbours to export');
  const { neighbours = Math.min(10, others), ignoreCase = false } = options;
  assertCount('neighbours', neighbours, others);
  const unknown = words.length; // a row of zeros after the words'
  const rows = new Float32Array((words.length + 1) * dimensions);
  rows.set(vectors);
  const table = constantOf('float32', [words.length + 1, dimensions], rows);
  const scales = constantOf('float32', [words.length + 1], inverseLengths(rows, dimensions));

  const word = input('word', 'string', ['N']);
  const places = new Map(words.map((each, place) => [each, place]));
  const place = labelEncoder(ignoreCase ? lowerCase(word) : word, places, { to: 'int64', fallback: unknown });
  const vector = gather(table, place);
  const isKnown = unsqueeze(less(place, unknown), 1);
  const products = gemm([vector, table], { transB: 1 });
  const cosines = mul(mul(products, scales), unsqueeze(gather(scales, place), 1));
  const isOwn = equal(unsqueeze(place, 1), rangeOf(words.length));
  const candidates = where(isOwn, NEVER, slice(cosines, 1, 0, words.length));
  const { values, indices } = topK(candidates, neighbours);
  const names = constantStrings([words.length + 1], [...words, '']);
  const outputs = new Map<string, Value>([
    ['vector', vector],
    ['words', gather(names, where(isKnown, indices, unknown))],
    ['similarities', where(isKnown, values, 0)],
  ]);
  return compileToOnnx(simplify(outputs), { inputs: [word] });
}

/** 0 for rows of zeros, whose cosines are then 0. */
function inverseLengths(rows: Float32Array, dimensions: number): Float32Array {
  return Float32Array.from({ length: rows.length / dimensions }, (_, row) => {
    const squares = rows
      .subarray(row * dimensions, (row + 1) * dimensions)
      .reduce((sum, value) => sum + value * value, 0);
    return squares > 0 ? 1 / Math.sqrt(squares) : 0;
  });
}

/**
 * What is deployed, and the vectors for other programs, by file name: `model.onnx`, `amaas.json`, `example.json` (a request
 * with the three most frequent words) and `vectors.bin` (word2vec's binary format).
 * @throws as {@link wordVectorsToOnnx}; INVALID_DATA for words that word2vec's format cannot hold
 */
export function wordVectorFiles(
  embeddings: WordEmbeddings,
  options: ExportOptions = {},
): ReadonlyMap<string, Uint8Array> {
  const manifest: Manifest = {
    schemaVersion: 1,
    task: 'word-vectors',
    description: `vectors of ${embeddings.words.length} words, ${embeddings.dimensions} numbers each, and nearest words`,
    signatures: { serving_default: { method: 'predict' } },
    example: EXAMPLE_FILE,
  };
  const data = embeddings.words.slice(0, 3);
  const example = { inputs: [{ name: 'word', shape: [data.length], datatype: 'BYTES', data }] };
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  return new Map([
    ['model.onnx', wordVectorsToOnnx(embeddings, options)],
    ['amaas.json', json(manifest)],
    [EXAMPLE_FILE, json(example)],
    ['vectors.bin', writeWord2VecBinary(embeddings)],
  ]);
}

const EXAMPLE_FILE = 'example.json';
