// Operators as older and newer operator sets have them, each model against ONNX Runtime.
import { test } from 'node:test';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type OnnxModel,
  stringAttribute,
  tensorValueInfo,
} from '../onnx/index.ts';
import { fromOnnx } from './from-onnx.ts';
import { compareWithRuntime, modelOf, withInputShape } from './testing/compare-with-runtime.ts';

const ints = (name: string, values: readonly number[]) => ({
  opType: 'Constant',
  inputs: [],
  outputs: [name],
  attributes: [intsAttribute('value_ints', values)],
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
      ints('from', [-1]),
      ints('to', [-1000]),
      ints('axis', [2]),
      ints('step', [-2]),
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
        attributes: [stringAttribute('mode', 'reflect')],
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
      ints('repeats', [1, 2, 3]),
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
        attributes: [floatsAttribute('value_floats', [1, 2, 3])],
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
        attributes: [floatsAttribute('value_floats', [1, 2, 3, -1, 0.5, 2])],
      },
      ints('wShape', [1, 3, 2]),
      { opType: 'Reshape', inputs: ['w', 'wShape'], outputs: ['weight'] },
      {
        opType: 'Conv',
        inputs: ['x', 'weight'],
        outputs: ['y'],
        attributes: [stringAttribute('auto_pad', 'SAME_LOWER')],
      },
    ],
  ],
  [
    'Resize to sizes that are no multiple',
    18,
    [ints('sizes', [2, 3, 7]), { opType: 'Resize', inputs: ['x', '', '', 'sizes'], outputs: ['y'] }],
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
  [
    'Attention and RMSNormalization',
    23,
    [
      ints('first', [0]),
      {
        opType: 'Constant',
        inputs: [],
        outputs: ['scale'],
        attributes: [floatsAttribute('value_floats', [1, 0.5, 2, -1])],
      },
      { opType: 'RMSNormalization', inputs: ['x', 'scale'], outputs: ['normal'] },
      { opType: 'Unsqueeze', inputs: ['normal', 'first'], outputs: ['heads'] },
      { opType: 'Unsqueeze', inputs: ['x', 'first'], outputs: ['values'] },
      {
        opType: 'Attention',
        inputs: ['heads', 'values', 'values'],
        outputs: ['y'],
        attributes: [intAttribute('is_causal', 1), floatAttribute('scale', 0.3)],
      },
    ],
  ],
  [
    'Sum, Mean, Max, Min of several',
    13,
    [
      { opType: 'Sum', inputs: ['x', 'two', 'x'], outputs: ['a'] },
      { opType: 'Mean', inputs: ['x', 'a', 'two'], outputs: ['b'] },
      { opType: 'Max', inputs: ['x', 'b', 'two'], outputs: ['c'] },
      { opType: 'Min', inputs: ['c', 'a', 'two'], outputs: ['y'] },
    ],
  ],
  [
    'Range, ConstantOfShape, CastLike, Tile',
    15,
    [
      { opType: 'Shape', inputs: ['x'], outputs: ['shape'] },
      { opType: 'ConstantOfShape', inputs: ['shape'], outputs: ['zeros'] },
      { opType: 'Constant', inputs: [], outputs: ['start'], attributes: [intAttribute('value_int', 1)] },
      { opType: 'Constant', inputs: [], outputs: ['end'], attributes: [intAttribute('value_int', 9)] },
      { opType: 'Range', inputs: ['start', 'end', 'start'], outputs: ['whole'] },
      { opType: 'CastLike', inputs: ['whole', 'x'], outputs: ['numbers'] },
      ints('rows', [2, 1, 4]),
      { opType: 'Reshape', inputs: ['numbers', 'rows'], outputs: ['spread'] },
      { opType: 'Add', inputs: ['zeros', 'spread'], outputs: ['filled'] },
      { opType: 'Mul', inputs: ['filled', 'x'], outputs: ['y'] },
    ],
  ],
  [
    'SpaceToDepth and DepthToSpace',
    13,
    [
      ints('wide', [1, 2, 2, 6]),
      { opType: 'Reshape', inputs: ['x', 'wide'], outputs: ['picture'] },
      { opType: 'SpaceToDepth', inputs: ['picture'], outputs: ['deep'], attributes: [intAttribute('blocksize', 2)] },
      { opType: 'Softmax', inputs: ['deep'], outputs: ['soft'] },
      {
        opType: 'DepthToSpace',
        inputs: ['soft'],
        outputs: ['y'],
        attributes: [intAttribute('blocksize', 2), stringAttribute('mode', 'CRD')],
      },
    ],
  ],
  [
    'TopK with an attribute',
    9,
    [
      {
        opType: 'TopK',
        inputs: ['x'],
        outputs: ['y', 'at'],
        attributes: [intAttribute('k', 2), intAttribute('axis', 1)],
      },
    ],
  ],
  [
    'Einsum',
    12,
    [
      {
        opType: 'Einsum',
        inputs: ['x', 'x'],
        outputs: ['y'],
        attributes: [stringAttribute('equation', 'nij,nkj->nik')],
      },
    ],
  ],
  [
    'Gelu, Mish and HardSwish',
    20,
    [
      { opType: 'Gelu', inputs: ['x'], outputs: ['a'], attributes: [stringAttribute('approximate', 'tanh')] },
      { opType: 'Gelu', inputs: ['a'], outputs: ['b'] },
      { opType: 'Mish', inputs: ['b'], outputs: ['c'] },
      { opType: 'HardSwish', inputs: ['c'], outputs: ['y'] },
    ],
  ],
  [
    'ConvTranspose with SAME_UPPER and with an output shape',
    11,
    [
      {
        opType: 'Constant',
        inputs: [],
        outputs: ['numbers'],
        attributes: [floatsAttribute('value_floats', [1, 2, 3, -1, 0.5, 2, 0.3, 1, 1])],
      },
      ints('form', [3, 1, 3]),
      { opType: 'Reshape', inputs: ['numbers', 'form'], outputs: ['weight'] },
      {
        opType: 'ConvTranspose',
        inputs: ['x', 'weight'],
        outputs: ['a'],
        attributes: [stringAttribute('auto_pad', 'SAME_UPPER'), intsAttribute('strides', [2])],
      },
      {
        opType: 'ConvTranspose',
        inputs: ['x', 'weight'],
        outputs: ['b'],
        attributes: [intsAttribute('output_shape', [8]), intsAttribute('strides', [2])],
      },
      { opType: 'Sub', inputs: ['a', 'b'], outputs: ['y'] },
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
