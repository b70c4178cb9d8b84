// How likely texts are to a model, held against what it says while it writes them, and against the sum of all there is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { GeneratedToken, LanguageModel } from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaEngine } from './index.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const engine = new LlamaEngine();
let model: LanguageModel;

before(async () => {
  if (skip) return;
  model = await engine.load(
    { label: 'stories', modelPath: sharedDataPath(MODEL) },
    {
      ...{ maxMemoryBytes: 1e9, maxLoadMs: 60_000, maxQueueSize: 100 },
      ...{ contextTokens: 512, parallel: 2, threads: 1 },
    },
  );
});
after(() => engine.dispose());

async function written(count: number): Promise<readonly GeneratedToken[]> {
  const tokens: GeneratedToken[] = [];
  const request = { prompt: [{ text: '', special: false }], maxTokens: count, logProbabilities: { top: 0 } };
  for await (const event of model.generate(request)) if (event.type === 'text') tokens.push(...event.tokens);
  return tokens;
}

test('score says of tokens what the model said while it wrote them, wherever the prompt ends', { skip }, async () => {
  const tokens = await written(300);
  const ids = tokens.map(({ token }) => token);
  for (const cut of [0, 1, 127, 128, 129, 299]) {
    const scores = await model.score([{ tokens: ids.slice(0, cut) }], [{ tokens: ids.slice(cut) }]);
    assert.equal(scores.length, 300 - cut);
    for (const [index, score] of scores.entries()) {
      // Batches of other sizes are summed in another order.
      const said = tokens[cut + index]?.logProbability ?? Number.NaN;
      assert(Math.abs(score - said) < 0.02, `token ${cut + index}: ${score}, while writing ${said}`);
    }
  }
});

test('score of all tokens there are adds up to certainty', { skip }, async () => {
  const { vocabularySize } = model.facts;
  const prompt = [{ text: 'Once upon a', special: false }];
  let sum = 0;
  for (let token = 0; token < vocabularySize; token++) {
    const [score = Number.NaN] = await model.score(prompt, [{ tokens: [token] }]);
    sum += Math.exp(score);
  }
  assert(Math.abs(sum - 1) < 1e-4, String(sum));
});

test('score is refused with numbers, called off, and does not disturb those who write', { skip }, async () => {
  const long = [{ tokens: new Array<number>(513).fill(5) }];
  await assert.rejects(model.score([{ tokens: [] }], long), {
    reason: 'CONTEXT_OVERFLOW',
    message: 'score: prompt and text have 514 tokens, and the context has room for 512',
  });
  assert.deepEqual(await model.score([{ text: 'Once', special: false }], [{ text: '', special: false }]), []);
  const controller = new AbortController();
  const calls = Array.from({ length: 5 }, () =>
    model.score([{ tokens: [] }], [{ tokens: new Array<number>(500).fill(5) }], controller.signal),
  );
  const writing = written(50);
  controller.abort();
  for (const call of calls) await assert.rejects(call, { reason: 'CANCELLED' });
  assert.equal((await writing).length, 50);
  assert.equal((await model.score([{ tokens: [] }], [{ tokens: [5] }])).length, 1);
});
