// What is known of words, and the graph that says it, against the same said in JavaScript.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { input, matchTokens } from '../graph/index.ts';
import { buildSentenceWords } from './sentence-graph.ts';
import { fitSentenceWords, SENTENCE_WORD_PATTERN, sentenceWordCodes, wordPartCodes } from './sentence-words.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });

const SENTENCES = [
  ['The', 'cat', 'chased', 'the', 'dog', '.'],
  ['A', 'dog', 'chased', 'Öl', 'in', '1999', '.'],
  ['USA', 'well-known', 'Ärger', ',', 'öl', 'baked', '.'],
];

async function ask(texts: readonly string[], fitted = fitSentenceWords(SENTENCES)) {
  const text = input('text', 'string', ['N']);
  const { words, ids, parts } = buildSentenceWords(text, fitted);
  const outputs = new Map([
    ['words', words],
    ['ids', ids],
    ['parts', parts],
  ]);
  const compiled = await executor.compile(compileToOnnx(simplify(outputs), { inputs: [text] }));
  const data = texts.map((each) => new TextEncoder().encode(each));
  const found = await compiled.run(new Map([['text', createTensor('string', [texts.length], data)]]));
  await compiled.dispose();
  return { words: textsOf(found.get('words')), ids: rowsOf(found.get('ids')), parts: rowsOf(found.get('parts')) };
}

function textsOf(tensor: Tensor | undefined): readonly (readonly string[])[] {
  assert(tensor?.dtype === 'string');
  const [rows = 0, width = 0] = tensor.shape;
  const texts = tensor.data.map((bytes) => new TextDecoder().decode(bytes));
  return Array.from({ length: rows }, (_, row) => texts.slice(row * width, (row + 1) * width));
}

/** Rows of a tensor [rows, ...], flat. */
function rowsOf(tensor: Tensor | undefined): readonly (readonly number[])[] {
  assert(tensor?.dtype === 'int64');
  const width = tensor.data.length / (tensor.shape[0] ?? 1);
  const numbers = Array.from(tensor.data, Number);
  return Array.from({ length: tensor.shape[0] ?? 0 }, (_, row) => numbers.slice(row * width, (row + 1) * width));
}

test('fitSentenceWords knows words and endings that occur often enough, in lower case', () => {
  const fitted = fitSentenceWords(SENTENCES);
  assert.deepEqual(fitted.words, ['.', 'chased', 'dog', 'the', 'öl']);
  assert.deepEqual(fitted.endings[1], ['ed', 'he', 'og', 'öl']);
  assert.deepEqual(fitted.endings[2], ['dog', 'sed', 'the']);
  assert.equal(sentenceWordCodes(fitted), 7);
  assert.equal(wordPartCodes(fitted), 2 + fitted.endings.flat().length + 5);
  assert.throws(() => fitSentenceWords([['one', 'two']]), {
    reason: 'INVALID_DATA',
    message: /occurs 2 times in the 1/,
  });
});

test('buildSentenceWords numbers words, their endings and how they are written', async () => {
  const fitted = fitSentenceWords(SENTENCES);
  const endings = fitted.endings.flat();
  const first = 2 + endings.length;
  /** Places among all endings, length by length. */
  const ending = (text: string): number => {
    const length = Array.from(text).length;
    const before = fitted.endings.slice(0, length - 1).flat().length;
    const at = fitted.endings[length - 1]?.indexOf(text) ?? -1;
    return at === -1 ? 1 : 2 + before + at;
  };
  const { words, ids, parts } = await ask(['The fog barked, ÖL well-fed 12:30 NATO ?', 'in']);
  assert.deepEqual(words[0], ['The', 'fog', 'barked', ',', 'ÖL', 'well-fed', '12:30', 'NATO', '?', '']);
  assert.deepEqual(words[1], ['in', ...new Array<string>(9).fill('')]);
  assert.deepEqual(ids[0], [fitted.words.indexOf('the') + 2, 1, 1, 1, fitted.words.indexOf('öl') + 2, 1, 1, 1, 1, 0]);
  const expected = [
    [ending('e'), ending('he'), ending('the'), first + 1],
    [ending('g'), ending('og'), 1, first + 4],
    [ending('d'), ending('ed'), ending('ked'), first + 4],
    [1, 0, 0, first + 3],
    [ending('l'), ending('öl'), 0, first],
    [ending('d'), ending('ed'), 1, 0],
    [1, 1, 1, first + 2],
    [1, 1, 1, first],
    [1, 0, 0, first + 3],
    [0, 0, 0, 0],
  ];
  assert.deepEqual(parts[0], expected.flat());
});

test('buildSentenceWords gives a sentence the same numbers alone and in company, empty ones too', async () => {
  const texts = ['', 'The dog .', '  ', 'A much longer sentence , with 3 commas , than the others have .', '🙂🙂'];
  const together = await ask(texts);
  for (const [row, text] of texts.entries()) {
    const alone = await ask([text]);
    const length = alone.ids[0]?.length ?? 0;
    assert.deepEqual(together.words[row]?.slice(0, length), alone.words[0]);
    assert.deepEqual(together.ids[row]?.slice(0, length), alone.ids[0]);
    assert.deepEqual(together.parts[row]?.slice(0, 4 * length), alone.parts[0]);
    assert.deepEqual(
      alone.words[0]?.filter((word) => word !== ''),
      matchTokens(text, SENTENCE_WORD_PATTERN),
    );
  }
  assert.deepEqual((await ask([''])).words, [['']]);
});

test('buildSentenceWords bears with no known ending, and with endings of other lengths', async () => {
  const fitted = fitSentenceWords([['xy', 'xy']], { longestEnding: 1 });
  const { parts } = await ask(['xy zz'], { ...fitted, endings: [[]] });
  assert.deepEqual(
    parts[0]?.filter((_, at) => at % 2 === 0),
    [1, 1, 0],
  );
});
