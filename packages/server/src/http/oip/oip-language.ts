// Language models in the words of a protocol of tensors: a text in, a text out.
import type { TensorSpec } from '@amaas/core';
import { encodeTritonConfig } from '@amaas/protocols/triton-config';
import type { ServedLanguageModel } from '../../dataplane/index.ts';
import type { VersionPolicy } from '../../registry/index.ts';

/** A policy that serves. */
export type ServingPolicy = Exclude<VersionPolicy, { readonly kind: 'none' }>;

/** Who runs them. */
export const LANGUAGE_PLATFORM = 'llama.cpp';

/** What `generate` takes and gives; `infer` takes neither. */
export const TEXT_SIGNATURE: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] } = {
  inputs: [{ name: 'text_input', dtype: 'string', shape: [1] }],
  outputs: [{ name: 'text_output', dtype: 'string', shape: [1] }],
};

/** The configuration as Triton writes those of its own backends for language models: one request, many replies. */
export function languageConfigOf(served: ServedLanguageModel, versionPolicy: ServingPolicy): Uint8Array {
  const config = encodeTritonConfig({
    ...TEXT_SIGNATURE,
    name: served.name,
    platform: LANGUAGE_PLATFORM,
    maxBatchSize: 0,
    instances: 1,
    versionPolicy,
    modelFilename: 'model.gguf',
  });
  const transactions = { model_transaction_policy: { decoupled: true } };
  return Buffer.from(JSON.stringify({ ...config, backend: LANGUAGE_PLATFORM, ...transactions }));
}
