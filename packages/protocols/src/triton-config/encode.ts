// The JSON Triton answers on GET /v2/models/{m}/config: proto field names, defaults written out, int64 as numbers.
// Source: Triton protocol extension "Model Configuration"; model_config.proto.
import type { TensorSpec } from '@amaas/core';
import { tritonNameOf } from './data-types.ts';
import type { TritonVersionPolicy } from './decode.ts';

/** What a configuration is written from. */
export interface TritonConfigSource {
  readonly name: string;
  /** Default `onnxruntime_onnx`. */
  readonly platform?: string;
  /** Most rows in one run; 0: requests are never joined. With more, dims leave out the first axis. */
  readonly maxBatchSize: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Sessions side by side. */
  readonly instances: number;
  /** Absent: requests are not joined across callers. */
  readonly dynamicBatching?: { readonly preferredSizes: readonly number[]; readonly maxDelayMs: number };
  readonly versionPolicy: TritonVersionPolicy;
  /** Name of the label file by output. */
  readonly labels?: ReadonlyMap<string, string>;
  /** Default `model.onnx`. */
  readonly modelFilename?: string;
}

export interface TritonInputJson {
  readonly name: string;
  readonly data_type: string;
  readonly format: 'FORMAT_NONE';
  readonly dims: readonly number[];
  readonly is_shape_tensor: false;
  readonly allow_ragged_batch: false;
  readonly optional: boolean;
  readonly is_non_linear_format_io: false;
}

export interface TritonOutputJson {
  readonly name: string;
  readonly data_type: string;
  readonly dims: readonly number[];
  readonly label_filename: string;
  readonly is_shape_tensor: false;
  readonly is_non_linear_format_io: false;
}

export interface TritonDynamicBatchingJson {
  readonly preferred_batch_size: readonly number[];
  readonly max_queue_delay_microseconds: number;
  readonly preserve_ordering: boolean;
  readonly priority_levels: number;
  readonly default_priority_level: number;
  readonly priority_queue_policy: Readonly<Record<string, never>>;
}

export type TritonVersionPolicyJson =
  | { readonly latest: { readonly num_versions: number } }
  | { readonly all: Readonly<Record<string, never>> }
  | { readonly specific: { readonly versions: readonly number[] } };

/** A ModelConfig message; ready for JSON.stringify. */
export interface TritonConfigJson {
  readonly name: string;
  readonly platform: string;
  readonly backend: 'onnxruntime';
  readonly version_policy: TritonVersionPolicyJson;
  readonly max_batch_size: number;
  readonly input: readonly TritonInputJson[];
  readonly output: readonly TritonOutputJson[];
  readonly batch_input: readonly never[];
  readonly batch_output: readonly never[];
  readonly optimization: object;
  readonly dynamic_batching?: TritonDynamicBatchingJson;
  readonly instance_group: readonly object[];
  readonly default_model_filename: string;
  readonly cc_model_filenames: Readonly<Record<string, never>>;
  readonly metric_tags: Readonly<Record<string, never>>;
  readonly parameters: Readonly<Record<string, never>>;
  readonly model_warmup: readonly never[];
}

/** The configuration as Triton's ModelConfig in JSON. */
export function encodeTritonConfig(source: TritonConfigSource): TritonConfigJson {
  const isBatched = source.maxBatchSize > 0;
  const { dynamicBatching } = source;
  return {
    name: source.name,
    platform: source.platform ?? 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: encodePolicy(source.versionPolicy),
    max_batch_size: source.maxBatchSize,
    input: source.inputs.map((spec) => ({
      name: spec.name,
      data_type: tritonNameOf(spec.dtype),
      format: 'FORMAT_NONE',
      dims: encodeDims(spec, isBatched),
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: spec.optional ?? false,
      is_non_linear_format_io: false,
    })),
    output: source.outputs.map((spec) => ({
      name: spec.name,
      data_type: tritonNameOf(spec.dtype),
      dims: encodeDims(spec, isBatched),
      label_filename: source.labels?.get(spec.name) ?? '',
      is_shape_tensor: false,
      is_non_linear_format_io: false,
    })),
    batch_input: [],
    batch_output: [],
    optimization: {
      priority: 'PRIORITY_DEFAULT',
      input_pinned_memory: { enable: true },
      output_pinned_memory: { enable: true },
      gather_kernel_buffer_threshold: 0,
      eager_batching: false,
    },
    ...(dynamicBatching === undefined
      ? {}
      : {
          dynamic_batching: {
            preferred_batch_size: dynamicBatching.preferredSizes,
            max_queue_delay_microseconds: Math.round(dynamicBatching.maxDelayMs * 1000),
            preserve_ordering: false,
            priority_levels: 0,
            default_priority_level: 0,
            priority_queue_policy: {},
          },
        }),
    instance_group: [
      {
        name: `${source.name}_0`,
        kind: 'KIND_CPU',
        count: source.instances,
        gpus: [],
        secondary_devices: [],
        profile: [],
        passive: false,
        host_policy: '',
      },
    ],
    default_model_filename: source.modelFilename ?? 'model.onnx',
    cc_model_filenames: {},
    metric_tags: {},
    parameters: {},
    model_warmup: [],
  };
}

/** Dims with −1 for what is not fixed; an unknown rank has none, which is the closest Triton can say. */
function encodeDims(spec: TensorSpec, isBatched: boolean): readonly number[] {
  const dims = (spec.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : -1));
  return isBatched ? dims.slice(1) : dims;
}

function encodePolicy(policy: TritonVersionPolicy): TritonVersionPolicyJson {
  switch (policy.kind) {
    case 'latest':
      return { latest: { num_versions: policy.count } };
    case 'all':
      return { all: {} };
    case 'specific':
      return { specific: { versions: policy.versions } };
    default:
      return policy satisfies never;
  }
}
