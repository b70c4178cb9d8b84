// How long a run of n rows takes: duration ≈ msPerRow · n + fixedMs, learned from the runs themselves.
// Recursive least squares with forgetting, so that the model follows the machine's load.
// Source: Haykin, Adaptive Filter Theory (4th ed.), table 9.1.

/** Weight of the past at each new run; 0.98 remembers about 50 runs, enough to average noise, few enough to follow load. */
const FORGETTING = 0.98;
/** Initial uncertainty: large, so that the first runs replace the starting guess quickly. */
const INITIAL_VARIANCE = 100;

export interface CostEstimate {
  /** Time a run takes however few its rows, in milliseconds. */
  readonly fixedMs: number;
  /** Time each row adds, in milliseconds. */
  readonly msPerRow: number;
}

/** Learns a model's cost, starting from what quarantine measured. */
export class CostModel {
  #perRow: number;
  #fixed: number;
  // Inverse correlation matrix of (rows, 1): symmetric, so three numbers.
  #p11 = INITIAL_VARIANCE;
  #p12 = 0;
  #p22 = INITIAL_VARIANCE;

  constructor(initial: CostEstimate) {
    this.#perRow = initial.msPerRow;
    this.#fixed = initial.fixedMs;
  }

  /** Takes in one finished run. */
  observe(rows: number, durationMs: number): void {
    const px = this.#p11 * rows + this.#p12;
    const py = this.#p12 * rows + this.#p22;
    const denominator = FORGETTING + rows * px + py;
    const gainRow = px / denominator;
    const gainFixed = py / denominator;
    const error = durationMs - (this.#perRow * rows + this.#fixed);
    this.#perRow += gainRow * error;
    this.#fixed += gainFixed * error;
    this.#p11 = Math.min((this.#p11 - gainRow * px) / FORGETTING, INITIAL_VARIANCE);
    this.#p12 = (this.#p12 - gainRow * py) / FORGETTING;
    this.#p22 = Math.min((this.#p22 - gainFixed * py) / FORGETTING, INITIAL_VARIANCE);
    // Runs of one size alone leave the matrix nearly singular; a bounded cross term keeps it positive definite.
    const bound = Math.sqrt(Math.max(this.#p11 * this.#p22, 0)) * 0.9999;
    this.#p12 = Math.max(-bound, Math.min(bound, this.#p12));
  }

  /** The present estimate; never negative. */
  get estimate(): CostEstimate {
    return { fixedMs: Math.max(0, this.#fixed), msPerRow: Math.max(0, this.#perRow) };
  }
}

/** Mean time between arrivals, exponentially weighted; decides whether company is likely to come. */
export class ArrivalRate {
  #meanGapMs: number | null = null;
  #lastMs: number | null = null;

  /** Notes an arrival of one request. */
  observe(nowMs: number): void {
    if (this.#lastMs !== null) {
      const gapMs = nowMs - this.#lastMs;
      this.#meanGapMs = this.#meanGapMs === null ? gapMs : this.#meanGapMs * 0.9 + gapMs * 0.1;
    }
    this.#lastMs = nowMs;
  }

  /** Expected milliseconds to the next arrival; infinite before two have come. A silence counts at once. */
  expectedGapMs(nowMs: number): number {
    if (this.#meanGapMs === null || this.#lastMs === null) return Number.POSITIVE_INFINITY;
    return Math.max(this.#meanGapMs, nowMs - this.#lastMs);
  }
}
