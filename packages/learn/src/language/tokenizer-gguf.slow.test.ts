// Tokenizers written into GGUF files: llama.cpp cuts texts as ours do, or the tokenizer is refused.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { createGguf, readGguf } from '../gguf/index.ts';
import { readTokenizer, type Tokenizer, trainBpe, trainUnigram } from '../tokenize/index.ts';
import { readAwkwardTexts } from '../tokenize/testing/awkward-texts.ts';
import { llamaToGguf } from './llama-gguf.ts';
import { askLlamaCpp } from './testing/llama-cpp.ts';
import { drawLlama } from './testing/llama-network.ts';
import { tokenizerFromGguf } from './tokenizer-from-gguf.ts';

const directory = mkdtempSync(join(tmpdir(), 'amaas-vocabulary-'));
after(() => rmSync(directory, { recursive: true }));

/** Ids by llama.cpp, with the tokenizer in a file of ours. */
async function tokenizeThere(tokenizer: Tokenizer, texts: readonly string[]): Promise<readonly (readonly number[])[]> {
  const sizes = { blockSize: 32, layers: 1, heads: 1, width: 4, innerWidth: 4 };
  const model = drawLlama({ vocabularySize: tokenizer.vocabularySize, ...sizes }, 'any');
  const path = join(directory, 'model.gguf');
  writeFileSync(path, createGguf(llamaToGguf(model, { tokenizer })));
  return (await askLlamaCpp({ model: path, texts })).tokens;
}

function assertSame(tokenizer: Tokenizer, theirs: readonly (readonly number[])[], texts: readonly string[]): void {
  assert.equal(theirs.length, texts.length);
  const plainly = { addSpecialTokens: false, truncation: null, padding: null };
  for (const [index, text] of texts.entries()) {
    assert.deepEqual(theirs[index], [...tokenizer.encode(text, plainly).ids], JSON.stringify(text));
  }
}

const AWKWARD = 'llm/vocab/ggml-vocab-gpt-2.gguf';
const LLAMA = 'llm/vocab/ggml-vocab-llama-spm.gguf';
const GPT_2 = 'llm/tokenizers/gpt2_tokenizer.json';
const awkward = (): readonly string[] => readAwkwardTexts(sharedDataPath(AWKWARD)).map(({ text }) => text);
const skip = skipWithoutSharedData(`${AWKWARD}.inp`, `${AWKWARD}.out`, AWKWARD, LLAMA, GPT_2);

test('tokenizerToGguf: GPT-2 out of its tokenizer.json cuts 46 awkward texts alike in llama.cpp', {
  skip,
}, async () => {
  const tokenizer = readTokenizer(readFileSync(sharedDataPath(GPT_2), 'utf8'));
  const texts = [...awkward(), 'a<|endoftext|>b <|endoftext|> c'];
  assertSame(tokenizer, await tokenizeThere(tokenizer, texts), texts);
});

for (const path of [AWKWARD, LLAMA]) {
  test(`tokenizerFromGguf and back: ${path} cuts 46 awkward texts alike in llama.cpp`, { skip }, async () => {
    const { metadata } = await readGguf(readFileSync(sharedDataPath(path)));
    const { tokenizer } = tokenizerFromGguf(metadata);
    assert.ok(tokenizer !== null);
    const texts = awkward();
    assertSame(tokenizer, await tokenizeThere(tokenizer, texts), texts);
  });
}

test('tokenizerToGguf: tokenizers learned here cut awkward texts alike in llama.cpp', { skip }, async () => {
  const texts = awkward();
  const bpe = trainBpe(texts, { vocabularySize: 420 });
  assertSame(bpe, await tokenizeThere(bpe, texts), texts);
  const unigram = trainUnigram(['the cat sat on the mat', 'a dog and a cat: äöü!', ...texts], {
    vocabularySize: 500,
    form: null,
    specialTokens: ['</s>'],
  });
  // llama.cpp puts a space in front of texts that begin with one, too.
  const plain = [...texts.filter((text) => !/^\s/.test(text)), 'the cat</s>the dog'];
  assertSame(unigram, await tokenizeThere(unigram, plain), plain);
});

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const REST = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const split = (expression: string): object => ({
  ...{ type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false },
});
const LLAMA_3 = split(`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}${REST}`);
const QWEN_2 = split(`${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${REST}`);
const DIGITS = { type: 'Digits', individual_digits: true };

for (const [name, step, cuts, ignores] of [
  ['Llama 3', LLAMA_3, false, true],
  ['DBRX', LLAMA_3, false, false],
  ['Qwen 2', QWEN_2, false, false],
  ['SmolLM', DIGITS, true, false],
] as const) {
  test(`tokenizerToGguf: the word rule of ${name} cuts awkward texts alike in llama.cpp`, { skip }, async () => {
    const gpt2 = JSON.parse(readFileSync(sharedDataPath(GPT_2), 'utf8'));
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: cuts };
    const tokenizer = readTokenizer({
      ...gpt2,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [step, byteLevel] },
      model: { ...gpt2.model, ignore_merges: ignores },
    });
    const texts = awkward();
    assertSame(tokenizer, await tokenizeThere(tokenizer, texts), texts);
  });
}
