// The 260 K story-teller of llama2.c, read from its GGUF file: greedy text by steps with a cache, and by one run of one graph,
// is the text its authors print.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { generateSequences } from '../decode/index.ts';
import { readGguf } from '../gguf/index.ts';
import { llamaSteps } from '../layers/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { exportGenerator } from './generation-export.ts';
import { llamaFromGguf } from './llama-gguf.ts';
import { exportStepModel } from './step-export.ts';
import { createStepModel } from './step-model.ts';
import { idTensor } from './testing/whole-network.ts';

const GGUF = 'llm/stories260K.gguf';
const EXPECTED = 'llm/stories260K.expected.txt';
const skip = skipWithoutSharedData(GGUF, EXPECTED);

/** Behind them the file has what its authors' program adds at the end. */
const CHARACTERS = 428;
const TOKENS = 200;
const BEGIN = 1;

test('stories260K tells its story, step by step and in one run', { skip }, async () => {
  const expected = readFileSync(sharedDataPath(EXPECTED), 'utf8').slice(0, CHARACTERS);
  const { options, weights, tokenizer } = await llamaFromGguf(await readGguf(readFileSync(sharedDataPath(GGUF))));
  assert(tokenizer !== null);
  const model = { decoder: llamaSteps(options), weights };
  const executor = await ortExecutor();

  const steps = await createStepModel(executor, exportStepModel(model));
  const start = { tokens: Int32Array.of(BEGIN), state: steps.begin(1) };
  const [sequence] = await generateSequences(steps, start, { maxTokens: TOKENS });
  await steps.dispose();
  assert.equal(
    tokenizer
      .decode(sequence?.tokens ?? [])
      .trimStart()
      .slice(0, CHARACTERS),
    expected,
  );

  const generator = await executor.compile(exportGenerator(model, { maxTokens: TOKENS }));
  const outputs = await generator.run(new Map([['ids', idTensor([[BEGIN]])]]));
  await generator.dispose();
  assert.deepEqual(Array.from(outputs.get('tokens')?.data ?? [], Number), sequence?.tokens);
});
