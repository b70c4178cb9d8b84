// One step of stochastic gradient descent on negative sampling: a hidden vector that is a weighted sum of input rows, and
// groups of output rows of which the first is true and the others are noise. Only these rows are touched.
// Loss of a group: −log σ(h·o₁) − Σ log σ(−h·oₖ). Source: Mikolov et al. (2013), eq. 4.
//
// Rows rather than a training graph. Measured on one thread of a busy machine with 8,192 words of 100 numbers and 5 drawn
// words, CPU time of a pair: 2 µs here; on ONNX Runtime 5 to 8 µs in steps of 1,024 pairs, as it copies both tables, and
// 1.9 µs in steps of 8,192. In those each word would move by the sum of many gradients taken at one place, which needs small
// rates and so more epochs; and with sub-words the tables are a hundred times as large.
import { RowMath, type RowTable } from './row-math.ts';

export interface SampleTables {
  readonly inputRows: number;
  /** Words that may be predicted. */
  readonly outputRows: number;
  readonly dimensions: number;
}

/** The tables, zeros at first, and room for one step; made once and used for all steps. */
export class SampleStep {
  readonly math: RowMath<'inputs' | 'outputs' | 'room'>;
  readonly inputs: RowTable;
  readonly outputs: RowTable;
  readonly #hidden: Float32Array;
  readonly #error: Float32Array;
  readonly #hiddenAt: number;
  readonly #errorAt: number;

  constructor({ inputRows, outputRows, dimensions }: SampleTables) {
    this.math = new RowMath({ inputs: inputRows, outputs: outputRows, room: 2 }, dimensions);
    const { inputs, outputs, room } = this.math.tables;
    this.inputs = inputs;
    this.outputs = outputs;
    this.#hidden = this.math.row(room, 0);
    this.#error = this.math.row(room, 1);
    this.#hiddenAt = room.start;
    this.#errorAt = room.start + room.rowBytes;
  }

  /** h = scale · Σ rows; forgets the step before. */
  read(rows: Int32Array, count: number, scale: number): void {
    const { functions } = this.math;
    const { start, rowBytes } = this.inputs;
    this.#hidden.fill(0);
    this.#error.fill(0);
    for (let k = 0; k < count; k++) {
      functions.addScaled(this.#hiddenAt, start + (rows[k] ?? 0) * rowBytes, rowBytes, scale);
    }
  }

  /**
   * Moves the output rows of one group against their gradients, and keeps that of h.
   * @param targets - the true word, then drawn ones; those equal to it count nothing, as in word2vec
   * @returns the group's loss before the step
   */
  compare(targets: Int32Array, rate: number): number {
    const { functions } = this.math;
    const { start, rowBytes } = this.outputs;
    const truth = targets[0] ?? 0;
    let loss = 0;
    for (let k = 0; k < targets.length; k++) {
      const word = targets[k] ?? 0;
      if (k > 0 && word === truth) continue;
      const row = start + word * rowBytes;
      const score = functions.dot(this.#hiddenAt, row, rowBytes);
      const signed = k === 0 ? -score : score;
      const wrong = 1 / (1 + Math.exp(-signed)); // what is believed of the wrong answer: 1 − σ(score), or σ(score)
      loss += signed > 30 ? signed : Math.log1p(Math.exp(signed));
      const slope = k === 0 ? -wrong : wrong; // ∂loss / ∂score
      functions.exchange(this.#hiddenAt, this.#errorAt, row, rowBytes, slope, -rate * slope);
    }
    return loss;
  }

  /** Moves the input rows against the gradient of all groups since {@link read}. @param factor - rate · scale */
  write(rows: Int32Array, count: number, factor: number): void {
    const { functions } = this.math;
    const { start, rowBytes } = this.inputs;
    for (let k = 0; k < count; k++) {
      functions.addScaled(start + (rows[k] ?? 0) * rowBytes, this.#errorAt, rowBytes, -factor);
    }
  }
}
