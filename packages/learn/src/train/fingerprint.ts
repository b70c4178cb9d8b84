// Tells whether a checkpoint belongs to a training: the graph it computes, the data it computes on, and every setting that
// changes its numbers, as one short text.
import { type FixedSizeDType, type NamedTensors, tensorBytes, type TensorOf } from '@amaas/core';
import type { Schedule } from './schedules.ts';

export interface FingerprintParts {
  /** The training step as ONNX: network, loss, optimiser, clipping and their numbers. */
  readonly model: Uint8Array;
  readonly schedule: Schedule;
  /** Data and given weights; some of their elements are looked at. */
  readonly tensors: readonly NamedTensors[];
  /** Plain settings: seed, batch size, … */
  readonly settings: unknown;
}

/** Steps at which a schedule is asked: the first ones, then ever more apart. */
const PROBED_STEPS: readonly number[] = [
  0,
  1,
  2,
  3,
  5,
  7,
  ...Array.from({ length: 18 }, (_, power) => 10 * 2 ** power),
];

/** Elements of a tensor that are looked at, spread over all of it: enough to tell data sets apart, cheap for large ones. */
const PROBED_ELEMENTS = 4096;

/** Equal for equal trainings; different, up to chance, for different ones. */
export function fingerprintOf({ model, schedule, tensors, settings }: FingerprintParts): string {
  const digest = new Digest();
  digest.addBytes(model);
  digest.addText(JSON.stringify(PROBED_STEPS.map(schedule)));
  digest.addText(JSON.stringify(settings));
  for (const group of tensors) {
    for (const [name, tensor] of group) {
      digest.addText(`${name} ${tensor.dtype} ${tensor.shape}`);
      if (tensor.dtype !== 'string') digest.addBytes(sample(tensor));
    }
  }
  return digest.text();
}

function sample(tensor: TensorOf<FixedSizeDType>): Uint8Array {
  const bytes = tensorBytes(tensor);
  const width = tensor.data.BYTES_PER_ELEMENT;
  const count = tensor.data.length;
  if (count <= PROBED_ELEMENTS) return bytes;
  const result = new Uint8Array(PROBED_ELEMENTS * width);
  for (let index = 0; index < PROBED_ELEMENTS; index++) {
    // Fractions of the golden ratio fall evenly and meet no period of the data.
    const at = Math.floor(count * ((index * 0.6180339887498949) % 1)) * width;
    result.set(bytes.subarray(at, at + width), index * width);
  }
  return result;
}

/** Two independent FNV-1a sums of 32 bits; not for secrets. */
class Digest {
  #first = 0x811c9dc5;
  #second = 0x9747b28c;

  addText(text: string): void {
    this.addBytes(new TextEncoder().encode(`${text.length} ${text}`));
  }

  addBytes(bytes: Uint8Array): void {
    let [first, second] = [this.#first, this.#second];
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] ?? 0;
      first = Math.imul(first ^ byte, 0x01000193);
      second = Math.imul(second ^ byte, 0x5bd1e995);
      second ^= second >>> 15;
    }
    this.#first = first;
    this.#second = second;
  }

  text(): string {
    return [this.#first, this.#second].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}
