// Decoders exported step by step, on ONNX Runtime and in float64, against the whole network without a cache: logits, greedy
// texts and beams, rows of different lengths, rows that come and go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferenceExecutor } from '../compile/index.ts';
import { generateSequences, searchBeams } from '../decode/index.ts';
import { SOURCE_INPUT } from '../layers/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { createStepModel, type StepModel } from './step-model.ts';
import { exportStepModel } from './step-export.ts';
import type { StepStates } from './step-states.ts';
import {
  createWholeModel,
  idTensor,
  LANGUAGE_MODELS,
  type SmallModel,
  TRANSLATOR_MODEL,
} from './testing/whole-network.ts';

const EXECUTORS = { runtime: ortExecutor, reference: async () => createReferenceExecutor() };

const PROMPTS = [[1, 5, 2, 7], [3, 4], [6]];

function assertLogits(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(found.length, expected.length);
  for (const [index, number] of Array.from(expected).entries()) {
    const other = found[index] ?? Number.NaN;
    assert(Math.abs(other - number) < 2e-4, `${index}: ${other} is not ${number}`);
  }
}

/** Steps through texts, holding every row's logits against the network's. */
async function assertSteps(
  steps: StepModel,
  {
    texts,
    logits,
    state,
  }: { texts: readonly (readonly number[])[]; logits: readonly (readonly Float32Array[])[]; state?: StepStates },
): Promise<StepStates> {
  let states = state ?? steps.begin(texts.length);
  for (const at of texts[0]?.keys() ?? []) {
    const step = await steps.step(
      Int32Array.from(texts, (text) => text[at] ?? assert.fail()),
      states,
    );
    assertLogits(
      step.logits,
      logits.flatMap((row) => [...(row[at] ?? assert.fail())]),
    );
    states = step.state;
  }
  return states;
}

for (const [runtime, makeExecutor] of Object.entries(EXECUTORS)) {
  for (const [name, model] of Object.entries(LANGUAGE_MODELS)) {
    test(`${name} step by step on the ${runtime}: logits at every position, greedy texts and beams of prompts of different lengths`, async () => {
      const executor = await makeExecutor();
      const whole = await createWholeModel(executor, model);
      const steps = await createStepModel(executor, exportStepModel(model));
      const texts = [
        [1, 5, 2, 7, 12, 0, 3],
        [9, 9, 8, 1, 0, 2, 11],
      ];
      await assertSteps(steps, { texts, logits: await whole.logitsOf(texts) });
      await assertDecoding(model, { whole, steps, start: await steps.prompt(PROMPTS) });
      await steps.dispose();
      await whole.dispose();
    });
  }

  test(`encoderDecoder step by step on the ${runtime}: its start once, then greedy texts and beams as the network's`, async () => {
    const executor = await makeExecutor();
    const sources = [
      [1, 2, 3, 4, 8],
      [5, 6],
      [7, 1, 7],
    ];
    const padded = idTensor(sources.map((ids) => [...ids, 0, 0, 0].slice(0, 5)));
    const whole = await createWholeModel(executor, TRANSLATOR_MODEL, sources);
    const steps = await createStepModel(executor, exportStepModel(TRANSLATOR_MODEL));
    const begun = await steps.start(new Map([[SOURCE_INPUT, padded]]));
    const start = await steps.prompt(PROMPTS, begun);
    await assertDecoding(TRANSLATOR_MODEL, { whole, steps, start }, [[0], [1], [2]]);
    await assert.rejects(() => steps.prompt(PROMPTS), { reason: 'INVALID_ARGUMENT' });
    await steps.dispose();
    await whole.dispose();
  });
}

async function assertDecoding(
  { decoder: { vocabularySize } }: SmallModel,
  {
    whole,
    steps,
    start,
  }: {
    whole: Awaited<ReturnType<typeof createWholeModel>>;
    steps: StepModel;
    start: Awaited<ReturnType<StepModel['prompt']>>;
  },
  before: readonly (readonly number[])[] = PROMPTS.map(() => []),
): Promise<void> {
  const wholeStart = {
    tokens: start.tokens,
    state: PROMPTS.map((prompt, row) => [...(before[row] ?? []), ...prompt.slice(0, -1)]),
  };
  const limits = { maxTokens: 7, endTokens: [vocabularySize - 1, 4] };
  const [found, expected] = [
    await generateSequences(steps, start, limits),
    await generateSequences(whole, wholeStart, limits),
  ];
  assert.deepEqual(
    found.map(({ tokens }) => tokens),
    expected.map(({ tokens }) => tokens),
  );
  const options = { ...limits, beams: 3, lengthPenalty: 0.7 };
  const [beams, wholeBeams] = [await searchBeams(steps, start, options), await searchBeams(whole, wholeStart, options)];
  for (const [row, sequences] of wholeBeams.entries()) {
    assert.deepEqual(
      beams[row]?.map(({ tokens, ended }) => [ended, ...tokens]),
      sequences.map(({ tokens, ended }) => [ended, ...tokens]),
    );
    for (const [rank, { score }] of sequences.entries()) {
      assert(Math.abs((beams[row]?.[rank]?.score ?? Number.NaN) - score) < 1e-4);
    }
  }
}

test('StepModel.joinRows lets rows of different lengths come and go, and cuts away what none of them has', async () => {
  const executor = await ortExecutor();
  const model = LANGUAGE_MODELS.llama;
  const whole = await createWholeModel(executor, model);
  const steps = await createStepModel(executor, exportStepModel(model));
  const long = [1, 5, 2, 7, 12, 0, 3];
  const short = [9, 8];
  const later = [4, 4, 10];
  const [longLogits = [], shortLogits = [], laterLogits = []] = await whole.logitsOf([long, short, later]);
  const first = await assertSteps(steps, { texts: [long.slice(0, 4)], logits: [longLogits] });
  const second = await assertSteps(steps, { texts: [short.slice(0, 1)], logits: [shortLogits] });
  const both = steps.joinRows([
    { states: second, row: 0 },
    { states: first, row: 0 },
  ]);
  assert.deepEqual(both.tensors.get('key 1')?.shape, [2, 2, 4, 4]);
  const after = await assertSteps(steps, {
    texts: [short.slice(1), long.slice(4, 5)],
    logits: [shortLogits.slice(1), longLogits.slice(4)],
    state: both,
  });
  const left = steps.selectRows(after, Int32Array.of(0));
  assert.deepEqual(left.tensors.get('key 1')?.shape, [1, 2, 2, 4]);
  const joined = steps.joinRows([
    { states: left, row: 0 },
    { states: steps.begin(1), row: 0 },
  ]);
  const { logits } = await steps.step(Int32Array.of(2, 4), joined);
  assertLogits(logits.subarray(13), laterLogits[0] ?? []);
  assertLogits(logits.subarray(0, 13), (await whole.logitsOf([[...short, 2]]))[0]?.[2] ?? []);
  await steps.dispose();
  await whole.dispose();
});

test('StepModel refuses ids beyond what the decoder has room for', async () => {
  const steps = await createStepModel(await ortExecutor(), exportStepModel(LANGUAGE_MODELS.gpt));
  const { tokens, state } = await steps.prompt([[1, 2], new Array<number>(12).fill(3)]);
  const { state: full } = await steps.step(tokens, state);
  assert.deepEqual([...full.lengths], [2, 12]);
  const refusal = { reason: 'INVALID_ARGUMENT', message: 'step: row 1 expects at most 12 ids, got 13' };
  await assert.rejects(steps.step(Int32Array.of(1, 1), full), refusal);
  await steps.step(Int32Array.of(1), steps.selectRows(full, Int32Array.of(0)));
  await assert.rejects(steps.prompt([new Array<number>(14).fill(1)]), { reason: 'INVALID_ARGUMENT' });
  await steps.dispose();
});

test('createStepModel refuses models that say nothing of steps, or of another kind', async () => {
  const executor = await ortExecutor();
  const files = exportStepModel(TRANSLATOR_MODEL);
  const attempts = [
    { ...files, step: TRANSLATOR_MODEL.network.toOnnx() },
    { ...files, step: files.prompt ?? assert.fail() },
  ];
  for (const attempt of attempts) await assert.rejects(createStepModel(executor, attempt), { reason: 'INVALID_MODEL' });
});

test('exportStepModel refuses weights that are missing', () => {
  const { decoder } = LANGUAGE_MODELS.gpt;
  assert.throws(() => exportStepModel({ decoder, weights: new Map() }), {
    reason: 'INVALID_CHECKPOINT',
    message: 'export: expected weight tokens [13,8], got none',
  });
});
