import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTritonConfig } from './decode.ts';

test('decodeTritonConfig reads a whole configuration', () => {
  const config = decodeTritonConfig(`
    # An image classifier.
    name: "densenet"
    platform: "onnxruntime_onnx"
    max_batch_size : 16
    input [
      {
        name: "pixels"
        data_type: TYPE_FP32
        format: FORMAT_NCHW
        dims: [ 3, 224, -1 ]
      },
      { name: "threshold" data_type: TYPE_FP16 dims: [ 1 ] optional: true }
    ]
    output {
      name: "scores"
      data_type: TYPE_FP32
      dims: 1000
      dims: 2
      label_filename: "labels.txt"
    }
    instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_GPU gpus: [ 0 ] } ]
    dynamic_batching {
      preferred_batch_size: [ 4, 8 ]
      max_queue_delay_microseconds: 250
      preserve_ordering: true
      default_queue_policy { max_queue_size: 64 timeout_action: DELAY }
    }
    version_policy: { latest { num_versions: 3 } }
    parameters { key: "intra_op_thread_count" value: { string_value: "4" } }
    parameters { key: "execution_mode" value: { string_value: "1" } }
    optimization { graph { level: 1 } }
    default_model_filename: "net.onnx"
    model_transaction_policy { decoupled: false }
  `);
  assert.deepEqual(config, {
    name: 'densenet',
    manifest: {
      signatures: {
        serving_default: {
          inputs: [
            { name: 'pixels', dtype: 'float32', shape: [null, 3, 224, null] },
            { name: 'threshold', dtype: 'float16', shape: [null, 1] },
          ],
          outputs: [{ name: 'scores', dtype: 'float32', shape: [null, 1000, 2] }],
        },
      },
      batching: { dim: 0, maxSize: 16, maxDelayMs: 0.25, preferredSizes: [4, 8] },
      limits: { maxQueueSize: 64 },
      instances: 3,
      labels: 'labels.txt',
      resources: { intraOpThreads: 4 },
    },
    versionPolicy: { kind: 'latest', count: 3 },
    modelFilename: 'net.onnx',
    optionalInputs: ['threshold'],
    ignored: [
      'input[0].format',
      'dynamic_batching.default_queue_policy.timeout_action',
      'dynamic_batching.preserve_ordering',
      'instance_group[1].kind',
      'instance_group[1].gpus',
      'parameters["execution_mode"]',
      'optimization',
    ],
  });
});

test('decodeTritonConfig takes an empty configuration for a model that is never batched', () => {
  assert.deepEqual(decodeTritonConfig(''), {
    name: null,
    manifest: { batching: { dim: null } },
    versionPolicy: null,
    modelFilename: null,
    optionalInputs: [],
    ignored: [],
  });
});

test('decodeTritonConfig keeps dims whole without batching, and lists a dynamic_batching without effect', () => {
  const config = decodeTritonConfig(
    'backend: "onnxruntime" max_batch_size: 0 input { name: "x" data_type: TYPE_STRING dims: [ -1, 4 ] } dynamic_batching { }',
  );
  assert.deepEqual(config.manifest, {
    signatures: { serving_default: { inputs: [{ name: 'x', dtype: 'string', shape: [null, 4] }] } },
    batching: { dim: null },
  });
  assert.deepEqual(config.ignored, ['dynamic_batching']);
});

test('decodeTritonConfig tells batching with and without waiting apart', () => {
  assert.deepEqual(decodeTritonConfig('max_batch_size: 8').manifest.batching, { dim: 0, maxSize: 8 });
  assert.deepEqual(decodeTritonConfig('max_batch_size: 8 dynamic_batching { }').manifest.batching, {
    dim: 0,
    maxSize: 8,
    maxDelayMs: 0,
  });
});

test('decodeTritonConfig reads every data type', () => {
  const types = [
    'BOOL',
    'UINT8',
    'UINT16',
    'UINT32',
    'UINT64',
    'INT8',
    'INT16',
    'INT32',
    'INT64',
    'FP16',
    'FP32',
    'FP64',
    'STRING',
    'BF16',
  ];
  const text = types.map((type) => `input { name: "${type}" data_type: TYPE_${type} }`).join('\n');
  assert.deepEqual(
    decodeTritonConfig(text).manifest.signatures?.['serving_default']?.inputs?.map((input) => input.dtype),
    [
      'bool',
      'uint8',
      'uint16',
      'uint32',
      'uint64',
      'int8',
      'int16',
      'int32',
      'int64',
      'float16',
      'float32',
      'float64',
      'string',
      'bfloat16',
    ],
  );
});

test('decodeTritonConfig leaves out what a tensor does not declare', () => {
  const { manifest } = decodeTritonConfig('max_batch_size: 2 input { name: "x" } output { name: "x" dims: [] }');
  assert.deepEqual(manifest.signatures, {
    serving_default: { inputs: [{ name: 'x' }], outputs: [{ name: 'x', shape: [null] }] },
  });
});

test('decodeTritonConfig reads the three version policies', () => {
  const policyOf = (text: string): unknown => decodeTritonConfig(`version_policy { ${text} }`).versionPolicy;
  assert.deepEqual(policyOf('latest { num_versions: 2 }'), { kind: 'latest', count: 2 });
  assert.deepEqual(policyOf('latest { }'), { kind: 'latest', count: 1 });
  assert.deepEqual(policyOf('all: { }'), { kind: 'all' });
  assert.deepEqual(policyOf('specific { versions: [ 3, 5 ] }'), { kind: 'specific', versions: [3, 5] });
  assert.deepEqual(policyOf('specific: < versions: 3 versions: 7 >'), { kind: 'specific', versions: [3, 7] });
  assert.equal(policyOf(''), null);
});

test('decodeTritonConfig keeps one label file and lists others', () => {
  const config = decodeTritonConfig(
    'output [ { name: "a" label_filename: "" }, { name: "b" label_filename: "b.txt" }, { name: "c" label_filename: "b.txt" }, { name: "d" label_filename: "d.txt" } ]',
  );
  assert.equal(config.manifest.labels, 'b.txt');
  assert.deepEqual(config.ignored, ['output[3].label_filename']);
});

test('decodeTritonConfig takes 0 threads and an unset instance count for defaults', () => {
  const { manifest } = decodeTritonConfig(
    'instance_group { name: "g" } parameters [ { key: "intra_op_thread_count" value { string_value: "0" } } ]',
  );
  assert.equal(manifest.instances, 1);
  assert.equal(manifest.resources, undefined);
});

for (const [field, text] of [
  ['ensemble_scheduling', 'ensemble_scheduling { step [ { model_name: "a" } ] }'],
  ['sequence_batching', 'sequence_batching { }'],
  ['batch_input', 'batch_input [ { kind: BATCH_ELEMENT_COUNT } ]'],
  ['batch_output', 'batch_output { }'],
  ['model_transaction_policy.decoupled', 'model_transaction_policy { decoupled: true }'],
  ['input[1].reshape', 'input [ { name: "a" }, { name: "b" reshape { shape: [ 4 ] } } ]'],
  ['output[0].reshape', 'output { name: "b" dims: [ 1 ] reshape: { shape: [ ] } }'],
  ['input[0].allow_ragged_batch', 'input { name: "a" allow_ragged_batch: true }'],
  ['input[0].is_shape_tensor', 'input { name: "a" is_shape_tensor: true }'],
] as const) {
  test(`decodeTritonConfig refuses ${field}, which would change results`, () => {
    assert.throws(
      () => decodeTritonConfig(`name: "m"\n${text}`),
      (error: Error) => {
        assert.equal('reason' in error && error.reason, 'UNSUPPORTED_FEATURE');
        assert.ok(error.message.startsWith(`config.pbtxt line 2: ${field} is not supported`), error.message);
        return true;
      },
    );
  });
}

test('decodeTritonConfig does not refuse switches that are off', () => {
  const text =
    'input { name: "a" allow_ragged_batch: false is_shape_tensor: 0 } model_transaction_policy { decoupled: false }';
  assert.deepEqual(decodeTritonConfig(text).ignored, []);
});

test('decodeTritonConfig refuses configurations that are wrong, with line and field', () => {
  const refuse = (text: string, message: RegExp): void =>
    assert.throws(() => decodeTritonConfig(text), { reason: 'INVALID_CONFIG', message });
  refuse(
    '\nplatform: "tensorrt_plan"',
    /line 2: platform must be onnxruntime_onnx or onnx_onnxv1, got "tensorrt_plan"/,
  );
  refuse('backend: "python"', /backend must be onnxruntime, got "python"/);
  refuse('max_batch_size: -1', /max_batch_size must be a whole number ≥ 0, got -1/);
  refuse('max_batch_size: 1.5', /max_batch_size must be a whole number ≥ 0, got 1.5/);
  refuse('max_batch_size: 1\nmax_batch_size: 2', /line 2: max_batch_size is given more than once/);
  refuse('name: densenet', /name must be a quoted text, got densenet/);
  refuse('input: "x"', /input must be a message in braces, got "x"/);
  refuse('input { data_type: TYPE_FP32 }', /input\[0\]\.name is missing/);
  refuse(
    'input { name: "x" data_type: TYPE_FLOAT }',
    /input\[0\]\.data_type must be one of TYPE_BOOL, .*, got TYPE_FLOAT/,
  );
  refuse('input { name: "x" data_type: "TYPE_FP32" }', /data_type must be a name without quotes, got "TYPE_FP32"/);
  refuse('input [ { name: "x" }, { name: "x" } ]', /input\[1\]\.name "x" is used twice/);
  refuse('output { name: "x" dims: [ 0 ] }', /output\[0\]\.dims must be whole numbers ≥ 1, or -1 for any size, got 0/);
  refuse('output { name: "x" dims: [ -2 ] }', /dims must be a whole number ≥ -1, got -2/);
  refuse('output { name: "x" dims: [ 1e300 ] }', /dims must be a whole number ≥ -1/);
  refuse('input { name: "x" optional: "yes" }', /optional must be true or false, got "yes"/);
  refuse(
    'max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }',
    /dynamic_batching\.preferred_batch_size must not exceed max_batch_size 4/,
  );
  refuse(
    'max_batch_size: 4 dynamic_batching { preferred_batch_size: 0 }',
    /preferred_batch_size must be a whole number ≥ 1, got 0/,
  );
  refuse('version_policy { all { } latest { } }', /version_policy must be one of latest, all and specific/);
  refuse('version_policy { specific { } }', /version_policy\.specific must list versions/);
  refuse('version_policy { specific { versions: 0 } }', /versions must be a whole number ≥ 1, got 0/);
  refuse('instance_group { kind: KIND_TPU }', /instance_group\[0\]\.kind must be KIND_AUTO/);
  refuse(
    'parameters { key: "intra_op_thread_count" value { string_value: "many" } }',
    /of intra_op_thread_count must be a whole number/,
  );
});
