// The Tree-structured Parzen Estimator: models where good and where bad configurations lie and tries next what is likely
// among the good and unlikely among the bad. Parameters with the same conditions are chosen together, parents first, so
// that branches compete by themselves and not by how well their own parameters happen to be known.
// Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization", sections 4 and 5 (expected improvement
// rises with the ratio of the two densities).
import type { Random } from '../statistics/index.ts';
import { createParzenEstimate } from './parzen.ts';
import type { Sampler } from './sampler.ts';
import { type Configuration, isActive, type JsonValue, type Parameter, type SearchSpace } from './search-space.ts';
import { createQuasiRandomSampler } from './simple-samplers.ts';
import { type Direction, rankTrials, supersededTrials, type TrialRecord } from './trial.ts';

export interface TpeOptions {
  readonly space: SearchSpace;
  readonly direction: Direction;
  /** Only forked, never drawn from. */
  readonly random: Random;
  /** Trials with a value before the model is used; quasi-random until then. */
  readonly startupTrials: number;
  /** Configurations drawn from the good density, of which the best ratio wins. */
  readonly candidates: number;
  /** The part of the trials that counts as good; at most {@link MAX_GOOD_TRIALS} do. */
  readonly goodFraction: number;
}

/** Beyond this many the good trials would stop getting closer to the optimum. Source: hyperopt and Optuna alike. */
const MAX_GOOD_TRIALS = 25;

/**
 * A sampler that learns from the trials. Failed trials count as bad, and so do running ones (a "constant liar"), which
 * keeps parallel trials apart.
 */
export function createTpeSampler(options: TpeOptions): Sampler {
  const { space, direction, random } = options;
  const startup = createQuasiRandomSampler(space, random.fork('startup'));
  const groups = groupByConditions(space);
  return {
    ask(request) {
      const superseded = supersededTrials(request.trials);
      const trials = request.trials.filter(({ index }) => !superseded.has(index));
      const ranked = rankTrials(trials, direction);
      if (ranked.length < options.startupTrials) return startup.ask(request);
      const goodCount = Math.min(MAX_GOOD_TRIALS, Math.ceil(options.goodFraction * ranked.length));
      const good = new Set<TrialRecord>(ranked.slice(0, goodCount));
      const bad = trials.filter((trial) => !good.has(trial));
      const drawn = random.fork('tpe', request.index, request.attempt);
      const configuration = new Map<string, JsonValue>();
      for (const group of groups) {
        const [first] = group;
        if (first === undefined || !isActive(first, configuration)) continue;
        const values = chooseValues(group, {
          good: activeConfigurations([...good], first.name),
          bad: activeConfigurations(bad, first.name),
          candidates: options.candidates,
          random: drawn,
        });
        for (const [i, { name }] of group.entries()) configuration.set(name, values[i] ?? null);
      }
      // In the order of the space, as every configuration is.
      return new Map(space.parameters.flatMap(({ name }) => [...entryOf(configuration, name)]));
    },
  };
}

interface GroupChoice {
  readonly good: readonly Configuration[];
  readonly bad: readonly Configuration[];
  readonly candidates: number;
  readonly random: Random;
}

function chooseValues(
  group: readonly Parameter[],
  { good, bad, candidates, random }: GroupChoice,
): readonly JsonValue[] {
  const goodEstimate = createParzenEstimate(group, good);
  const badEstimate = createParzenEstimate(group, bad);
  let best: readonly JsonValue[] = [];
  let bestRatio = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < candidates; i++) {
    const values = goodEstimate.sample(random);
    const ratio = goodEstimate.density(values) / badEstimate.density(values);
    if (ratio > bestRatio) {
      bestRatio = ratio;
      best = values;
    }
  }
  return best;
}

function activeConfigurations(trials: readonly TrialRecord[], name: string): readonly Configuration[] {
  return trials.map(({ configuration }) => configuration).filter((configuration) => configuration.has(name));
}

function entryOf(configuration: Configuration, name: string): readonly (readonly [string, JsonValue])[] {
  const value = configuration.get(name);
  return value === undefined ? [] : [[name, value]];
}

/** Parameters that are always active together; parents' groups come before their children's. */
function groupByConditions(space: SearchSpace): readonly (readonly Parameter[])[] {
  const groups = new Map<string, Parameter[]>();
  for (const parameter of space.parameters) {
    const key = JSON.stringify(parameter.conditions);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [parameter]);
    else group.push(parameter);
  }
  return [...groups.values()];
}
