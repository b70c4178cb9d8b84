// What decodes step by step with a decoder that is recurrent: no chunks, a state of one size, a start of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { generateSequences, searchBeams } from '../decode/index.ts';
import { input } from '../graph/index.ts';
import {
  createScope,
  lstmEncoderDecoder,
  lstmEncoderDecoderSteps,
  SOURCE_INPUT,
  TARGET_INPUT,
} from '../layers/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { exportGenerator } from './generation-export.ts';
import { exportStepModel, type StepModelParts } from './step-export.ts';
import { createStepModel } from './step-model.ts';
import { RECURRENT, RECURRENT_SOURCES, recurrentLogits } from './testing/recurrent-decoder.ts';
import { idTensor } from './testing/whole-network.ts';
import { madeNumbers } from '../train/testing/made-numbers.ts';

const PROMPTS = [[3, 1, 4], [1], [5, 9]];
const ENDS = [7, 2];

test('StepModel takes prompts of different lengths one by one where a decoder takes no chunks', async () => {
  const files = exportStepModel(RECURRENT);
  assert.equal(files.prompt, null);
  const steps = await createStepModel(await ortExecutor(), files);
  const start = await steps.prompt(PROMPTS, await steps.start(new Map([['source', RECURRENT_SOURCES]])));
  const { logits } = await steps.step(start.tokens, start.state);
  for (const [row, prompt] of PROMPTS.entries()) {
    for (const [token, expected] of recurrentLogits(row, prompt).entries()) {
      assert(Math.abs((logits[row * 10 + token] ?? Number.NaN) - expected) < 1e-5);
    }
  }
  assert.throws(() => steps.begin(2), { reason: 'INVALID_ARGUMENT' });
  await steps.dispose();
});

/** The LSTM with attention. */
function lstmParts(): StepModelParts {
  const options = { sourceVocabularySize: 8, targetVocabularySize: 10, units: 5, width: 4, layers: 2 };
  const decoder = lstmEncoderDecoderSteps(options);
  const { scope, record } = createScope(false);
  const source = input('source', 'int64', ['N', 6]);
  lstmEncoderDecoder(options).build(
    new Map([
      [SOURCE_INPUT, source],
      [TARGET_INPUT, input('target', 'int64', ['N', 4])],
    ]),
    scope,
  );
  const weights = record().parameters.map(({ name, shape }, index) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return [name, createTensor('float32', shape, Float32Array.from(madeNumbers(index + 1, count)))] as const;
  });
  return { decoder, weights: new Map(weights) };
}

const DECODERS: Readonly<Record<string, readonly [StepModelParts, Tensor]>> = {
  'a recurrent decoder': [RECURRENT, RECURRENT_SOURCES],
  'an LSTM with attention': [
    lstmParts(),
    idTensor([
      [1, 2, 3, 4, 5, 6],
      [7, 7, 2, 0, 0, 0],
      [4, 0, 0, 0, 0, 0],
    ]),
  ],
};

for (const [name, [parts, source]] of Object.entries(DECODERS)) {
  test(`exportGenerator of ${name} writes what decoding over steps does`, async () => {
    const executor = await ortExecutor();
    const steps = await createStepModel(executor, exportStepModel(parts));
    const inputs = new Map([['source', source]]);
    const start = { tokens: Int32Array.of(8, 8, 8), state: await steps.start(inputs) };
    const limits = { maxTokens: 9, endTokens: ENDS };
    const texts: (readonly number[])[][] = [
      (await generateSequences(steps, start, limits)).map(({ tokens }) => tokens),
      (await searchBeams(steps, start, { ...limits, beams: 4 })).map(([best]) => best?.tokens ?? []),
    ];
    for (const [index, search] of [{}, { beams: 4 }].entries()) {
      const compiled = await executor.compile(exportGenerator(parts, { ...limits, ...search, startToken: 8 }));
      const outputs = await compiled.run(inputs);
      const time = outputs.get('tokens')?.shape[1] ?? 0;
      const tokens = Array.from(outputs.get('tokens')?.data ?? [], Number);
      const lengths = Array.from(outputs.get('lengths')?.data ?? [], Number);
      assert.deepEqual(
        lengths.map((length, row) => tokens.slice(row * time, row * time + length)),
        texts[index],
      );
      await compiled.dispose();
    }
    await steps.dispose();
  });
}
