// How much each parameter matters by itself: the share of the variance of the trials' ranks that bins of the parameter
// explain, one parameter at a time. Deliberately not functional ANOVA: it sees no interactions, and a parameter that only
// matters together with another may come out as nothing. Where a sampler has narrowed in on a region, it speaks about
// that region.
// Source: Kelley 1935, epsilon squared, on ranks as in Kruskal and Wallis 1952.
import { axisOf, indexOfValue, unitOf } from './axis.ts';
import type { Distribution, JsonValue } from './search-space.ts';
import type { Study } from './study.ts';

export interface ParameterImportance {
  readonly name: string;
  /** 0 … 1, chance already taken off; null when too few completed trials differ in the parameter. Shares need not add up to 1. */
  readonly share: number | null;
  /** Completed trials in which the parameter was active. */
  readonly trials: number;
}

/** Bins of about equal numbers of trials; four keep ten trials per bin where studies have forty. */
const MAX_BINS = 4;
const MIN_TRIALS = 10;

/** Importance of every parameter of the space, in its order; only completed trials count, as others' values do not compare. */
export function computeImportance(study: Study): readonly ParameterImportance[] {
  const completed = study.trials.filter(({ status }) => status === 'completed');
  return study.definition.space.parameters.map(({ name, distribution }) => {
    const samples = completed.flatMap(({ configuration, value }) => {
      const setting = configuration.get(name);
      return setting === undefined || value === null ? [] : [{ setting, value }];
    });
    return { name, share: explainedShare(samples, distribution), trials: samples.length };
  });
}

interface Sample {
  readonly setting: JsonValue;
  readonly value: number;
}

function explainedShare(samples: readonly Sample[], distribution: Distribution): number | null {
  if (samples.length < MIN_TRIALS) return null;
  const bins = binSamples(samples, distribution);
  if (bins.length < 2 || bins.length === samples.length) return null;
  const ranks = meanRanks(samples.map(({ value }) => value));
  const mean = (samples.length + 1) / 2;
  const total = ranks.reduce((sum, rank) => sum + (rank - mean) ** 2, 0);
  if (total === 0) return 0;
  const between = bins.reduce((sum, bin) => {
    const binMean = bin.reduce((s, i) => s + (ranks[i] ?? 0), 0) / bin.length;
    return sum + bin.length * (binMean - mean) ** 2;
  }, 0);
  const meanWithin = (total - between) / (samples.length - bins.length);
  return Math.max(0, (between - (bins.length - 1) * meanWithin) / total);
}

/** Groups of sample numbers: one per category, or quantiles of the numeric value that never part equal values. */
function binSamples(samples: readonly Sample[], distribution: Distribution): readonly (readonly number[])[] {
  const bins = new Map<number, number[]>();
  const put = (bin: number, i: number): void => {
    const members = bins.get(bin);
    if (members === undefined) bins.set(bin, [i]);
    else members.push(i);
  };
  if (axisOf(distribution).kind === 'categorical') {
    for (const [i, { setting }] of samples.entries()) put(indexOfValue(distribution, setting), i);
    return [...bins.values()];
  }
  const ranks = meanRanks(samples.map(({ setting }) => unitOf(distribution, setting)));
  for (const [i, rank] of ranks.entries()) put(Math.floor(((rank - 0.5) / samples.length) * MAX_BINS), i);
  return [...bins.values()];
}

/** Ranks from 1; equal values share the mean of theirs. */
function meanRanks(values: readonly number[]): readonly number[] {
  const order = [...values.keys()].sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to++;
    for (let k = from; k < to; k++) ranks[order[k] ?? 0] = (from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}
