// The published vocabularies of GPT-2 and BERT on the 46 awkward texts of llama.cpp's tests, ids as published beside them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { readTokenizer, tokenizerFromSentencePieces } from './index.ts';
import { readAwkwardTexts } from './testing/awkward-texts.ts';
import { readGgufPieces } from './testing/gguf-pieces.ts';

const LLAMA = 'llm/vocab/ggml-vocab-llama-spm.gguf';

for (const [file, vocabulary] of [
  ['llm/tokenizers/gpt2_tokenizer.json', 'llm/vocab/ggml-vocab-gpt-2.gguf'],
  ['llm/tokenizers/minilm_bert_tokenizer.json', 'llm/vocab/ggml-vocab-bert-bge.gguf'],
] as const) {
  test(`Tokenizer.encode gives the published ids of 46 awkward texts: ${file}`, {
    skip: skipWithoutSharedData(file, `${vocabulary}.inp`, `${vocabulary}.out`),
  }, () => {
    const tokenizer = readTokenizer(readFileSync(sharedDataPath(file), 'utf8'));
    const texts = readAwkwardTexts(sharedDataPath(vocabulary));
    assert.equal(texts.length, 46);
    for (const { text, ids } of texts) {
      const encoding = tokenizer.encode(text, { addSpecialTokens: false, padding: null, truncation: null });
      assert.deepEqual([...encoding.ids], ids, JSON.stringify(text));
    }
  });
}

test('tokenizerFromSentencePieces gives the published ids of 46 awkward texts with the vocabulary of Llama', {
  skip: skipWithoutSharedData(LLAMA, `${LLAMA}.inp`, `${LLAMA}.out`),
}, () => {
  const tokenizer = tokenizerFromSentencePieces(readGgufPieces(sharedDataPath(LLAMA)));
  const texts = readAwkwardTexts(sharedDataPath(LLAMA));
  assert.equal(texts.length, 46);
  for (const { text, ids } of texts) {
    assert.deepEqual([...tokenizer.encode(text).ids], ids, JSON.stringify(text));
    assert.equal(tokenizer.decode(ids), text);
  }
});
