// Models that read words: the exported form against the form that is trained, and what filling up a text changes (nothing).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { compileToOnnx } from '../compile/index.ts';
import { constant, gradients, input, reduceSum, rewrite, square, type Value } from '../graph/index.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import { createScope, type Layer, textLstm, textTransformer } from './index.ts';

const WORDS = 11;
const SHARED = {
  vocabularySize: WORDS,
  head: { kind: 'multiclass', classes: 3 },
  embeddingDropout: 0,
  dropout: 0,
} as const;

const MODELS: readonly (readonly [string, Layer])[] = [
  ['textLstm', textLstm({ ...SHARED, embeddingWidth: 6, units: 5, layers: 2 })],
  ['textTransformer', textTransformer({ ...SHARED, width: 8, layers: 2, heads: 2 })],
];

/** Long, short, empty, one word. */
const TEXTS = [[3, 7, 1, 10, 2, 5, 4], [9, 4, 6], [], [8]];

/** Ids of texts, 0 after the end. */
function idsOf(texts: readonly (readonly number[])[], length: number): Tensor {
  const ids = texts.flatMap((text) => Array.from({ length }, (_, at) => BigInt(text[at] ?? 0)));
  return createTensor('int64', [texts.length, length], BigInt64Array.from(ids));
}

/** A model's answer with drawn weights as constants. */
function build(model: Layer, { training, ids }: { readonly training: boolean; readonly ids: Value }) {
  const { scope, record } = createScope(training);
  const y = model.apply(ids, scope);
  const weights = new Map(
    record().parameters.map(({ name, shape, value }) => {
      const random = createRandom(name);
      const size = shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length: size }, () => 0.7 * random.normal());
      return [value, constant(createTensor('float32', shape, data))];
    }),
  );
  return { answer: rewrite([y], weights)[0] ?? y, y, weights };
}

async function runExported(model: Layer, batches: readonly Tensor[]): Promise<readonly Float32Array[]> {
  const ids = input('ids', 'int64', ['N', batches[0]?.shape[1] ?? 0]);
  const onnx = compileToOnnx(new Map([['y', build(model, { training: false, ids }).answer]]), { inputs: [ids] });
  const compiled = await (await ortExecutor()).compile(onnx);
  const found: Float32Array[] = [];
  for (const batch of batches) {
    const y = (await compiled.run(new Map([['ids', batch]]))).get('y');
    assert(y?.dtype === 'float32');
    found.push(y.data);
  }
  await compiled.dispose();
  return found;
}

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (let at = 0; at < found.length; at++) {
    const difference = Math.abs((found[at] ?? Number.NaN) - (expected[at] ?? 0));
    assert(difference <= tolerance, `element ${at}: got ${found[at]}, expected ${expected[at]}`);
  }
}

for (const [name, model] of MODELS) {
  test(`${name} exported answers as the network that is trained does, for long, short and empty texts`, async () => {
    const ids = constant(idsOf(TEXTS, 7));
    const [trained] = evaluate([build(model, { training: true, ids }).answer], new Map());
    const [exported = []] = await runExported(model, [idsOf(TEXTS, 7)]);
    assertNear(exported, numbersOf(trained).data, 2e-5);
    const rows = [0, 1, 2, 3].map((row) => [...exported.slice(3 * row, 3 * row + 3)].map((p) => p.toFixed(3)).join());
    assert.equal(new Set(rows).size, 4, 'texts that are told apart');
  });

  test(`${name} answers each text alone, and filled up further, as in a batch`, async () => {
    const [together = new Float32Array(), ...alone] = await runExported(model, [
      idsOf(TEXTS, 7),
      ...TEXTS.map((text) => idsOf([text], 7)),
    ]);
    for (const [row, answer] of alone.entries()) assertNear(answer, together.slice(3 * row, 3 * row + 3), 1e-6);
    const [longer = []] = await runExported(model, [idsOf(TEXTS, 12)]);
    assertNear(longer, together, 1e-6);
  });

  test(`${name} gives what fills texts up no gradient`, () => {
    const ids = constant(idsOf(TEXTS, 7));
    const { y, weights } = build(model, { training: true, ids });
    const table = [...weights.keys()].find(({ shape }) => shape[0] === WORDS) ?? assert.fail();
    const [slope = y] = rewrite(gradients(reduceSum(square(y)), [table]), weights);
    const [found] = evaluate([slope], new Map());
    const { data } = numbersOf(found);
    const width = data.length / WORDS;
    const sizeOf = (id: number): number => Math.max(...data.slice(id * width, (id + 1) * width).map(Math.abs));
    assert.equal(sizeOf(0), 0);
    for (const id of TEXTS.flat()) assert(sizeOf(id) > 1e-9, `id ${id}`);
  });
}
