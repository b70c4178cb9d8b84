// TPE against random search and against Optuna at equal budgets. testing/optuna-regrets.json holds, sorted, how far the
// best of 80 trials was from the minimum in 40 studies each of optuna 5.0.0: RandomSampler(seed=0 … 39) and
// TPESampler(seed=0 … 39) with its defaults, on the functions of testing/objectives.ts written in Python.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseStudyDefinition } from './definition.ts';
import { searchSpaceToJson } from './parse-space.ts';
import { runStudy } from './run-study.ts';
import { createStudy } from './study.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { OBJECTIVES, type TestObjective } from './testing/objectives.ts';

const TRIALS = 80;
const SEEDS = 32;

interface OptunaRegrets {
  readonly trials: number;
  readonly regrets: { readonly [S in 'random' | 'tpe']: { readonly [objective: string]: readonly number[] } };
}

// Our own fixture, with the fields its comment above names.
const optuna = JSON.parse(
  readFileSync(new URL('testing/optuna-regrets.json', import.meta.url), 'utf8'),
) as OptunaRegrets;

/** How far the best of a study's trials is from the minimum, for each seed. */
async function regrets(objective: TestObjective, sampler: object, parallel = 1): Promise<readonly number[]> {
  const found: number[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const definition = parseStudyDefinition({ space: searchSpaceToJson(objective.space), sampler, seed });
    const study = createStudy(definition, { clock: new FakeClock(), sink: () => {} });
    const { best } = await runStudy(study, {
      maxTrials: TRIALS,
      parallel,
      runTrial: async ({ configuration, index }) => {
        for (let turn = 0; turn < index % 7; turn++) await Promise.resolve();
        return objective.evaluate(configuration);
      },
    });
    found.push((best?.value ?? Number.POSITIVE_INFINITY) - objective.minimum);
  }
  return found;
}

for (const objective of OBJECTIVES) {
  let randomRegrets: Promise<readonly number[]> | null = null;
  const regretsOfRandom = (): Promise<readonly number[]> => {
    randomRegrets ??= regrets(objective, { kind: 'random' });
    return randomRegrets;
  };
  const optunaRandom = optuna.regrets.random[objective.name] ?? [];
  const optunaTpe = optuna.regrets.tpe[objective.name] ?? [];

  test(`TPE beats random search on ${objective.name} and is as good as Optuna's`, async () => {
    assert.equal(optuna.trials, TRIALS);
    const random = await regretsOfRandom();
    const tpe = await regrets(objective, { kind: 'tpe' });
    const shown = `random ${summary(random)}, TPE ${summary(tpe)}, Optuna ${summary(optunaRandom)} and ${summary(optunaTpe)}`;
    // The same function and the same meaning of random on both sides, or nothing here compares.
    assert(Math.abs(rankScore(random, optunaRandom)) < 3, shown);
    assert(rankScore(tpe, random) < -4, shown);
    assert(rankScore(tpe, optunaTpe) < 2, shown);
  });

  test(`TPE with eight trials at once beats random search on ${objective.name}`, async () => {
    const random = await regretsOfRandom();
    const tpe = await regrets(objective, { kind: 'tpe' }, 8);
    assert(rankScore(tpe, random) < -3.5, `random ${summary(random)}, TPE ${summary(tpe)}`);
  });
}

/** Mann–Whitney: standard deviations by which the ranks of `a` lie above (worse than) those of `b`. */
function rankScore(a: readonly number[], b: readonly number[]): number {
  const wins = a.reduce((sum, x) => sum + b.reduce((s, y) => s + (x > y ? 1 : x === y ? 0.5 : 0), 0), 0);
  const pairs = a.length * b.length;
  return (wins - pairs / 2) / Math.sqrt((pairs * (a.length + b.length + 1)) / 12);
}

function summary(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  return `${mean.toFixed(3)} ± ${(deviation / Math.sqrt(values.length)).toFixed(3)}`;
}
