// With the vocabulary of a published model, whose texts begin with a space that they do not have.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { readGguf } from '@amaas/learn/gguf';
import { tokenizerFromGguf } from '@amaas/learn/language';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { ModelTokens } from './tokens.ts';

const STORIES = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(STORIES);

async function open() {
  const { metadata } = await readGguf(await readFile(sharedDataPath(STORIES)));
  const { tokenizer, specialTokens } = tokenizerFromGguf(metadata);
  assert.ok(tokenizer !== null);
  return { tokenizer, tokens: new ModelTokens(tokenizer, specialTokens, metadata) };
}

test('ModelTokens begins prompts as the runtime does, once', { skip }, async () => {
  const { tokens } = await open();
  const plain = tokens.ofPrompt([{ text: 'Once', special: false }]);
  assert.equal(plain[0], 1);
  assert.deepEqual(tokens.ofPrompt([{ text: '<s>', special: true }]), [1]);
  assert.deepEqual(tokens.ofPrompt([]), [1]);
  assert.equal(tokens.ofPrompt([{ text: '<s>', special: false }]).filter((id) => id === 1).length, 1);
  assert.ok(tokens.ofPrompt([{ text: '<s>', special: false }]).length > 2);
});

test('ModelTokens makes up no space where an answer goes on with a word, and one where a text begins', {
  skip,
}, async () => {
  const { tokenizer, tokens } = await open();
  for (const [prompt, answer] of [
    ['Once upon', ' a time'],
    ['Once upon', 'a time'],
    ['Once', '\nupon'],
    ['', 'Once upon a time'],
    ['Lily:', ''],
  ] as const) {
    const before = tokens.ofPrompt(prompt === '' ? [] : [{ text: prompt, special: false }]);
    const written = tokens.ofAnswer(answer, before);
    assert.equal(
      tokenizer.decode([...before, ...written]).trimStart(),
      `${prompt}${answer}`,
      JSON.stringify([prompt, answer]),
    );
  }
  const whole = tokens.ofPrompt([{ text: 'Once upon a time', special: false }]);
  const before = tokens.ofPrompt([{ text: 'Once upon', special: false }]);
  assert.deepEqual([...before, ...tokens.ofAnswer(' a time', before)], whole);
  assert.deepEqual([1, ...tokens.ofAnswer('Once upon a time', [1])], whole);
});

test('ModelTokens knows which tokens end an answer', { skip }, async () => {
  const { tokens } = await open();
  assert.deepEqual([tokens.end, tokens.ends.get('</s>')], [2, 2]);
});
