// Body of the model configuration route: the fields of Triton's ModelConfig that say something here, by their JSON names.
// perf_analyzer and other clients read `max_batch_size` and `dynamic_batching` from it.
// Source: Triton protocol extension "Model Configuration"; names of `model_config.proto`.
import type { TensorSpec } from '@amaas/core';
import { isOipDType, OIP_DATATYPES } from './datatypes.ts';
import { encodeJson, wireDims } from './metadata.ts';

export interface ModelConfig {
  readonly model: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Most rows in one run; 0: requests are never joined. With more, the first dim of every tensor is left out, as Triton does. */
  readonly maxBatchSize: number;
  readonly batching?: { readonly preferredSizes: readonly number[]; readonly maxDelayMs: number };
  /** Sessions side by side. */
  readonly instances: number;
}

export function encodeModelConfig(config: ModelConfig): Uint8Array {
  const batched = config.maxBatchSize > 0;
  return encodeJson({
    name: config.model,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    max_batch_size: config.maxBatchSize,
    input: config.inputs.map((spec) => ({ ...tensor(spec, batched), optional: spec.optional ?? false })),
    output: config.outputs.map((spec) => tensor(spec, batched)),
    instance_group: [{ name: config.model, kind: 'KIND_CPU', count: config.instances }],
    ...(config.batching === undefined
      ? {}
      : {
          dynamic_batching: {
            preferred_batch_size: config.batching.preferredSizes,
            max_queue_delay_microseconds: Math.round(config.batching.maxDelayMs * 1000),
          },
        }),
    model_transaction_policy: { decoupled: false },
  });
}

function tensor(spec: TensorSpec, batched: boolean): object {
  const dims = wireDims(spec.shape);
  return { name: spec.name, data_type: dataType(spec), dims: batched ? dims.slice(1) : dims };
}

function dataType(spec: TensorSpec): string {
  if (!isOipDType(spec.dtype)) return 'TYPE_INVALID';
  return spec.dtype === 'string' ? 'TYPE_STRING' : `TYPE_${OIP_DATATYPES[spec.dtype]}`;
}
