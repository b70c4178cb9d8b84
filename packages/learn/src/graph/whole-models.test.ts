// Whole models against PyTorch: logits, loss and every gradient, by the reference in float64 and by ONNX Runtime in
// float32 after the passes that training applies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { arrayFromTensor, evaluate, numbersOf, type ReferenceArray, tensorFromArray } from '../reference/index.ts';
import { assertClose, ortExecutor } from '../reference/testing/check-operation.ts';
import type { DType } from '@amaas/core';
import {
  add,
  batchNormalizationTraining,
  constantOf,
  conv,
  flatten,
  globalAveragePool,
  gradients,
  input,
  logSoftmax,
  matMul,
  maxPool,
  mul,
  neg,
  oneHot,
  reduceSum,
  relu,
  tanh,
  transpose,
  type Value,
} from './index.ts';
import { loadTorchModels, type TorchModel } from './testing/torch-models.ts';

interface Built {
  readonly logits: Value;
  /** Mean and variance of each batch normalisation, by PyTorch's name of the layer. */
  readonly statistics: ReadonlyMap<string, { readonly mean: Value; readonly variance: Value; readonly count: number }>;
}

type Build = (x: Value, parameter: (name: string) => Value) => Built;

const linear = (x: Value, weight: Value, bias: Value): Value => add(matMul(x, transpose(weight)), bias);

const buildLenet: Build = (x, p) => {
  const first = maxPool(relu(conv(x, p('c1.weight'), { bias: p('c1.bias'), padding: 'same' })), [2, 2]);
  const second = maxPool(relu(conv(first, p('c2.weight'), { bias: p('c2.bias') })), [2, 2]);
  const hidden = tanh(linear(flatten(second), p('f1.weight'), p('f1.bias')));
  return { logits: linear(hidden, p('f2.weight'), p('f2.bias')), statistics: new Map() };
};

const buildResnet: Build = (image, p) => {
  const statistics = new Map<string, { mean: Value; variance: Value; count: number }>();
  const norm = (x: Value, layer: string): Value => {
    const found = batchNormalizationTraining(x, { scale: p(`${layer}.weight`), bias: p(`${layer}.bias`) });
    const count = x.shape.reduce<number>((total, size, axis) => (axis === 1 ? total : total * Number(size)), 1);
    statistics.set(layer, { mean: found.mean, variance: found.variance, count });
    return found.y;
  };
  const block = (x: Value, layer: string, strides: number): Value => {
    const first = relu(norm(conv(x, p(`${layer}.c1.weight`), { strides, padding: 1 }), `${layer}.b1`));
    const second = norm(conv(first, p(`${layer}.c2.weight`), { padding: 1 }), `${layer}.b2`);
    const short = strides === 1 ? x : norm(conv(x, p(`${layer}.short.weight`), { strides }), `${layer}.bs`);
    return relu(add(second, short));
  };
  const stem = maxPool(relu(norm(conv(image, p('stem.weight'), { padding: 1 }), 'bn')), [3, 3], {
    strides: 2,
    padding: 1,
  });
  const features = globalAveragePool(block(block(stem, 'l1', 1), 'l2', 2));
  return { logits: linear(flatten(features), p('fc.weight'), p('fc.bias')), statistics };
};

/** Everything the fixture holds, as graph values in one order. */
function build(model: TorchModel, dtype: DType, make: Build) {
  const names = Object.keys(model.parameters);
  const sources = [
    input('x', dtype, model.x.shape),
    ...names.map((name) => input(name, dtype, model.parameters[name]?.shape ?? [])),
  ];
  const [x, ...parameters] = sources;
  assert(x);
  const byName = new Map(names.map((name, index) => [name, parameters[index] ?? assert.fail()]));
  const { logits, statistics } = make(x, (name) => byName.get(name) ?? assert.fail(name));
  const rows = model.target.length;
  const target = oneHot(constantOf('int64', [rows], model.target), 3, dtype);
  const loss = mul(neg(reduceSum(mul(logSoftmax(logits), target))), 1 / rows);
  const outputs = new Map<string, Value>([
    ['logits', logits],
    ['loss', loss],
  ]);
  for (const [index, gradient] of gradients(loss, sources).entries()) outputs.set(`gradient ${index}`, gradient);
  const expected: (readonly number[])[] = [model.logits, [model.loss], model.inputGradient];
  for (const name of names) expected.push(model.parameters[name]?.gradient ?? []);
  for (const [layer, { mean, variance, count }] of statistics) {
    // PyTorch's running values: 0.9 · (0 or 1) + 0.1 · the batch's, the variance divided by the count less one.
    outputs.set(`${layer} mean`, mul(mean, 0.1));
    outputs.set(`${layer} variance`, add(mul(variance, (0.1 * count) / (count - 1)), 0.9));
    expected.push(model.statistics[`${layer}.running_mean`] ?? [], model.statistics[`${layer}.running_var`] ?? []);
  }
  const values = [model.x.values, ...names.map((name) => model.parameters[name]?.values ?? [])];
  const arrays = sources.map(
    ({ shape }, index): ReferenceArray => ({
      dtype,
      shape: shape.map(Number),
      data: Float64Array.from(values[index] ?? []),
    }),
  );
  return { sources, arrays, outputs, expected };
}

function assertValues(found: ReferenceArray, expected: readonly number[], what: string): void {
  const { data, shape } = numbersOf(found);
  assert.equal(data.length, expected.length, what);
  try {
    assertClose(found, { dtype: 'float64', shape, data: Float64Array.from(expected) }, 1e-5);
  } catch (error) {
    assert.fail(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const models = loadTorchModels();
for (const [name, make] of [
  ['lenet', buildLenet],
  ['resnet', buildResnet],
] as const) {
  test(`${name}: values and gradients are PyTorch's, by the reference`, () => {
    const { sources, arrays, outputs, expected } = build(models[name], 'float64', make);
    const feeds = new Map(sources.map((source, index) => [source, arrays[index] ?? assert.fail()]));
    const found = evaluate([...outputs.values()], feeds);
    for (const [index, what] of [...outputs.keys()].entries()) {
      assertValues(found[index] ?? assert.fail(), expected[index] ?? [], what);
    }
  });

  test(`${name}: values and gradients are PyTorch's, on ONNX Runtime`, async () => {
    const { sources, arrays, outputs, expected } = build(models[name], 'float32', make);
    const model = compileToOnnx(simplify(outputs), { inputs: sources });
    const compiled = await (await ortExecutor()).compile(model);
    try {
      const inputs = sources.map(({ origin }, index) => {
        return [origin.kind === 'input' ? origin.name : '', tensorFromArray(arrays[index] ?? assert.fail())] as const;
      });
      const found = await compiled.run(new Map(inputs));
      for (const [index, what] of [...outputs.keys()].entries()) {
        assertValues(arrayFromTensor(found.get(what) ?? assert.fail()), expected[index] ?? [], what);
      }
    } finally {
      await compiled.dispose();
    }
  });
}
