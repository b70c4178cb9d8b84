// What tokens stand for, held against the texts they were made of, and against answers that a grammar holds to every sign.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { GenerationRequest, LanguageModel } from '@amaas/core';
import { createRandom } from '@amaas/learn/statistics';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaEngine } from './index.ts';

const STORIES = 'llm/stories260K.gguf';
const MODELS = [
  {
    name: 'byte-level',
    path: () => join(import.meta.dirname, '../../../../models/story-teller/1/model.gguf'),
    skip: false,
  },
  { name: 'sentencepiece', path: () => sharedDataPath(STORIES), skip: skipWithoutSharedData(STORIES) },
] as const;
const engine = new LlamaEngine();
after(() => engine.dispose());

function load(modelPath: string): Promise<LanguageModel> {
  const options = { maxMemoryBytes: 1e9, maxLoadMs: 60_000, maxQueueSize: 10, contextTokens: 256 };
  return engine.load({ label: 'pieces', modelPath }, { ...options, parallel: 1, threads: 1 });
}

async function write(model: LanguageModel, request: Partial<GenerationRequest>) {
  let text = '';
  const tokens: string[] = [];
  const prompt = [{ text: 'Once', special: false }];
  for await (const event of model.generate({ prompt, logProbabilities: { top: 0 }, ...request })) {
    if (event.type !== 'text') continue;
    text += event.text;
    tokens.push(...event.tokens.map((token) => token.text));
  }
  return { text, tokens };
}

const SIGNS = [' ,', ' .', ' ?', ' !', " 's", ' ', '  ', '\n', 'a', 'Once', 'é', '猫', '🦊', '<', '"', '\t'];

for (const { name, path, skip } of MODELS) {
  test(`texts come back from their tokens sign by sign (${name})`, { skip }, async () => {
    const model = await load(path());
    const random = createRandom(7);
    for (let round = 0; round < 60; round++) {
      const text = `A${Array.from({ length: 12 }, () => SIGNS[random.integer(SIGNS.length)]).join('')}`;
      assert.equal(await model.detokenize(await model.tokenize([{ text, special: false }])), text);
    }
    await model.dispose();
  });

  test(`what a grammar holds to is written whole, tokens and all (${name})`, { skip }, async () => {
    const model = await load(path());
    for (const exact of ['a , b', 'x ? y . z ! w', '{ "name" : "P !" , "age" : 3 }', "it 's é , 猫 ."]) {
      const grammar = `root ::= ${JSON.stringify(exact)}`;
      const { text, tokens } = await write(model, { grammar, maxTokens: 100 });
      assert.equal(text, exact);
      if (!tokens.some((token) => token.includes('\u{FFFD}'))) assert.equal(tokens.join(''), exact);
    }
    await model.dispose();
  });
}
