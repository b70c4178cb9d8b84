// Values of PyTorch 2.13 in float64 for losses of sequences and of what belongs together. Predictions are madeNumbers(1, …)
// times 3 (pairs: times 2), rows are weighted by madeNumbers(3, batch) + 1.5 for the gradient; `ctc_loss` (reduction none)
// over `log_softmax`, `cross_entropy` with ignore_index, `cross_entropy` over cosines / 0.2 with what does not count masked
// out, `binary_cross_entropy_with_logits` over scores, less log(3 · noise) for NCE.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SequenceLossValues {
  readonly rows?: readonly number[];
  readonly mean?: number;
  readonly gradient: readonly number[];
}

export const torchSequenceLosses: Readonly<Record<string, SequenceLossValues>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'torch-sequence-losses.json'), 'utf8'),
);
