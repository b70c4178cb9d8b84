import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import {
  attributeOf,
  floatAttribute,
  floatsAttribute,
  graphAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
  stringsAttribute,
  tensorAttribute,
  tensorValueInfo,
} from './build.ts';
import type { OnnxGraph, OnnxModel } from './model.ts';
import { readModel } from './read.ts';
import { onnxFromTensor } from './tensor-proto.ts';
import { writeModel } from './write.ts';

function modelOf(graph: Partial<OnnxGraph> & Pick<OnnxGraph, 'nodes'>): OnnxModel {
  return {
    irVersion: 8,
    opsetImports: [{ version: 13 }],
    graph: { name: 'g', inputs: [], outputs: [], initializers: [], ...graph },
  };
}

test('writeModel writes a graph built by hand that ONNX Runtime runs', async () => {
  const weights = createTensor('float32', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
  const axes = createTensor('int64', [1], BigInt64Array.of(-1n));
  const bytes = writeModel(
    modelOf({
      inputs: [tensorValueInfo('x', 'float32', ['rows', 3])],
      outputs: [tensorValueInfo('y', 'float32', ['rows', 2]), tensorValueInfo('z', 'float32', null)],
      initializers: [onnxFromTensor('w', weights), onnxFromTensor('axes', axes)],
      nodes: [
        {
          opType: 'Gemm',
          inputs: ['x', 'w'],
          outputs: ['y'],
          attributes: [floatAttribute('alpha', -0.5), intAttribute('transB', 0)],
        },
        { opType: 'ReduceSum', inputs: ['y', 'axes'], outputs: ['z'], attributes: [intAttribute('keepdims', 0)] },
      ],
    }),
  );
  const session = await InferenceSession.create(bytes);
  const result = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 0, -1, 2, 2, 2), [2, 3]) });
  // x·w by hand: [[1−5, 2−6], [2·9, 2·12]], times −0.5.
  assert.deepEqual([...(result['y']?.data ?? [])], [2, 2, -9, -12]);
  assert.deepEqual([...(result['z']?.data ?? [])], [4, -21]);
  await session.release();
});

test('writeModel writes subgraphs that ONNX Runtime runs', async () => {
  const branch = (output: string, opType: string): OnnxGraph => ({
    name: output,
    inputs: [],
    outputs: [tensorValueInfo(output, 'float32', [null])],
    initializers: [],
    nodes: [{ opType, inputs: ['x'], outputs: [output] }],
  });
  const bytes = writeModel(
    modelOf({
      inputs: [tensorValueInfo('cond', 'bool', []), tensorValueInfo('x', 'float32', ['n'])],
      outputs: [tensorValueInfo('y', 'float32', ['n'])],
      nodes: [
        {
          opType: 'If',
          inputs: ['cond'],
          outputs: ['y'],
          attributes: [
            graphAttribute('then_branch', branch('t', 'Neg')),
            graphAttribute('else_branch', branch('e', 'Abs')),
          ],
        },
      ],
    }),
  );
  const session = await InferenceSession.create(bytes);
  const x = new OrtTensor('float32', Float32Array.of(-2, 3), [2]);
  const runWith = async (cond: boolean): Promise<unknown> =>
    (await session.run({ x, cond: new OrtTensor('bool', Uint8Array.of(Number(cond)), []) }))['y']?.data;
  assert.deepEqual(await runWith(true), Float32Array.of(2, -3));
  assert.deepEqual(await runWith(false), Float32Array.of(2, 3));
  await session.release();
});

test('readModel gives back whatever writeModel was given', () => {
  const tensor = onnxFromTensor('t', createTensor('float64', [2], Float64Array.of(0.1, -1e300)));
  const model: OnnxModel = {
    ...modelOf({
      nodes: [
        {
          opType: 'Op',
          domain: '',
          name: 'ein größerer Knoten — ☃🎈',
          overload: 'o',
          inputs: ['', 'a'],
          outputs: ['b', ''],
          attributes: [
            floatAttribute('float', 1 / 3),
            intAttribute('int', -(2n ** 63n)),
            stringAttribute('string', 'é\u0000'),
            tensorAttribute('tensor', tensor),
            floatsAttribute('floats', [0.5, -0, Number.NaN, Number.NEGATIVE_INFINITY]),
            intsAttribute('ints', [0, 127, 128, -1, 2n ** 63n - 1n]),
            intsAttribute('no ints', []),
            stringsAttribute('strings', ['', 'x']),
          ].map((attribute) => ({
            ...attribute,
            ...(attribute.f === undefined ? {} : { f: Math.fround(attribute.f) }),
          })),
          metadata: [{ key: '', value: 'v' }],
        },
      ],
      inputs: [
        tensorValueInfo('x', 'bfloat16', [null, 0, 2 ** 40, 'n']),
        {
          name: 'm',
          type: { mapType: { keyType: 8, valueType: { optionalType: { elemType: { sequenceType: {} } } } } },
        },
        { name: 's', type: { sparseTensorType: { elemType: 1 }, denotation: 'IMAGE' } },
        { name: 'o', type: { opaqueType: { domain: 'd', name: 'n' } } },
      ],
      sparseInitializers: [{ values: tensor, indices: tensor, dims: [-5, 7] }],
      quantizationAnnotations: [{ tensorName: 'x', parameters: [{ key: 'SCALE_TENSOR', value: 's' }] }],
    }),
    modelVersion: -1n,
    trainingInfo: [{ updateBinding: [{ key: 'a', value: 'b' }] }],
    functions: [
      {
        name: 'f',
        domain: 'local',
        inputs: ['a'],
        outputs: ['b'],
        attributes: ['alpha'],
        attributeDefaults: [intAttribute('beta', 3)],
        nodes: [
          { opType: 'Op', inputs: [], outputs: [], attributes: [{ name: 'alpha', refAttrName: 'alpha', type: 1 }] },
        ],
        opsetImports: [{ domain: 'ai.onnx.ml', version: 3 }],
      },
    ],
  };
  const again = readModel(writeModel(model));
  // An empty list is not on the wire.
  const [node] = model.graph.nodes;
  const expected = {
    ...model,
    graph: {
      ...model.graph,
      nodes: [
        { ...node, attributes: node?.attributes?.map((a) => (a.name === 'no ints' ? { name: a.name, type: 7 } : a)) },
      ],
    },
  };
  assert.deepEqual(again, expected);
});

test('writeModel replaces lone surrogates, keeping lengths right', () => {
  const model = { ...modelOf({ nodes: [] }), producerName: 'a\uD800b' };
  assert.equal(readModel(writeModel(model)).producerName, 'a\uFFFDb');
});

test('writeModel refuses nesting no reader follows', () => {
  let graph = modelOf({ nodes: [] }).graph;
  for (let level = 0; level < 33; level++) {
    graph = {
      ...graph,
      nodes: [{ opType: 'If', inputs: [], outputs: [], attributes: [graphAttribute('then_branch', graph)] }],
    };
  }
  assert.throws(() => writeModel(modelOf(graph)), {
    reason: 'INVALID_MODEL',
    message: /nest messages deeper than 100/,
  });
});

test('writeModel refuses more than 2 GiB without allocating it', () => {
  // One block counted 40 times.
  const rawData = new Uint8Array(64 * 2 ** 20);
  const initializers = Array.from({ length: 40 }, (_, index) => ({
    name: `w${index}`,
    dims: [rawData.length],
    dataType: 2,
    rawData,
  }));
  assert.throws(() => writeModel(modelOf({ nodes: [], initializers })), {
    reason: 'INVALID_MODEL',
    message: /takes 26843[0-9]+ bytes, more than protobuf's 2147483647/,
  });
});

test('attributeOf finds an attribute by name', () => {
  const node = { opType: 'Op', inputs: [], outputs: [], attributes: [intAttribute('axis', 2), intAttribute('to', 1)] };
  assert.equal(attributeOf(node, 'to')?.i, 1n);
  assert.equal(attributeOf(node, 'missing'), undefined);
  assert.equal(attributeOf({ opType: 'Op', inputs: [], outputs: [] }, 'to'), undefined);
});
