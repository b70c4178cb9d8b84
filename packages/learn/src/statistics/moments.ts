// Mean and variance in one pass, mergeable, so that streams and workers can each count their part.
// Source: Welford (1962) for one value; Chan, Golub and LeVeque (1983) for two parts.

/** Where {@link Moments} stands; plain data for checkpoints and messages. */
export interface MomentsState {
  readonly count: number;
  readonly mean: number;
  readonly sumOfSquaredDeviations: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** Running count, mean, variance, minimum and maximum of numbers; NaN in, NaN out. */
export class Moments {
  #count = 0;
  #mean = 0;
  #sumOfSquaredDeviations = 0;
  #minimum = Number.POSITIVE_INFINITY;
  #maximum = Number.NEGATIVE_INFINITY;

  /** Counts one value. */
  add(value: number): void {
    this.#count++;
    const before = value - this.#mean;
    this.#mean += before / this.#count;
    this.#sumOfSquaredDeviations += before * (value - this.#mean);
    this.#minimum = Math.min(this.#minimum, value);
    this.#maximum = Math.max(this.#maximum, value);
  }

  addAll(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) this.add(values[i] ?? Number.NaN);
  }

  /** Takes in what another part counted; the other stays as it is. */
  merge(other: Moments | MomentsState): void {
    const { count, mean, sumOfSquaredDeviations, minimum, maximum } =
      other instanceof Moments ? other.saveState() : other;
    if (count === 0) return;
    const total = this.#count + count;
    const difference = mean - this.#mean;
    this.#sumOfSquaredDeviations += sumOfSquaredDeviations + (difference * difference * this.#count * count) / total;
    this.#mean += (difference * count) / total;
    this.#count = total;
    this.#minimum = Math.min(this.#minimum, minimum);
    this.#maximum = Math.max(this.#maximum, maximum);
  }

  get count(): number {
    return this.#count;
  }

  /** NaN while nothing was counted. */
  get mean(): number {
    return this.#count === 0 ? Number.NaN : this.#mean;
  }

  /** The estimate for the population behind the sample (divided by count − 1); NaN below two values. */
  get sampleVariance(): number {
    return this.#count < 2 ? Number.NaN : this.#sumOfSquaredDeviations / (this.#count - 1);
  }

  /** The variance of these very values (divided by count); NaN while nothing was counted. */
  get populationVariance(): number {
    return this.#count === 0 ? Number.NaN : this.#sumOfSquaredDeviations / this.#count;
  }

  get sampleStdDev(): number {
    return Math.sqrt(this.sampleVariance);
  }

  /** Standard deviation of the mean as an estimate; NaN below two values. */
  get standardError(): number {
    return Math.sqrt(this.sampleVariance / this.#count);
  }

  /** Infinity while nothing was counted. */
  get minimum(): number {
    return this.#minimum;
  }

  /** −Infinity while nothing was counted. */
  get maximum(): number {
    return this.#maximum;
  }

  saveState(): MomentsState {
    return {
      count: this.#count,
      mean: this.#mean,
      sumOfSquaredDeviations: this.#sumOfSquaredDeviations,
      minimum: this.#minimum,
      maximum: this.#maximum,
    };
  }
}

/** {@link Moments} of a whole sample. */
export function computeMoments(values: ArrayLike<number>): Moments {
  const moments = new Moments();
  moments.addAll(values);
  return moments;
}
