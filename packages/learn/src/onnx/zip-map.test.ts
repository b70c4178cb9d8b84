import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { graphAttribute, intsAttribute, stringsAttribute, tensorValueInfo } from './build.ts';
import { inspectModel } from './inspect.ts';
import type { OnnxGraph, OnnxModel, OnnxNode } from './model.ts';
import { readModel } from './read.ts';
import { loadSharedModel } from './testing/models.ts';
import { writeModel } from './write.ts';
import { rewriteZipMap } from './zip-map.ts';

const IRIS = 'tabular/sklearn_iris.csv';

/** Rows of four features and a class 0–2; the first line is a heading. */
function loadIris(): { readonly features: Float32Array; readonly classes: readonly number[] } {
  const rows = readFileSync(sharedDataPath(IRIS), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number));
  return {
    features: Float32Array.from(rows.flatMap((row) => row.slice(0, 4))),
    classes: rows.map((row) => row[4] ?? -1),
  };
}

for (const [path, correct] of [
  ['onnx/rf_iris.onnx', 149],
  ['onnx/logreg_iris.onnx', 147],
] as const) {
  test(`rewriteZipMap makes ${path} give probabilities that agree with its labels`, {
    skip: skipWithoutSharedData(path, IRIS),
  }, async () => {
    const { model, rewritten } = rewriteZipMap(readModel(loadSharedModel(path)));
    assert.deepEqual(rewritten, [{ output: 'output_probability', classLabels: [0n, 1n, 2n] }]);
    assert.deepEqual(model.metadata?.at(-1), { key: 'amaas.class_labels.output_probability', value: '[0,1,2]' });
    assert.deepEqual(inspectModel(model).outputs[1], {
      kind: 'tensor',
      name: 'output_probability',
      dtype: 'float32',
      shape: [null, 3],
    });

    const session = await InferenceSession.create(writeModel(model), { intraOpNumThreads: 1, logSeverityLevel: 3 });
    assert.deepEqual(session.outputNames, ['output_label', 'output_probability']);
    const { features, classes } = loadIris();
    const result = await session.run({ float_input: new OrtTensor('float32', features, [150, 4]) });
    const labels = result['output_label']?.data as BigInt64Array; // the model declares int64
    const probabilities = result['output_probability']?.data as Float32Array; // as rewritten
    assert.deepEqual(result['output_probability']?.dims, [150, 3]);
    let right = 0;
    for (const [row, expected] of classes.entries()) {
      const scores = [...probabilities.subarray(row * 3, row * 3 + 3)];
      assert.ok(Math.abs(scores.reduce((a, b) => a + b) - 1) < 1e-5);
      assert.equal(scores.indexOf(Math.max(...scores)), Number(labels[row]));
      if (Number(labels[row]) === expected) right++;
    }
    assert.equal(right, correct);
    await session.release();
  });
}

test('rewriteZipMap gives back the same object when there is no ZipMap', {
  skip: skipWithoutSharedData('onnx/mnist.onnx'),
}, () => {
  const model = readModel(loadSharedModel('onnx/mnist.onnx'));
  const result = rewriteZipMap(model);
  assert.equal(result.model, model);
  assert.deepEqual(result.rewritten, []);
});

const SEQUENCE = {
  sequenceType: { elemType: { mapType: { keyType: 8, valueType: { tensorType: { elemType: 1 } } } } },
};

/** Input "scores" float32 [batch, 2] → ZipMap → "z". */
function zipMapModel(graph: Partial<OnnxGraph> = {}, zipMap: Partial<OnnxNode> = {}): OnnxModel {
  return {
    irVersion: 8,
    opsetImports: [{ domain: 'ai.onnx.ml', version: 1 }],
    graph: {
      name: 'g',
      inputs: [tensorValueInfo('scores', 'float32', ['batch', 2])],
      outputs: [{ name: 'z', type: SEQUENCE }],
      initializers: [],
      nodes: [
        {
          opType: 'ZipMap',
          domain: 'ai.onnx.ml',
          inputs: ['scores'],
          outputs: ['z'],
          attributes: [stringsAttribute('classlabels_strings', ['grüße', '"no"'])],
          ...zipMap,
        },
      ],
      ...graph,
    },
  };
}

test('rewriteZipMap keeps string labels, the row symbol, and imports ONNX where Identity needs it', async () => {
  const { model, rewritten } = rewriteZipMap(zipMapModel({ valueInfos: [{ name: 'z', type: SEQUENCE }] }));
  assert.deepEqual(rewritten, [{ output: 'z', classLabels: ['grüße', '"no"'] }]);
  assert.deepEqual(JSON.parse(model.metadata?.[0]?.value ?? ''), ['grüße', '"no"']);
  assert.deepEqual(inspectModel(model).outputs, [{ kind: 'tensor', name: 'z', dtype: 'float32', shape: ['batch', 2] }]);
  assert.deepEqual(model.graph.valueInfos, []);
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  const result = await session.run({ scores: new OrtTensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) });
  assert.deepEqual(result['z']?.data, Float32Array.of(1, 2, 3, 4));
  await session.release();
});

test('rewriteZipMap takes a single row of scores', async () => {
  const { model } = rewriteZipMap(zipMapModel({ inputs: [tensorValueInfo('scores', 'float32', [2])] }));
  assert.deepEqual(inspectModel(model).outputs, [{ kind: 'tensor', name: 'z', dtype: 'float32', shape: [2] }]);
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  const result = await session.run({ scores: new OrtTensor('float32', Float32Array.of(5, 7), [2]) });
  assert.deepEqual(result['z']?.data, Float32Array.of(5, 7));
  await session.release();
});

test('rewriteZipMap leaves other readers of the scores their name', async () => {
  const base = zipMapModel();
  const { model } = rewriteZipMap({
    ...base,
    opsetImports: [...base.opsetImports, { version: 13 }],
    graph: {
      ...base.graph,
      nodes: [...base.graph.nodes, { opType: 'Neg', inputs: ['scores'], outputs: ['n'] }],
      outputs: [...base.graph.outputs, tensorValueInfo('n', 'float32', null)],
    },
  });
  assert.equal(model.opsetImports.length, 2);
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  const result = await session.run({ scores: new OrtTensor('float32', Float32Array.of(1, 2), [1, 2]) });
  assert.deepEqual([result['z']?.data, result['n']?.data], [Float32Array.of(1, 2), Float32Array.of(-1, -2)]);
  await session.release();
});

test('rewriteZipMap writes int64 labels in full', () => {
  const { model, rewritten } = rewriteZipMap(
    zipMapModel({}, { attributes: [intsAttribute('classlabels_int64s', [-1, 2n ** 62n])] }),
  );
  assert.deepEqual(rewritten[0]?.classLabels, [-1n, 2n ** 62n]);
  assert.equal(model.metadata?.[0]?.value, '[-1,4611686018427387904]');
});

test('rewriteZipMap leaves a ZipMap alone whose maps others read, in a subgraph too, or which has no labels', () => {
  const reader: OnnxNode = { opType: 'SequenceLength', inputs: ['z'], outputs: ['n'] };
  const zipMap = zipMapModel().graph.nodes;
  const inner = { nodes: [reader], inputs: [], outputs: [], initializers: [] };
  const branch: OnnxNode = {
    opType: 'If',
    inputs: ['c'],
    outputs: ['n'],
    attributes: [graphAttribute('then_branch', inner)],
  };
  for (const model of [
    zipMapModel({ nodes: [...zipMap, reader] }),
    zipMapModel({ nodes: [...zipMap, branch] }),
    zipMapModel({ outputs: [] }),
    zipMapModel({}, { attributes: [] }),
    zipMapModel({}, { domain: 'other' }),
  ]) {
    assert.equal(rewriteZipMap(model).model, model);
  }
});
