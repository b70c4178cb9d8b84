// A Llama by Hugging Face (transformers 5.18.0, torch 2.13.0) and an adapter to it (peft 0.21.0), with the logits of both:
// LlamaForCausalLM of the configuration in the file, weights normal and rounded to bfloat16, save_pretrained; then `logits`
// for `ids` in float32. get_peft_model with LoraConfig(r=3, lora_alpha=5) on all seven kernels, A and B normal and rounded to
// bfloat16, save_pretrained; `applied` are the logits with it. Files are base64.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Stored {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: string;
  readonly ids: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly adapterConfig: Readonly<Record<string, unknown>>;
  readonly adapter: string;
  readonly applied: readonly (readonly number[])[];
}

const path = join(import.meta.dirname, 'fixtures', 'hugging-face-llama.json');
const stored = JSON.parse(readFileSync(path, 'utf8')) as Stored; // written with these fields

export const huggingFace = {
  ...stored,
  weights: new Uint8Array(Buffer.from(stored.weights, 'base64')),
  adapter: new Uint8Array(Buffer.from(stored.adapter, 'base64')),
};
