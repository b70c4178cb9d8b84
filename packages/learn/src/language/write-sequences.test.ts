// Several tokens per run against one step per token: the same texts, whatever the number, with rows that end on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReferenceExecutor } from '../compile/index.ts';
import { generateSequences } from '../decode/index.ts';
import { SOURCE_INPUT } from '../layers/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import { exportStepModel, type StepModelParts } from './step-export.ts';
import { createStepModel, type StepModel } from './step-model.ts';
import { RECURRENT, RECURRENT_SOURCES } from './testing/recurrent-decoder.ts';
import { idTensor, LANGUAGE_MODELS, TRANSLATOR_MODEL } from './testing/whole-network.ts';
import { writeSequences } from './write-sequences.ts';
import { exportWriter, type WriterOptions } from './writer-export.ts';

const EXECUTORS = { runtime: ortExecutor, reference: async () => createReferenceExecutor() };

interface Case {
  readonly parts: StepModelParts;
  begin(steps: StepModel): ReturnType<StepModel['prompt']>;
}

const CASES: Readonly<Record<string, Case>> = {
  llama: { parts: LANGUAGE_MODELS.llama, begin: (steps) => steps.prompt([[1, 5, 2, 7], [3, 4], [6], [12, 12, 0]]) },
  encoderDecoder: {
    parts: TRANSLATOR_MODEL,
    async begin(steps) {
      const sources = idTensor([
        [1, 2, 3],
        [5, 6, 0],
        [7, 0, 0],
      ]);
      return { tokens: Int32Array.of(2, 2, 2), state: await steps.start(new Map([[SOURCE_INPUT, sources]])) };
    },
  },
  'a recurrent decoder': {
    parts: RECURRENT,
    begin: async (steps) => ({
      tokens: Int32Array.of(8, 8, 8),
      state: await steps.start(new Map([['source', RECURRENT_SOURCES]])),
    }),
  },
};

async function createWriter(
  runtime: keyof typeof EXECUTORS,
  parts: StepModelParts,
  options: WriterOptions,
): Promise<StepModel> {
  return createStepModel(await EXECUTORS[runtime](), {
    ...exportStepModel(parts),
    write: exportWriter(parts, options),
  });
}

for (const runtime of ['runtime', 'reference'] as const) {
  for (const [name, { parts, begin }] of Object.entries(CASES)) {
    test(`writeSequences of ${name} on the ${runtime} writes what greedy search over steps does`, async () => {
      for (const endTokens of [[4, 9, 7], []]) {
        const steps = await createWriter(runtime, parts, { endTokens });
        assert(steps.canWrite);
        const start = await begin(steps);
        const expected = await generateSequences(steps, start, { maxTokens: 8, endTokens });
        for (const tokensPerRun of [1, 3, 8]) {
          const heard = expected.map((): number[] => []);
          const found = await writeSequences(steps, start, {
            maxTokens: 8,
            tokensPerRun,
            onTokens: (row, tokens) => heard[row]?.push(...tokens),
          });
          for (const [row, sequence] of expected.entries()) {
            assert.deepEqual([found[row]?.ended, ...(found[row]?.tokens ?? [])], [sequence.ended, ...sequence.tokens]);
            assert.deepEqual(heard[row], sequence.tokens);
            assert(Math.abs((found[row]?.logProbability ?? Number.NaN) - sequence.logProbability) < 1e-3);
          }
        }
        await steps.dispose();
      }
    });
  }
}

test('writeSequences draws what sampling over steps draws, whatever the tokens of a run', async () => {
  const sampling = { temperature: 1.5, topK: 7 };
  const { parts, begin } = CASES['llama'] ?? assert.fail();
  const steps = await createWriter('runtime', parts, { endTokens: [4], sampling });
  const start = await begin(steps);
  const random = createRandom('writing');
  const expected = await generateSequences(steps, start, {
    maxTokens: 8,
    endTokens: [4],
    sampling: { ...sampling, random },
  });
  for (const tokensPerRun of [2, 5]) {
    const found = await writeSequences(steps, start, { maxTokens: 8, tokensPerRun, random });
    assert.deepEqual(
      found.map(({ tokens }) => tokens),
      expected.map(({ tokens }) => tokens),
    );
  }
  await assert.rejects(writeSequences(steps, start, { maxTokens: 8 }), { reason: 'INPUT_MISMATCH' });
  await steps.dispose();
});

test('StepModel.write leaves states that steps go on from, and refuses what it has no room or model for', async () => {
  const { parts, begin } = CASES['llama'] ?? assert.fail();
  const steps = await createWriter('runtime', parts, {});
  const start = await begin(steps);
  const { tokens, state } = await steps.write(start, { most: 3 });
  assert.deepEqual([...state.lengths], [6, 4, 3, 5]);
  const last = Int32Array.from(tokens, (row) => row.at(-1) ?? assert.fail());
  const [next, whole] = [
    await generateSequences(steps, { tokens: last, state }, { maxTokens: 4 }),
    await generateSequences(steps, start, { maxTokens: 7 }),
  ];
  assert.deepEqual(
    next.map((sequence, row) => [...(tokens[row] ?? []), ...sequence.tokens]),
    whole.map((sequence) => sequence.tokens),
  );
  await assert.rejects(steps.write(start, { most: 10 }), {
    reason: 'INVALID_ARGUMENT',
    message: /row 0 expects at most 12/,
  });
  await assert.rejects(steps.write(start, { most: 0 }), { reason: 'INVALID_ARGUMENT' });
  await steps.dispose();
  const silent = await createStepModel(await ortExecutor(), exportStepModel(parts));
  await assert.rejects(silent.write(start, { most: 1 }), { reason: 'INVALID_ARGUMENT' });
  await silent.dispose();
  assert.throws(() => exportWriter(parts, { endTokens: [13] }), { reason: 'INVALID_ARGUMENT' });
});
