// What trained vectors are used for: lookup, files, and the served model, which must give what the object gives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createTensor } from '@amaas/core';
import { evaluateAnalogies } from '../evaluate/index.ts';
import { createRandom } from '../statistics/index.ts';
import {
  readWord2VecBinary,
  readWord2VecText,
  WordEmbeddings,
  wordVectorFiles,
  wordVectorsToOnnx,
  writeWord2VecBinary,
  writeWord2VecText,
} from './index.ts';

const DIMENSIONS = 6;
const words = ['the', 'größe', '日本', "don't", 'king', 'queen', 'man', 'woman', 'zero'];
const random = createRandom('embeddings');
const vectors = Float32Array.from({ length: words.length * DIMENSIONS }, (_, k) =>
  k < 8 * DIMENSIONS ? random.normal() * 3 : 0,
);
// queen = king − man + woman, up to a little.
for (let d = 0; d < DIMENSIONS; d++) {
  const at = (word: string): number => words.indexOf(word) * DIMENSIONS + d;
  vectors[at('queen')] =
    (vectors[at('king')] ?? 0) - (vectors[at('man')] ?? 0) + (vectors[at('woman')] ?? 0) + 0.01 * d;
}
const model = new WordEmbeddings({ words, vectors });

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, v, k) => sum + v * (y[k] ?? 0), 0);
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

function vectorOf(word: string): Float32Array {
  return vectors.subarray(words.indexOf(word) * DIMENSIONS, (words.indexOf(word) + 1) * DIMENSIONS);
}

test('WordEmbeddings finds vectors and nearest words by cosine', () => {
  assert.deepEqual(model.get('日本'), vectorOf('日本'));
  assert.equal(model.get('tokyo'), null);
  for (const word of words.slice(0, 8)) {
    const expected = words
      .filter((other) => other !== word)
      .map((other) => ({ other, similarity: cosine(vectorOf(word), vectorOf(other)) }))
      .sort((a, b) => b.similarity - a.similarity);
    const found = model.nearest(word, 20);
    assert.deepEqual(
      found.map((each) => each.word),
      expected.map(({ other }) => other),
    );
    found.forEach(({ similarity }, k) => {
      assert(Math.abs(similarity - (expected[k]?.similarity ?? 9)) < 1e-6);
    });
    assert(Math.abs(model.similarity(word, 'king') - cosine(vectorOf(word), vectorOf('king'))) < 1e-6);
  }
  assert.equal(
    model.nearest(
      vectorOf('man').map((value) => 7 * value),
      1,
    )[0]?.word,
    'man',
  );
  assert.throws(() => model.nearest(new Float32Array(5)), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => model.nearest('king', 0), { reason: 'INVALID_ARGUMENT' });
});

test("WordEmbeddings answers analogies as evaluate's 3CosAdd does", () => {
  assert.equal(model.analogy(['man', 'king', 'woman'])[0]?.word, 'queen');
  const asked = words.slice(0, 4).flatMap((a) => words.slice(4, 7).map((b) => [a, b, 'woman'] as const));
  const questions = asked.map((each) => [...each, model.analogy(each)[0]?.word ?? ''] as const);
  assert.equal(evaluateAnalogies(model, [{ name: 'all', questions }]).total.accuracy, 1);
});

test('WordEmbeddings refuses sizes that do not fit and words that come twice', () => {
  for (const parts of [
    { words: [], vectors: new Float32Array(0) },
    { words: ['a', 'b'], vectors: new Float32Array(3) },
    { words: ['a', 'b', 'a'], vectors: new Float32Array(6) },
    { words: ['a'], vectors: new Float32Array(2), counts: Float64Array.of(1, 2) },
    {
      words: ['a'],
      vectors: new Float32Array(2),
      subwords: { settings: { minLength: 3, maxLength: 6, buckets: 4 }, table: new Float32Array(6) },
    },
  ]) {
    assert.throws(() => new WordEmbeddings(parts), { reason: 'INVALID_DATA' });
  }
});

test("both of word2vec's formats give every bit back", () => {
  const bits = new Uint32Array(2000).map(() => random.uint32());
  const any = new Float32Array(bits.buffer).map((value) => (Number.isFinite(value) ? value : 0));
  const many = new WordEmbeddings({ words: Array.from({ length: 100 }, (_, k) => `w${k}`), vectors: any });
  for (const written of [model, many]) {
    for (const read of [
      readWord2VecText(writeWord2VecText(written)),
      readWord2VecBinary(writeWord2VecBinary(written)),
    ]) {
      assert.deepEqual(read.words, written.words);
      assert.deepEqual(read.vectors, written.vectors);
    }
  }
});

test("readWord2VecText and readWord2VecBinary read other programs' files", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const expected = { words: ['a', 'bé'], vectors: Float32Array.of(1, -2.5, 3e-7, 0) };
  const assertRead = (found: WordEmbeddings): void => {
    assert.deepEqual({ words: found.words, vectors: found.vectors }, expected);
  };
  assertRead(readWord2VecText(bytes('2 2\na 1 -2.5 \nbé 3e-7 0 \n'))); // word2vec ends lines with a space
  assertRead(readWord2VecText(bytes('a 1 -2.5\nbé 3e-7 0'))); // GloVe has no first line
  // Without line ends, as gensim, and at an odd address.
  const numbers = new Uint8Array(expected.vectors.buffer);
  const file = [...bytes('2 2\na '), ...numbers.subarray(0, 8), ...bytes('bé '), ...numbers.subarray(8)];
  assertRead(readWord2VecBinary(Uint8Array.from([0, ...file]).subarray(1)));
});

test('readers refuse broken files before they take memory', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (const text of [
    '',
    '\n',
    '2 2\na 1 2\n',
    '1 2\na 1 x\n',
    '1 2\na 1 \n',
    '1 2\na 1 1e999\n',
    '1 2\na 1 2 3\n',
    '2 1\na 1\na 2\n',
    '1 999999999999\na 1\n',
  ]) {
    assert.throws(() => readWord2VecText(bytes(text)), { reason: 'INVALID_DATA' }, JSON.stringify(text));
  }
  assert.throws(() => readWord2VecText(Uint8Array.of(0xff, 0x20, 0x31)), /not UTF-8/);
  for (const text of ['', 'x y\n', '1 4\na 0123', '1 1\na0123', '999999999 999999999\na 0123', '2 1\na 0123']) {
    assert.throws(() => readWord2VecBinary(bytes(text)), { reason: 'INVALID_DATA' }, JSON.stringify(text));
  }
  const infinite = [...bytes('1 1\na '), 0, 0, 0x80, 0x7f];
  assert.throws(() => readWord2VecBinary(Uint8Array.from(infinite)), /not finite/);
  const spaced = new WordEmbeddings({ words: ['new york'], vectors: Float32Array.of(1) });
  assert.throws(() => writeWord2VecText(spaced), { reason: 'INVALID_DATA' });
  assert.throws(() => writeWord2VecBinary(spaced), { reason: 'INVALID_DATA' });
});

async function ask(onnx: Uint8Array, asked: readonly string[]) {
  const compiled = await (await createOrtNodeExecutor()).compile(onnx);
  const encoder = new TextEncoder();
  const word = createTensor(
    'string',
    [asked.length],
    asked.map((each) => encoder.encode(each)),
  );
  const results = await compiled.run(new Map([['word', word]]));
  await compiled.dispose();
  const [vector, near, similarities] = ['vector', 'words', 'similarities'].map((name) => results.get(name));
  assert(vector?.dtype === 'float32' && near?.dtype === 'string' && similarities?.dtype === 'float32');
  const decoder = new TextDecoder();
  return { vector, near: near.data.map((text) => decoder.decode(text)), shape: near.shape, similarities };
}

test('wordVectorsToOnnx gives vectors and nearest words on ONNX Runtime', async () => {
  const asked = ['queen', '日本', 'unknown', 'the', 'zero', 'King'];
  const { vector, near, shape, similarities } = await ask(wordVectorsToOnnx(model, { neighbours: 8 }), asked);
  assert.deepEqual(
    [vector.shape, shape, similarities.shape],
    [
      [6, DIMENSIONS],
      [6, 8],
      [6, 8],
    ],
  );
  asked.forEach((word, row) => {
    const own = vector.data.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS);
    assert.deepEqual(own, model.get(word) ?? new Float32Array(DIMENSIONS));
    const found = near.slice(8 * row, 8 * row + 8);
    if (!model.has(word)) {
      assert.deepEqual(found, new Array(8).fill(''));
      assert.deepEqual([...similarities.data.subarray(8 * row, 8 * row + 8)], new Array(8).fill(0));
      return;
    }
    const expected = model.nearest(word, 8);
    assert.deepEqual(
      found,
      expected.map((each) => each.word),
    );
    expected.forEach(({ similarity }, k) => {
      assert(Math.abs(similarity - (similarities.data[8 * row + k] ?? 9)) < 1e-6);
    });
  });
});

test('wordVectorsToOnnx finds words whatever their case, where asked to', async () => {
  const { vector, near } = await ask(wordVectorsToOnnx(model, { ignoreCase: true }), ['QUEEN', 'GRÖSSE', 'GRÖßE']);
  assert.deepEqual(vector.data.subarray(0, DIMENSIONS), vectorOf('queen'));
  assert.deepEqual(near[0], model.nearest('queen', 1)[0]?.word);
  assert.deepEqual(
    vector.data.subarray(DIMENSIONS),
    Float32Array.of(...new Float32Array(DIMENSIONS), ...vectorOf('größe')),
  );
});

test('wordVectorFiles are what is deployed, with an example that runs', async () => {
  const files = wordVectorFiles(model);
  assert.deepEqual([...files.keys()], ['model.onnx', 'amaas.json', 'example.json', 'vectors.bin']);
  const json = (name: string) => JSON.parse(new TextDecoder().decode(files.get(name)));
  assert.equal(json('amaas.json').task, 'word-vectors');
  const [given] = json('example.json').inputs;
  const { vector } = await ask(files.get('model.onnx') ?? new Uint8Array(), given.data);
  assert.deepEqual(vector.data, vectors.subarray(0, 3 * DIMENSIONS));
  assert.throws(() => wordVectorsToOnnx(model, { neighbours: 9 }), { reason: 'INVALID_ARGUMENT' });
});
