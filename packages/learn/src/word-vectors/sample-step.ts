// One step of stochastic gradient descent on negative sampling: a hidden vector that is a weighted sum of input rows, and
// groups of output rows of which the first is true and the others are noise. Only these rows are touched.
// Loss of a group: −log σ(h·o₁) − Σ log σ(−h·oₖ). Source: Mikolov et al. (2013), eq. 4.
//
// Plain typed arrays rather than a training graph. Measured on one thread with 8,192 words of 100 numbers and 5 drawn words,
// CPU time of a pair: here 2.3 to 3.5 µs; a graph on ONNX Runtime 5 to 8 µs in steps of 1,024 pairs, as it copies both
// tables, and 1.9 µs in steps of 8,192. In those each word would move by the sum of many gradients taken at one place,
// which needs small rates and so more epochs; and with sub-words the tables are a hundred times as large.

/** The tables, and room for one step; made once and used for all steps. */
export class SampleStep {
  readonly dimensions: number;
  /** [input rows, dimensions] and [words, dimensions]. */
  readonly inputs: Float32Array;
  readonly outputs: Float32Array;
  // Float64: conversions would cost as much as the arithmetic.
  readonly #hidden: Float64Array;
  readonly #error: Float64Array;

  constructor(inputs: Float32Array, outputs: Float32Array, dimensions: number) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.dimensions = dimensions;
    this.#hidden = new Float64Array(dimensions);
    this.#error = new Float64Array(dimensions);
  }

  /** h = scale · Σ rows; forgets the step before. */
  read(rows: Int32Array, count: number, scale: number): void {
    const { inputs, dimensions } = this;
    const hidden = this.#hidden;
    hidden.fill(0);
    this.#error.fill(0);
    for (let r = 0; r < count; r++) {
      const from = (rows[r] ?? 0) * dimensions;
      for (let d = 0; d < dimensions; d++) hidden[d] = (hidden[d] ?? 0) + scale * (inputs[from + d] ?? 0);
    }
  }

  /**
   * Moves the output rows of one group against their gradients, and keeps that of h.
   * @param targets - the true word, then drawn ones; those equal to it count nothing, as in word2vec
   * @returns the group's loss before the step
   */
  compare(targets: Int32Array, rate: number): number {
    const { outputs, dimensions } = this;
    const hidden = this.#hidden;
    const error = this.#error;
    const truth = targets[0] ?? 0;
    let loss = 0;
    for (let t = 0; t < targets.length; t++) {
      const word = targets[t] ?? 0;
      if (t > 0 && word === truth) continue;
      const from = word * dimensions;
      const score = dot(hidden, outputs, from);
      const signed = t === 0 ? -score : score;
      const wrong = 1 / (1 + Math.exp(-signed)); // what is believed of the wrong answer: 1 − σ(score), or σ(score)
      loss += signed > 30 ? signed : Math.log1p(Math.exp(signed));
      const slope = t === 0 ? -wrong : wrong; // ∂loss / ∂score
      const move = -rate * slope;
      for (let d = 0; d < dimensions; d++) {
        const output = outputs[from + d] ?? 0;
        error[d] = (error[d] ?? 0) + slope * output;
        outputs[from + d] = output + move * (hidden[d] ?? 0);
      }
    }
    return loss;
  }

  /** Moves the input rows against the gradient of all groups since {@link read}. */
  write(rows: Int32Array, count: number, factor: number): void {
    const { inputs, dimensions } = this;
    const error = this.#error;
    for (let r = 0; r < count; r++) {
      const from = (rows[r] ?? 0) * dimensions;
      for (let d = 0; d < dimensions; d++) inputs[from + d] = (inputs[from + d] ?? 0) - factor * (error[d] ?? 0);
    }
  }
}

/** Four sums at once: one would wait for each addition. */
function dot(vector: Float64Array, table: Float32Array, from: number): number {
  const { length } = vector;
  const whole = length - (length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let e = 0;
  let d = 0;
  for (; d < whole; d += 4) {
    const at = from + d;
    a += (vector[d] ?? 0) * (table[at] ?? 0);
    b += (vector[d + 1] ?? 0) * (table[at + 1] ?? 0);
    c += (vector[d + 2] ?? 0) * (table[at + 2] ?? 0);
    e += (vector[d + 3] ?? 0) * (table[at + 3] ?? 0);
  }
  for (; d < length; d++) a += (vector[d] ?? 0) * (table[from + d] ?? 0);
  return a + b + (c + e);
}
