// Foreign models through the graph and its reference against ONNX Runtime; what cannot be read is refused by name.
// That every operation survives the way to ONNX and back is checked where the operation is (check-operation.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tensor } from '@amaas/core';
import { skipWithoutSharedData, sharedDataPath } from '../../../../tools/test-data.ts';
import { gradients, reduceSum, type Shape, square, sub } from '../graph/index.ts';
import {
  floatAttribute,
  intAttribute,
  intsAttribute,
  type OnnxModel,
  onnxFromTensor,
  readModel,
  readTensor,
  tensorFromOnnx,
  tensorValueInfo,
  writeModel,
} from '../onnx/index.ts';
import { loadSharedModel } from '../onnx/testing/models.ts';
import { readTarGz } from '../onnx/testing/tar.ts';
import { arrayFromTensor, evaluate, numbersOf, tensorFromArray } from '../reference/index.ts';
import { assertClose, ortExecutor } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import { fromOnnx } from './from-onnx.ts';

/** Both answers to the same drawn inputs, held against each other output by output. */
async function compareWithRuntime(
  model: OnnxModel,
  { shapes, tolerance = 1e-5 }: { readonly shapes?: ReadonlyMap<string, Shape>; readonly tolerance?: number } = {},
): Promise<void> {
  const graph = fromOnnx(model, shapes === undefined ? {} : { shapes });
  const random = createRandom('compare');
  const tensors = new Map<string, Tensor>();
  const feeds = new Map(
    graph.inputs.map((value) => {
      const shape = value.shape.map((size) => (typeof size === 'number' ? size : 2));
      const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
        value.dtype === 'float32' ? Math.fround(random.normal()) : random.integer(200),
      );
      const array = { dtype: value.dtype, shape, data };
      tensors.set(value.origin.kind === 'input' ? value.origin.name : '', tensorFromArray(array));
      return [value, array] as const;
    }),
  );
  const found = evaluate([...graph.outputs.values()], feeds);
  const compiled = await (await ortExecutor()).compile(writeModel(model));
  try {
    const expected = await compiled.run(tensors);
    for (const [index, name] of [...graph.outputs.keys()].entries()) {
      assertClose(found[index] ?? assert.fail(), arrayFromTensor(expected.get(name) ?? assert.fail()), tolerance);
    }
  } finally {
    await compiled.dispose();
  }
}

/** The model with another size of pictures: its weights do not mind. */
function withInputShape(model: OnnxModel, shape: readonly (number | string)[]): OnnxModel {
  const [first, ...rest] = model.graph.inputs;
  const inputs = [tensorValueInfo(first?.name ?? '', 'float32', shape), ...rest];
  return { ...model, graph: { ...model.graph, inputs } };
}

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

function modelOf(nodes: OnnxModel['graph']['nodes'], options: { opset?: number; domain?: string } = {}): OnnxModel {
  const { opset = 18, domain } = options;
  return {
    irVersion: 8,
    opsetImports: [{ version: opset }, ...(domain === undefined ? [] : [{ domain, version: 1 }])],
    graph: {
      nodes,
      initializers: [onnxFromTensor('two', { dtype: 'float32', shape: [], data: Float32Array.of(2) })],
      inputs: [tensorValueInfo('x', 'float32', ['N', 3, 4])],
      outputs: [{ name: 'y' }],
    },
  };
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

/** Operators as other opsets have them, held against ONNX Runtime: attributes that became inputs, defaults that changed. */
const OPSET_CASES: readonly (readonly [name: string, opset: number, nodes: OnnxModel['graph']['nodes']])[] = [
  ['Softmax over several axes', 12, [{ opType: 'Softmax', inputs: ['x'], outputs: ['y'] }]],
  ['Softmax over the last axis', 13, [{ opType: 'Softmax', inputs: ['x'], outputs: ['y'] }]],
  [
    'Clip with attributes',
    10,
    [
      {
        opType: 'Clip',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [floatAttribute('min', -0.5), floatAttribute('max', 0.7)],
      },
    ],
  ],
  ['Clip with one input', 13, [{ opType: 'Clip', inputs: ['x', '', 'two'], outputs: ['y'] }]],
  [
    'ReduceSum with attributes',
    11,
    [
      {
        opType: 'ReduceSum',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [intsAttribute('axes', [-1]), intAttribute('keepdims', 0)],
      },
    ],
  ],
  ['ReduceMean of everything', 13, [{ opType: 'ReduceMean', inputs: ['x'], outputs: ['y'] }]],
  [
    'Slice with attributes',
    9,
    [
      {
        opType: 'Slice',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [
          intsAttribute('starts', [1, -3]),
          intsAttribute('ends', [1000, -1]),
          intsAttribute('axes', [1, 2]),
        ],
      },
    ],
  ],
  [
    'Slice backwards',
    13,
    [
      { opType: 'Constant', inputs: [], outputs: ['from'], attributes: [intsAttribute('value_ints', [-1])] },
      { opType: 'Constant', inputs: [], outputs: ['to'], attributes: [intsAttribute('value_ints', [-1000])] },
      { opType: 'Constant', inputs: [], outputs: ['axis'], attributes: [intsAttribute('value_ints', [2])] },
      { opType: 'Constant', inputs: [], outputs: ['step'], attributes: [intsAttribute('value_ints', [-2])] },
      { opType: 'Slice', inputs: ['x', 'from', 'to', 'axis', 'step'], outputs: ['y'] },
    ],
  ],
  [
    'Unsqueeze and Squeeze with attributes',
    11,
    [
      { opType: 'Unsqueeze', inputs: ['x'], outputs: ['wide'], attributes: [intsAttribute('axes', [0, 3])] },
      { opType: 'Squeeze', inputs: ['wide'], outputs: ['y'], attributes: [intsAttribute('axes', [3])] },
    ],
  ],
  [
    'Split into equal parts',
    13,
    [
      { opType: 'Split', inputs: ['x'], outputs: ['a', 'b', 'c'], attributes: [intAttribute('axis', 1)] },
      { opType: 'Sub', inputs: ['c', 'a'], outputs: ['y'] },
    ],
  ],
  ['Dropout in inference', 13, [{ opType: 'Dropout', inputs: ['x'], outputs: ['y'] }]],
  [
    'Flatten behind the second axis',
    13,
    [{ opType: 'Flatten', inputs: ['x'], outputs: ['y'], attributes: [intAttribute('axis', 2)] }],
  ],
  [
    'Pad by mirroring',
    13,
    [
      {
        opType: 'Constant',
        inputs: [],
        outputs: ['pads'],
        attributes: [intsAttribute('value_ints', [0, 1, 3, 0, 0, 2])],
      },
      {
        opType: 'Pad',
        inputs: ['x', 'pads'],
        outputs: ['y'],
        attributes: [{ name: 'mode', type: 3, s: new TextEncoder().encode('reflect') }],
      },
    ],
  ],
  [
    'Pad with a number, and cut',
    10,
    [
      {
        opType: 'Pad',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [intsAttribute('pads', [0, 1, -1, 0, 0, 2]), floatAttribute('value', 1.5)],
      },
    ],
  ],
  [
    'CumSum backwards without the element itself',
    14,
    [
      { opType: 'Constant', inputs: [], outputs: ['axis'], attributes: [intAttribute('value_int', 1)] },
      {
        opType: 'CumSum',
        inputs: ['x', 'axis'],
        outputs: ['y'],
        attributes: [intAttribute('exclusive', 1), intAttribute('reverse', 1)],
      },
    ],
  ],
  [
    'ReduceL2 and LpNormalization',
    13,
    [
      { opType: 'LpNormalization', inputs: ['x'], outputs: ['unit'], attributes: [intAttribute('axis', 1)] },
      { opType: 'ReduceL2', inputs: ['unit'], outputs: ['y'], attributes: [intsAttribute('axes', [2])] },
    ],
  ],
  [
    'Shrink, Celu, ThresholdedRelu',
    18,
    [
      {
        opType: 'Shrink',
        inputs: ['x'],
        outputs: ['a'],
        attributes: [floatAttribute('lambd', 0.3), floatAttribute('bias', 0.1)],
      },
      { opType: 'Celu', inputs: ['a'], outputs: ['b'], attributes: [floatAttribute('alpha', 0.6)] },
      { opType: 'ThresholdedRelu', inputs: ['b'], outputs: ['y'], attributes: [floatAttribute('alpha', 0.2)] },
    ],
  ],
  [
    'Tile and Trilu',
    18,
    [
      { opType: 'Constant', inputs: [], outputs: ['repeats'], attributes: [intsAttribute('value_ints', [1, 2, 3])] },
      { opType: 'Tile', inputs: ['x', 'repeats'], outputs: ['tiled'] },
      { opType: 'Trilu', inputs: ['tiled'], outputs: ['y'], attributes: [intAttribute('upper', 0)] },
    ],
  ],
  [
    'InstanceNormalization',
    18,
    [
      {
        opType: 'Constant',
        inputs: [],
        outputs: ['scale'],
        attributes: [{ name: 'value_floats', type: 6, floats: Float32Array.of(1, 2, 3) }],
      },
      { opType: 'InstanceNormalization', inputs: ['x', 'scale', 'scale'], outputs: ['y'] },
    ],
  ],
  [
    'Conv with SAME_LOWER',
    18,
    [
      {
        opType: 'Constant',
        inputs: [],
        outputs: ['w'],
        attributes: [{ name: 'value_floats', type: 6, floats: Float32Array.of(1, 2, 3, -1, 0.5, 2) }],
      },
      { opType: 'Constant', inputs: [], outputs: ['wShape'], attributes: [intsAttribute('value_ints', [1, 3, 2])] },
      { opType: 'Reshape', inputs: ['w', 'wShape'], outputs: ['weight'] },
      {
        opType: 'Conv',
        inputs: ['x', 'weight'],
        outputs: ['y'],
        attributes: [{ name: 'auto_pad', type: 3, s: new TextEncoder().encode('SAME_LOWER') }],
      },
    ],
  ],
  [
    'Resize to sizes that are no multiple',
    18,
    [
      { opType: 'Constant', inputs: [], outputs: ['sizes'], attributes: [intsAttribute('value_ints', [2, 3, 7])] },
      { opType: 'Resize', inputs: ['x', '', '', 'sizes'], outputs: ['y'] },
    ],
  ],
  [
    'MaxPool of 1 every 2 over the end',
    18,
    [
      {
        opType: 'MaxPool',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [intsAttribute('kernel_shape', [1]), intsAttribute('strides', [2]), intAttribute('ceil_mode', 1)],
      },
    ],
  ],
  [
    'MaxPool of 2 every 3 over the end',
    18,
    [
      {
        opType: 'MaxPool',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [intsAttribute('kernel_shape', [2]), intsAttribute('strides', [3]), intAttribute('ceil_mode', 1)],
      },
    ],
  ],
  [
    'AveragePool of 1 every 2 over the end',
    18,
    [
      {
        opType: 'AveragePool',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [intsAttribute('kernel_shape', [1]), intsAttribute('strides', [2]), intAttribute('ceil_mode', 1)],
      },
    ],
  ],
  [
    'AveragePool of 3 every 3 over the end',
    18,
    [
      {
        opType: 'AveragePool',
        inputs: ['x'],
        outputs: ['y'],
        attributes: [intsAttribute('kernel_shape', [3]), intsAttribute('strides', [3]), intAttribute('ceil_mode', 1)],
      },
    ],
  ],
];

for (const [name, opset, nodes] of OPSET_CASES) {
  test(`fromOnnx reads ${name} of opset ${opset}`, async () => {
    const model = modelOf(nodes, { opset });
    const [y] = fromOnnx(withInputShape(model, [2, 3, 4])).outputs.values();
    const outputs = [tensorValueInfo('y', 'float32', y?.shape.map(Number) ?? [])];
    await compareWithRuntime({
      ...withInputShape(model, [2, 3, 4]),
      graph: { ...withInputShape(model, [2, 3, 4]).graph, outputs },
    });
  });
}

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
