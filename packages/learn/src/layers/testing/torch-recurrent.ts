// Recurrent layers as PyTorch 2.13 computed them in float64, batch first, lengths by pack_padded_sequence: outputs, final
// states and gradients of x, the initial states and every parameter. Everything that goes in is `wave`, and so are the
// weights of the loss: Σ y · wave(0.5, 1) + Σ state i · wave(2 + i, 1). Seven digits.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type TorchRecurrentName = 'rnn' | 'lstm' | 'gru' | 'bilstm' | 'bigru' | 'long';

export interface TorchRecurrent {
  /** Of x: [batch, time, features]. */
  readonly shape: readonly number[];
  readonly lengths: readonly number[] | null;
  readonly y: readonly number[];
  /** Hidden and for an LSTM cell, each [layers · directions, batch, units]. */
  readonly states: readonly (readonly number[])[];
  readonly loss: number;
  readonly gradients: {
    readonly x: readonly number[];
    readonly states: readonly (readonly number[])[];
    readonly parameters: Readonly<
      Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
    >;
  };
}

/**
 * What the script filled tensors with: parameter k with wave(k + 1, 0.5), counted in the order of `parameters`; x with
 * wave(0.3, 1.5), initial state i with wave(10 + i, 0.8).
 */
export function wave(start: number, scale: number): (index: number) => number {
  return (index) => scale * Math.sin(0.7 * index + start);
}

export function loadTorchRecurrent(): Readonly<Record<TorchRecurrentName, TorchRecurrent>> {
  // The script whose essentials stand above wrote the file in this form.
  return JSON.parse(readFileSync(join(import.meta.dirname, 'torch-recurrent.json'), 'utf8')) as Record<
    TorchRecurrentName,
    TorchRecurrent
  >;
}
