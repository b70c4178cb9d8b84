// Two small models as PyTorch 2.13 (float64, seed 0) computed them: values, loss, gradients, running statistics.
// lenet: conv 3×3 (padding 1), relu, max pool 2, conv 3×3, relu, max pool 2, linear, tanh, linear.
// resnet: conv, batch norm, relu, max pool 3 (stride 2, padding 1), two residual blocks (the second with stride 2 and a
// 1×1 shortcut with batch norm), mean over the image, linear; in training mode, momentum 0.1.
// Loss: cross_entropy against `target`. Parameters by PyTorch's names, rounded to 4 decimals before.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TorchModel {
  readonly x: { readonly shape: readonly number[]; readonly values: readonly number[] };
  readonly target: readonly number[];
  readonly logits: readonly number[];
  readonly loss: number;
  readonly inputGradient: readonly number[];
  readonly parameters: Readonly<
    Record<
      string,
      { readonly shape: readonly number[]; readonly values: readonly number[]; readonly gradient: readonly number[] }
    >
  >;
  /** Of batch normalisation, after one step. */
  readonly statistics: Readonly<Record<string, readonly number[]>>;
}

export function loadTorchModels(): Readonly<Record<'lenet' | 'resnet', TorchModel>> {
  // The script whose essentials stand above wrote the file in this form.
  return JSON.parse(readFileSync(join(import.meta.dirname, 'torch-models.json'), 'utf8')) as Record<
    'lenet' | 'resnet',
    TorchModel
  >;
}
