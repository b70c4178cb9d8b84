// Texts written inside one ONNX graph, on ONNX Runtime and in float64, against decoding over steps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Executor, type Tensor } from '@amaas/core';
import { createReferenceExecutor } from '../compile/index.ts';
import {
  type BeamSequence,
  type DecodingStart,
  type GeneratedSequence,
  generateSequences,
  searchBeams,
} from '../decode/index.ts';
import { NO_TOKEN, SOURCE_INPUT } from '../layers/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import { exportGenerator, type GeneratorOptions } from './generation-export.ts';
import { exportStepModel } from './step-export.ts';
import { createStepModel } from './step-model.ts';
import type { StepStates } from './step-states.ts';
import { idTensor, LANGUAGE_MODELS, type SmallModel, TRANSLATOR_MODEL } from './testing/whole-network.ts';

const PROMPTS = [[1, 5, 2, 7], [3, 4], [6], [12, 12, 0]];
const SOURCES = [
  [1, 2, 3, 4, 8],
  [5, 6, 0, 0, 0],
  [7, 1, 7, 0, 0],
  [2, 0, 0, 0, 0],
];

interface Case {
  readonly model: SmallModel;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly startToken?: number;
}

const CASES: Readonly<Record<string, Case>> = {
  gpt: { model: LANGUAGE_MODELS.gpt, inputs: promptInputs() },
  llama: { model: LANGUAGE_MODELS.llama, inputs: promptInputs() },
  encoderDecoder: { model: TRANSLATOR_MODEL, inputs: new Map([[SOURCE_INPUT, idTensor(SOURCES)]]), startToken: 2 },
};

function promptInputs(): ReadonlyMap<string, Tensor> {
  const rows = PROMPTS.map((prompt) => [...new Array<number>(4 - prompt.length).fill(NO_TOKEN), ...prompt]);
  return new Map([['ids', idTensor(rows)]]);
}

const EXECUTORS = { runtime: ortExecutor, reference: async () => createReferenceExecutor() };

/** What decoding over steps gives. */
async function decode<T>(
  executor: Executor,
  { model, inputs, startToken }: Case,
  search: (start: DecodingStart<StepStates>, steps: Awaited<ReturnType<typeof createStepModel>>) => Promise<T>,
): Promise<T> {
  const steps = await createStepModel(executor, exportStepModel(model));
  const start =
    startToken === undefined
      ? await steps.prompt(PROMPTS)
      : { tokens: new Int32Array(SOURCES.length).fill(startToken), state: await steps.start(inputs) };
  const found = await search(start, steps);
  await steps.dispose();
  return found;
}

async function generate(
  executor: Executor,
  { model, inputs, startToken }: Case,
  options: GeneratorOptions,
): Promise<ReadonlyMap<string, Tensor>> {
  const onnx = exportGenerator(model, { ...options, ...(startToken === undefined ? {} : { startToken }) });
  const compiled = await executor.compile(onnx);
  const outputs = await compiled.run(inputs);
  await compiled.dispose();
  return outputs;
}

function numbersOf(outputs: ReadonlyMap<string, Tensor>, name: string): readonly number[] {
  return Array.from(outputs.get(name)?.data ?? assert.fail(name), Number);
}

/** The text at a place, held to be padded behind its end. */
function assertText(
  outputs: ReadonlyMap<string, Tensor>,
  place: number,
  { expected, padding }: { expected: GeneratedSequence; padding: number },
): void {
  const time = outputs.get('tokens')?.shape.at(-1) ?? 0;
  const row = numbersOf(outputs, 'tokens').slice(place * time, (place + 1) * time);
  const length = numbersOf(outputs, 'lengths')[place] ?? 0;
  assert.deepEqual(row.slice(0, length), expected.tokens);
  assert(row.slice(length).every((token) => token === padding));
  const sum = numbersOf(outputs, 'log probabilities')[place] ?? Number.NaN;
  assert(Math.abs(sum - expected.logProbability) < 1e-3, `${sum} is not ${expected.logProbability}`);
}

for (const [runtime, makeExecutor] of Object.entries(EXECUTORS)) {
  // Float64 is slow, and the graph the same.
  const ends = runtime === 'reference' ? [[12, 4]] : [[12, 4], [12], []];
  for (const [name, each] of Object.entries(CASES)) {
    test(`exportGenerator: ${name} on the ${runtime} writes what greedy search over steps does`, async () => {
      const executor = await makeExecutor();
      for (const [index, endTokens] of ends.entries()) {
        const limits = { maxTokens: index === 2 ? 1 : 8, endTokens };
        const outputs = await generate(executor, each, { ...limits, padding: 9 });
        const sequences = await decode(executor, each, (start, steps) => generateSequences(steps, start, limits));
        for (const [row, expected] of sequences.entries()) assertText(outputs, row, { expected, padding: 9 });
      }
    });

    test(`exportGenerator: ${name} on the ${runtime} finds the beams that searching over steps does`, async () => {
      const executor = await makeExecutor();
      for (const [index, endTokens] of ends.entries()) {
        const limits = { maxTokens: 8 - index, endTokens, beams: 3 - index, lengthPenalty: [0.7, 0, 2][index] ?? 1 };
        const outputs = await generate(executor, each, { ...limits, padding: 9, returnsAll: true });
        const best = index === 0 ? await generate(executor, each, { ...limits, padding: 9 }) : null;
        const found = await decode(executor, each, (start, steps) => searchBeams(steps, start, limits));
        for (const [row, beams] of found.entries()) {
          assertBeams(outputs, beams, { row, width: limits.beams });
          const [expected] = beams;
          if (expected !== undefined && best !== null) assertText(best, row, { expected, padding: 9 });
        }
      }
    });
  }
}

function assertBeams(
  outputs: ReadonlyMap<string, Tensor>,
  beams: readonly BeamSequence[],
  { row, width }: { row: number; width: number },
): void {
  const scores = numbersOf(outputs, 'scores').slice(row * width, (row + 1) * width);
  for (const [rank, score] of scores.entries()) {
    const expected = beams[rank];
    if (expected === undefined) {
      assert.equal(score, Number.NEGATIVE_INFINITY);
      continue;
    }
    assert(Math.abs(score - expected.score) < 1e-3, `${row} ${rank}: ${score} is not ${expected.score}`);
    assertText(outputs, row * width + rank, { expected, padding: 9 });
  }
}

test('exportGenerator draws what sampling over steps draws by the same numbers', async () => {
  const executor = await ortExecutor();
  const each = CASES['llama'] ?? assert.fail();
  const ways = [{ temperature: 0.7 }, { topK: 4 }, { temperature: 2, topP: 0.6 }, { topK: 9, minP: 0.2, topP: 0.9 }];
  const texts = new Set<string>();
  for (const [index, sampling] of ways.entries()) {
    const limits = { maxTokens: 8, endTokens: [12] };
    const random = createRandom(`sampling ${index}`);
    const uniforms = PROMPTS.flatMap((_, row) => {
      const own = random.fork('row', row);
      return Array.from({ length: 8 }, () => own.uniform());
    });
    const outputs = await generate(
      executor,
      {
        ...each,
        inputs: new Map([...each.inputs, ['uniforms', createTensor('float32', [4, 8], Float32Array.from(uniforms))]]),
      },
      { ...limits, sampling, padding: 9 },
    );
    const sequences = await decode(executor, each, (start, steps) =>
      generateSequences(steps, start, { ...limits, sampling: { ...sampling, random } }),
    );
    for (const [row, expected] of sequences.entries()) {
      assertText(outputs, row, { expected, padding: 9 });
      texts.add(expected.tokens.join());
    }
  }
  assert(texts.size > 8);
});

test('exportGenerator refuses options out of range', () => {
  const { llama } = LANGUAGE_MODELS;
  const refused: readonly (readonly [SmallModel, GeneratorOptions])[] = [
    [llama, { maxTokens: 0 }],
    [llama, { maxTokens: 3, endTokens: [13] }],
    [llama, { maxTokens: 3, beams: 13, endTokens: [1] }],
    [llama, { maxTokens: 3, lengthPenalty: -1 }],
    [llama, { maxTokens: 3, startToken: 1 }],
    [llama, { maxTokens: 3, sampling: { temperature: 0 } }],
    [llama, { maxTokens: 3, sampling: { topP: 0 } }],
    [llama, { maxTokens: 3, sampling: {}, beams: 2 }],
    [TRANSLATOR_MODEL, { maxTokens: 3 }],
  ];
  for (const [model, options] of refused) {
    assert.throws(() => exportGenerator(model, options), { reason: 'INVALID_ARGUMENT', message: /^generation: / });
  }
});
