import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TensorSpec } from '@amaas/core';
import {
  encodeModelList,
  encodeModelMetadata,
  encodeModelReady,
  encodeServerLive,
  encodeServerMetadata,
  encodeServerReady,
} from './metadata.ts';
import { encodeStatistics } from './statistics.ts';

function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

const inputs: readonly TensorSpec[] = [
  { name: 'images', dtype: 'float32', shape: ['N', 3, 224, null] },
  { name: 'text', dtype: 'string', shape: null, optional: true },
];
const outputs: readonly TensorSpec[] = [{ name: 'scores', dtype: 'int4', shape: ['N', 10] }];

describe('metadata', () => {
  test('encodeServerMetadata names server, version and the extensions that are there', () => {
    assert.equal(
      text(encodeServerMetadata({ name: 'amaas', version: '0.1.0' })),
      '{"name":"amaas","version":"0.1.0","extensions":["classification","model_repository","schedule_policy",' +
        '"model_configuration","binary_tensor_data","parameters","statistics"]}',
    );
  });

  test('encodeModelMetadata writes versions as strings and variable dims as -1', () => {
    assert.equal(
      text(encodeModelMetadata({ name: 'm', versions: ['1', '12'], inputs, outputs })),
      '{"name":"m","versions":["1","12"],"platform":"onnx_onnxv1",' +
        '"inputs":[{"name":"images","datatype":"FP32","shape":[-1,3,224,-1]},{"name":"text","datatype":"BYTES","shape":[-1]}],' +
        '"outputs":[{"name":"scores","datatype":"INT4","shape":[-1,10]}]}',
    );
  });

  test('the model list and health say what both dialects read', () => {
    assert.equal(text(encodeModelList(['a', 'b'])), '{"models":["a","b"]}');
    assert.deepEqual([encodeServerLive().status, text(encodeServerLive().body)], [200, '{"live":true}']);
    assert.deepEqual([encodeServerReady(true).status, text(encodeServerReady(true).body)], [200, '{"ready":true}']);
    assert.deepEqual([encodeServerReady(false).status, text(encodeServerReady(false).body)], [503, '{"ready":false}']);
    const ready = encodeModelReady('m', true);
    assert.deepEqual([ready.status, text(ready.body)], [200, '{"name":"m","ready":true}']);
    const unready = encodeModelReady('m', false);
    assert.deepEqual(
      [unready.status, text(unready.body)],
      [400, '{"name":"m","ready":false,"error":"Model version not ready"}'],
    );
  });
});

describe('encodeStatistics', () => {
  test('writes the names of ModelStatistics and nanoseconds', () => {
    const some = { count: 3, totalMs: 1.5 };
    const none = { count: 0, totalMs: 0 };
    const body = encodeStatistics([
      {
        model: 'm',
        version: 2,
        lastInferenceMs: 1_700_000_000_123,
        inferenceCount: 24,
        executionCount: 3,
        success: some,
        fail: none,
        queue: some,
        computeInput: none,
        computeInfer: some,
        computeOutput: none,
        batches: [{ batchSize: 8, computeInput: none, computeInfer: some, computeOutput: none }],
        memory: [{ type: 'CPU', id: 0, byteSize: 4096 }],
      },
    ]);
    const n = '{"count":0,"ns":0}';
    const s = '{"count":3,"ns":1500000}';
    assert.equal(
      text(body),
      `{"model_stats":[{"name":"m","version":"2","last_inference":1700000000123,"inference_count":24,"execution_count":3,` +
        `"inference_stats":{"success":${s},"fail":${n},"queue":${s},"compute_input":${n},"compute_infer":${s},"compute_output":${n},"cache_hit":${n},"cache_miss":${n}},` +
        `"response_stats":{},"batch_stats":[{"batch_size":8,"compute_input":${n},"compute_infer":${s},"compute_output":${n}}],` +
        `"memory_usage":[{"type":"CPU","id":0,"byte_size":4096}]}]}`,
    );
    assert.equal(text(encodeStatistics([])), '{"model_stats":[]}');
  });
});
