// Foreign models through the graph and its reference against ONNX Runtime; what cannot be read is refused by name.
// That every operation survives the way to ONNX and back is checked where the operation is (check-operation.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSharedData, sharedDataPath } from '../../../../tools/test-data.ts';
import { gradients, reduceSum, square, sub } from '../graph/index.ts';
import {
  intAttribute,
  intsAttribute,
  type OnnxModel,
  readModel,
  readTensor,
  tensorFromOnnx,
  tensorValueInfo,
} from '../onnx/index.ts';
import { loadSharedModel } from '../onnx/testing/models.ts';
import { readTarGz } from '../onnx/testing/tar.ts';
import { arrayFromTensor, evaluate, numbersOf } from '../reference/index.ts';
import { assertClose } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import { fromOnnx } from './from-onnx.ts';
import { compareWithRuntime, modelOf, withInputShape } from './testing/compare-with-runtime.ts';

for (const path of ['onnx/mnist.onnx', 'onnx/ultraface_version-RFB-320.onnx']) {
  test(`fromOnnx reads ${path} as ONNX Runtime does`, { skip: skipWithoutSharedData(path) }, () =>
    compareWithRuntime(readModel(loadSharedModel(path))),
  );
}

const resnet = 'onnx/resnet-tiny-beans.onnx';
test(`fromOnnx keeps symbolic sizes: ${resnet}`, { skip: skipWithoutSharedData(resnet) }, async () => {
  const model = readModel(loadSharedModel(resnet));
  const { inputs, outputs } = fromOnnx(model);
  assert.deepEqual(inputs[0]?.shape, ['batch', 'sequence', 224, 224]);
  assert.deepEqual(outputs.get('logits')?.shape, ['batch', 3]);
  await compareWithRuntime(withInputShape(model, ['batch', 3, 40, 33]));
});

for (const path of ['onnx/tract/lgbm_classifier_tensor.model.onnx', 'onnx/tract/lgbm_regressor_tensor.model.onnx']) {
  test(`fromOnnx computes shapes that the model works out: ${path}`, { skip: skipWithoutSharedData(path) }, () =>
    compareWithRuntime(withInputShape(readModel(loadSharedModel(path)), [3, 13])),
  );
}

const mnist = 'onnx/mnist.onnx';
test('fromOnnx makes stored tensors inputs that can be trained', { skip: skipWithoutSharedData(mnist) }, () => {
  const { inputs, outputs, parameters } = fromOnnx(readModel(loadSharedModel(mnist)), {
    isParameter: (name, { shape }) => name.startsWith('Parameter') && shape.length > 0,
  });
  const [x] = inputs;
  const [y] = outputs.values();
  assert(x && y);
  assert.deepEqual(
    [...parameters.keys()],
    ['Parameter193', 'Parameter87', 'Parameter5', 'Parameter6', 'Parameter88', 'Parameter194'],
  );
  const random = createRandom('mnist');
  const picture = Float64Array.from({ length: 784 }, () => random.normal());
  const feeds = new Map([
    [x, arrayFromTensor({ dtype: 'float32', shape: [1, 1, 28, 28], data: Float32Array.from(picture) })],
    ...[...parameters.values()].map(({ value, tensor }) => [value, arrayFromTensor(tensor)] as const),
  ]);
  const loss = reduceSum(square(sub(y, 0.5)));
  const sources = [...parameters.values()].map(({ value }) => value);
  const [before, ...derivatives] = evaluate([loss, ...gradients(loss, sources)], feeds).map(numbersOf);
  // A short step downhill in every weight lowers the loss by the squared length of the gradient times the step.
  const rate = 1e-12;
  let squaredLength = 0;
  const stepped = new Map(feeds);
  for (const [index, source] of sources.entries()) {
    const [values, gradient] = [numbersOf(feeds.get(source)), derivatives[index]?.data ?? assert.fail()];
    for (const each of gradient) squaredLength += each * each;
    stepped.set(source, { ...values, data: values.data.map((value, at) => value - rate * (gradient[at] ?? 0)) });
  }
  const after = numbersOf(evaluate([loss], stepped)[0]).data[0] ?? Number.NaN;
  const fall = ((before?.data[0] ?? Number.NaN) - after) / rate;
  assert(Math.abs(fall / squaredLength - 1) < 1e-3, `fell by ${fall}, expected ${squaredLength}`);
});

/** Cases of ONNX's own suite that graphs cannot express: the beginning of the name, and why. */
const UNREADABLE: readonly (readonly [start: string, reason: string])[] = [
  ['simple/test_expand_shape_model', 'takes a shape as an input'],
  ['simple/test_gradient_of_', 'asks the runtime for a gradient'],
  ['simple/test_sequence_model', 'has sequences'],
  ['simple/test_strnorm_model', 'normalises text'],
];

for (const archive of [
  'onnx/onnx_backend_pytorch-operator_v1.22.0.tar.gz',
  'onnx/onnx_backend_simple_v1.22.0.tar.gz',
]) {
  const skip = skipWithoutSharedData(archive);
  if (skip !== false) {
    test(archive, { skip }, () => undefined);
    continue;
  }
  const files = readTarGz(sharedDataPath(archive));
  for (const [path, bytes] of files) {
    if (!path.endsWith('/model.onnx')) continue;
    const name = path.slice(0, -'/model.onnx'.length);
    test(`fromOnnx and the reference pass ${name}`, () => {
      const model = readModel(bytes);
      const unreadable = UNREADABLE.find(([start]) => name.startsWith(start));
      if (unreadable !== undefined) {
        assert.throws(() => fromOnnx(model), { reason: 'UNSUPPORTED_FEATURE' }, unreadable[1]);
        return;
      }
      const tensor = (kind: string, index: number) =>
        arrayFromTensor(
          tensorFromOnnx(readTensor(files.get(`${name}/test_data_set_0/${kind}_${index}.pb`) ?? assert.fail())),
        );
      const { inputs, outputs } = fromOnnx(model);
      const found = evaluate(
        [...outputs.values()],
        new Map(inputs.map((value, index) => [value, tensor('input', index)])),
      );
      for (const [index, array] of found.entries()) assertClose(array, tensor('output', index), 1e-5);
    });
  }
}

test('fromOnnx refuses what it does not know, naming operator, domain and node', () => {
  const refusal = (nodes: OnnxModel['graph']['nodes'], message: string, reason = 'UNSUPPORTED_FEATURE') =>
    assert.throws(() => fromOnnx(modelOf(nodes, { domain: 'my.domain' })), { reason, message });
  refusal(
    [{ opType: 'Frobnicate', domain: 'my.domain', name: 'here', inputs: ['x'], outputs: ['y'] }],
    'onnx: my.domain.Frobnicate "here" cannot be read: there is no operator Frobnicate of my.domain in graphs',
  );
  refusal(
    [{ opType: 'NonZero', inputs: ['x'], outputs: ['y'] }],
    'onnx: NonZero "y" cannot be read: there is no operator NonZero of ONNX in graphs',
  );
  refusal(
    [{ opType: 'Add', inputs: ['x', 'nothing'], outputs: ['y'] }],
    'onnx: Add reads "nothing", which nothing gives',
    'INVALID_MODEL',
  );
  refusal([{ opType: 'Add', inputs: ['x'], outputs: ['y'] }], 'onnx: Add "y" has no input 1', 'INVALID_MODEL');
  refusal(
    [{ opType: 'Neg', inputs: ['x'], outputs: ['z'] }],
    'onnx: output "y" is not computed by any node',
    'INVALID_MODEL',
  );
  refusal(
    [{ opType: 'Size', inputs: ['x'], outputs: ['y'] }],
    'onnx: Size "y" cannot be read: Size: expected known sizes, got [N,3,4]',
  );
});

test('fromOnnx keeps symbols through what models do to shapes', () => {
  // y = x as [N·3, 4] and back as [N, 3, 4], the sizes read from x's own shape.
  const nodes: OnnxModel['graph']['nodes'] = [
    { opType: 'Shape', inputs: ['x'], outputs: ['shape'] },
    { opType: 'Constant', inputs: [], outputs: ['rows'], attributes: [intsAttribute('value_ints', [-1, 4])] },
    { opType: 'Reshape', inputs: ['x', 'rows'], outputs: ['flat'] },
    { opType: 'Mul', inputs: ['flat', 'two'], outputs: ['scaled'] },
    { opType: 'Reshape', inputs: ['scaled', 'shape'], outputs: ['y'] },
  ];
  const { inputs, outputs } = fromOnnx(modelOf(nodes));
  const [x, y] = [inputs[0] ?? assert.fail(), outputs.get('y') ?? assert.fail()];
  assert.deepEqual(y.shape, ['N', 3, 4]);
  const data = Float64Array.from({ length: 24 }, (_, index) => index / 7);
  const [found] = evaluate([y], new Map([[x, { dtype: 'float32', shape: [2, 3, 4], data }]]));
  assert.deepEqual(found, { dtype: 'float32', shape: [2, 3, 4], data: data.map((value) => value * 2) });
});

test('fromOnnx chooses a branch where the condition is known, and computes both where it is not', async () => {
  const branch = (name: string, opType: string) => ({
    name,
    type: 5,
    g: {
      name,
      nodes: [{ opType, inputs: ['x'], outputs: [`${name}y`] }],
      inputs: [],
      outputs: [tensorValueInfo(`${name}y`, 'float32', ['N', 3, 4])],
      initializers: [],
    },
  });
  const attributes = [branch('then_branch', 'Neg'), branch('else_branch', 'Abs')];
  const known = modelOf([
    { opType: 'Constant', inputs: [], outputs: ['one'], attributes: [{ name: 'value_float', type: 1, f: 1 }] },
    { opType: 'Less', inputs: ['one', 'two'], outputs: ['condition'] },
    { opType: 'If', inputs: ['condition'], outputs: ['y'], attributes },
  ]);
  const y = fromOnnx(known).outputs.get('y');
  assert.equal(y?.origin.kind === 'node' && y.origin.node.operation.name, 'Neg');
  const open = modelOf([
    { opType: 'ReduceSum', inputs: ['x'], outputs: ['sum'], attributes: [intAttribute('keepdims', 0)] },
    { opType: 'Less', inputs: ['sum', 'two'], outputs: ['condition'] },
    { opType: 'If', inputs: ['condition'], outputs: ['y'], attributes },
  ]);
  const outputs = [tensorValueInfo('y', 'float32', ['N', 3, 4])];
  await compareWithRuntime({ ...open, graph: { ...open.graph, outputs } });
});
