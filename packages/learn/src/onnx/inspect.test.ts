import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { InferenceSession } from 'onnxruntime-node';
import { skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { graphAttribute, tensorAttribute, tensorValueInfo } from './build.ts';
import { inspectModel, type ModelInspection } from './inspect.ts';
import { EXTERNAL_DATA, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor } from './model.ts';
import { readModel } from './read.ts';
import { onnxFromTensor } from './tensor-proto.ts';
import { loadSharedModel, SHARED_MODELS } from './testing/models.ts';

function graphOf(graph: Partial<OnnxGraph>): OnnxGraph {
  return { nodes: [], inputs: [], outputs: [], initializers: [], ...graph };
}

function inspectGraph(graph: Partial<OnnxGraph>, model: Partial<OnnxModel> = {}): ModelInspection {
  return inspectModel({ irVersion: 8, opsetImports: [{ version: 17 }], ...model, graph: graphOf(graph) });
}

function nodeOf(opType: string, rest: Partial<OnnxNode> = {}): OnnxNode {
  return { opType, inputs: [], outputs: [], ...rest };
}

for (const path of SHARED_MODELS) {
  test(`inspectModel agrees with ONNX Runtime on inputs and outputs: ${path}`, {
    skip: skipWithoutSharedData(path),
  }, async () => {
    const bytes = loadSharedModel(path);
    const inspection = inspectModel(readModel(bytes));
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    for (const side of ['inputs', 'outputs'] as const) {
      const metadata = side === 'inputs' ? session.inputMetadata : session.outputMetadata;
      const ours = inspection[side];
      assert.deepEqual(
        ours.map((value) => value.name),
        metadata.map((value) => value.name),
      );
      for (const [index, theirs] of metadata.entries()) {
        const value = ours[index];
        assert.equal(value?.kind === 'tensor', theirs.isTensor);
        if (value?.kind !== 'tensor' || !theirs.isTensor) continue;
        assert.equal(value.dtype, theirs.type);
        // Shape inference may add a shape where the file has none, and sizes where it has symbols.
        if (value.shape === null) continue;
        assert.equal(value.shape.length, theirs.shape.length);
        for (const [axis, dim] of value.shape.entries()) {
          const inferred: number | string | undefined = theirs.shape[axis];
          if (dim !== null && typeof inferred === 'string') assert.equal(dim, inferred);
          if (typeof dim === 'number') assert.equal(dim, inferred);
        }
      }
    }
    await session.release();
  });
}

test('inspectModel reports rf_iris: opsets, a sequence of maps, operators', {
  skip: skipWithoutSharedData('onnx/rf_iris.onnx'),
}, () => {
  const inspection = inspectModel(readModel(loadSharedModel('onnx/rf_iris.onnx')));
  assert.deepEqual(
    inspection.opsets,
    new Map([
      ['', 9],
      ['ai.onnx.ml', 1],
    ]),
  );
  assert.match(inspection.producer, /^skl2onnx \d/);
  assert.deepEqual(inspection.outputs[1], {
    kind: 'sequence',
    name: 'output_probability',
    description: 'seq(map(int64,tensor(float32)))',
  });
  assert.deepEqual(
    [...inspection.operatorTypes.keys()],
    ['Cast', 'ai.onnx.ml.TreeEnsembleClassifier', 'ai.onnx.ml.ZipMap'],
  );
  assert.equal(inspection.operatorCount, 3);
  assert.equal(inspection.parameterCount, 0);
});

test('inspectModel counts what lies in the subgraphs of silero_vad', {
  skip: skipWithoutSharedData('onnx/silero_vad.onnx'),
}, () => {
  const model = readModel(loadSharedModel('onnx/silero_vad.onnx'));
  const inspection = inspectModel(model);
  assert.deepEqual(inspection.controlFlowOperators, ['If']);
  assert.equal(model.graph.nodes.length, 5);
  assert.ok(inspection.operatorCount > 50);
  // Nearly the whole file is weights.
  assert.ok(inspection.weightBytes > 2_100_000 && inspection.weightBytes < 2_327_524);
});

test('inspectModel counts the parameters of mnist as its published layers have them', {
  skip: skipWithoutSharedData('onnx/mnist.onnx'),
}, () => {
  const inspection = inspectModel(readModel(loadSharedModel('onnx/mnist.onnx')));
  // Two 5×5 convolutions of 8 and 16 channels and a 256 → 10 layer with biases, and two int64 shapes of 2 for Reshape.
  assert.equal(inspection.parameterCount, 200 + 8 + 3200 + 16 + 2560 + 10 + 4);
  assert.equal(inspection.weightBytes, (200 + 8 + 3200 + 16 + 2560 + 10) * 4 + 4 * 8);
  // IR 3 lists every weight as an input; none of them may be given.
  assert.deepEqual(
    inspection.inputs.map((input) => input.name),
    ['Input3'],
  );
});

test('inspectModel keeps inputs with an initializer apart from IR 4 on, and drops them before', () => {
  const graph = {
    inputs: [tensorValueInfo('x', 'float32', ['n', null, 3, -1, '']), tensorValueInfo('scale', 'float32', [])],
    initializers: [onnxFromTensor('scale', createTensor('float32', [], Float32Array.of(2)))],
  };
  const x = { kind: 'tensor', name: 'x', dtype: 'float32', shape: ['n', null, 3, null, null] };
  const inspection = inspectGraph(graph);
  assert.deepEqual(inspection.inputs, [x]);
  assert.deepEqual(inspection.overridableInputs, [
    { kind: 'tensor', name: 'scale', dtype: 'float32', shape: [], optional: true },
  ]);
  const old = inspectGraph(graph, { irVersion: 3 });
  assert.deepEqual([old.inputs, old.overridableInputs], [[x], []]);
});

test('inspectModel describes inputs and outputs that are no tensors', () => {
  const tensorType = { elemType: 1, shape: { dims: [{ param: 'n' }, {}] } };
  const outputs = [
    { name: 'map', type: { mapType: { keyType: 8, valueType: { tensorType: { elemType: 1 } } } } },
    { name: 'seq', type: { sequenceType: { elemType: { tensorType } } } },
    { name: 'opt', type: { optionalType: { elemType: { sequenceType: {} } } } },
    { name: 'sparse', type: { sparseTensorType: tensorType } },
    { name: 'opaque', type: { opaqueType: { name: 'n' } } },
    { name: 'none' },
    { name: 'odd', type: { tensorType: { elemType: 99 } } },
    { name: 'rankless', type: { tensorType: { elemType: 8 } } },
  ];
  assert.deepEqual(inspectGraph({ outputs }).outputs, [
    { kind: 'map', name: 'map', description: 'map(string,tensor(float32))' },
    { kind: 'sequence', name: 'seq', description: 'seq(tensor(float32 [n,?]))' },
    { kind: 'optional', name: 'opt', description: 'optional(seq(no type))' },
    { kind: 'sparse', name: 'sparse', description: 'sparse_tensor(float32 [n,?])' },
    { kind: 'opaque', name: 'opaque', description: 'opaque(,n)' },
    { kind: 'unknown', name: 'none', description: 'no type' },
    { kind: 'unknown', name: 'odd', description: 'tensor(element type 99)' },
    { kind: 'tensor', name: 'rankless', dtype: 'string', shape: null },
  ]);
});

test('inspectModel finds control flow and external data at any depth', () => {
  const external = (name: string): OnnxTensor => ({
    name,
    dims: [4],
    dataType: 1,
    dataLocation: EXTERNAL_DATA,
    externalData: [
      { key: 'location', value: `${name}.bin` },
      { key: 'offset', value: '4096' },
    ],
  });
  const inner = graphOf({
    nodes: [
      nodeOf('Scan'),
      nodeOf('Constant', { name: 'c', attributes: [tensorAttribute('value', external('deep'))] }),
    ],
  });
  const inspection = inspectGraph(
    {
      nodes: [
        nodeOf('If', {
          attributes: [
            graphAttribute(
              'then_branch',
              graphOf({ nodes: [nodeOf('Loop', { attributes: [graphAttribute('body', inner)] })] }),
            ),
          ],
        }),
      ],
      sparseInitializers: [{ values: external('sparse'), dims: [9] }],
    },
    {
      functions: [
        {
          name: 'f',
          inputs: [],
          outputs: [],
          attributeDefaults: [tensorAttribute('d', external('default'))],
          nodes: [
            nodeOf('SequenceMap'),
            nodeOf('BeamSearch', { domain: 'com.microsoft', attributes: [graphAttribute('decoder', graphOf({}))] }),
          ],
        },
      ],
      trainingInfo: [{ algorithm: graphOf({ initializers: [external('training')] }) }],
    },
  );
  assert.deepEqual(inspection.controlFlowOperators, ['If', 'Loop', 'Scan', 'SequenceMap', 'com.microsoft.BeamSearch']);
  assert.deepEqual(
    inspection.externalData.map(({ tensor, location, offset, length }) => [tensor, location, offset, length]),
    [
      ['values of sparse initializer "sparse"', 'sparse.bin', 4096, null],
      ['attribute "value" of node "c"', 'deep.bin', 4096, null],
      ['initializer "training"', 'training.bin', 4096, null],
      ['attribute "d" of function "f"', 'default.bin', 4096, null],
    ],
  );
  assert.equal(inspection.operatorCount, 6);
  assert.equal(inspection.parameterCount, 16);
  assert.equal(inspection.weightBytes, 64);
});

test('inspectModel does not take a local function named Loop for control flow', () => {
  assert.deepEqual(inspectGraph({ nodes: [nodeOf('Loop', { domain: 'local' })] }).controlFlowOperators, []);
  assert.deepEqual(inspectGraph({ nodes: [nodeOf('Loop', { domain: 'ai.onnx' })] }).controlFlowOperators, ['Loop']);
});

test('inspectModel refuses dims no tensor can have', () => {
  for (const dims of [[-1], [2 ** 40, 2 ** 40], Array(65).fill(1)]) {
    assert.throws(() => inspectGraph({ initializers: [{ name: 'w', dims, dataType: 1 }] }), {
      reason: 'INVALID_MODEL',
      message: /^onnx: initializer "w" has dims \[/,
    });
  }
});
