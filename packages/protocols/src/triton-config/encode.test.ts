import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeTritonConfig, type TritonConfigSource } from './encode.ts';

const SOURCE: TritonConfigSource = {
  name: 'iris',
  maxBatchSize: 16,
  inputs: [
    { name: 'x', dtype: 'float32', shape: ['batch', 4, null] },
    { name: 'scale', dtype: 'bfloat16', shape: [null], optional: true },
  ],
  outputs: [
    { name: 'label', dtype: 'string', shape: ['batch'] },
    { name: 'odd', dtype: 'complex64', shape: null },
  ],
  instances: 2,
  dynamicBatching: { preferredSizes: [4, 8], maxDelayMs: 0.3 },
  versionPolicy: { kind: 'specific', versions: [3, 5] },
  labels: new Map([['label', 'labels.txt']]),
};

test('encodeTritonConfig gives the fields of ModelConfig by their proto names', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(encodeTritonConfig(SOURCE))), {
    name: 'iris',
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: { specific: { versions: [3, 5] } },
    max_batch_size: 16,
    input: [
      {
        name: 'x',
        data_type: 'TYPE_FP32',
        format: 'FORMAT_NONE',
        dims: [4, -1],
        is_shape_tensor: false,
        allow_ragged_batch: false,
        optional: false,
        is_non_linear_format_io: false,
      },
      {
        name: 'scale',
        data_type: 'TYPE_BF16',
        format: 'FORMAT_NONE',
        dims: [],
        is_shape_tensor: false,
        allow_ragged_batch: false,
        optional: true,
        is_non_linear_format_io: false,
      },
    ],
    output: [
      {
        name: 'label',
        data_type: 'TYPE_STRING',
        dims: [],
        label_filename: 'labels.txt',
        is_shape_tensor: false,
        is_non_linear_format_io: false,
      },
      {
        name: 'odd',
        data_type: 'TYPE_INVALID',
        dims: [],
        label_filename: '',
        is_shape_tensor: false,
        is_non_linear_format_io: false,
      },
    ],
    batch_input: [],
    batch_output: [],
    optimization: {
      priority: 'PRIORITY_DEFAULT',
      input_pinned_memory: { enable: true },
      output_pinned_memory: { enable: true },
      gather_kernel_buffer_threshold: 0,
      eager_batching: false,
    },
    dynamic_batching: {
      preferred_batch_size: [4, 8],
      max_queue_delay_microseconds: 300,
      preserve_ordering: false,
      priority_levels: 0,
      default_priority_level: 0,
      priority_queue_policy: {},
    },
    instance_group: [
      {
        name: 'iris_0',
        kind: 'KIND_CPU',
        count: 2,
        gpus: [],
        secondary_devices: [],
        profile: [],
        passive: false,
        host_policy: '',
      },
    ],
    default_model_filename: 'model.onnx',
    cc_model_filenames: {},
    metric_tags: {},
    parameters: {},
    model_warmup: [],
  });
});

test('encodeTritonConfig keeps every dim without batching, and leaves dynamic_batching out', () => {
  const { dynamicBatching: _, ...rest } = SOURCE;
  const config = encodeTritonConfig({ ...rest, maxBatchSize: 0, versionPolicy: { kind: 'latest', count: 2 } });
  assert.deepEqual(config.input[0]?.dims, [-1, 4, -1]);
  assert.ok(!('dynamic_batching' in config));
  assert.deepEqual(config.version_policy, { latest: { num_versions: 2 } });
  assert.deepEqual(encodeTritonConfig({ ...SOURCE, versionPolicy: { kind: 'all' } }).version_policy, { all: {} });
});
