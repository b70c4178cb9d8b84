import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStudyDefinition } from './definition.ts';
import { createAshaScheduler, rungResources } from './halving.ts';
import { createMedianStopping } from './median-stopping.ts';
import { runStudy, type StudyResult } from './run-study.ts';
import { createStudy } from './study.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { createLearningCurves } from './testing/learning-curves.ts';
import type { TrialRecord, TrialReport } from './trial.ts';

function trial(index: number, reports: readonly (readonly [resource: number, value: number])[]): TrialRecord {
  return {
    index,
    configuration: new Map(),
    promotedFrom: null,
    status: 'running',
    reports: reports.map(([resource, value]): TrialReport => ({ resource, value, decision: 'continue' })),
    value: null,
    failure: null,
    startedMs: 0,
    endedMs: null,
  };
}

test('rungResources grow by the factor and end below the greatest resource', () => {
  assert.deepEqual(rungResources({ minResource: 1, maxResource: 81, reductionFactor: 3 }), [1, 3, 9, 27]);
  assert.deepEqual(rungResources({ minResource: 2, maxResource: 17, reductionFactor: 4 }), [2, 8]);
});

test('AshaScheduler lets the best third past a rung, by what they reported there and not later', () => {
  const asha = createAshaScheduler({ direction: 'minimise', minResource: 1, maxResource: 27, reductionFactor: 3 });
  const at = (value: number, rivals: readonly number[]): string => {
    const trials = [
      ...rivals.map((rival, i) =>
        trial(i, [
          [1, rival],
          [2, -5],
        ]),
      ),
      trial(rivals.length, []),
    ];
    return asha.decide({ trials, trial: trials.at(-1) ?? trial(0, []), resource: 1, value });
  };
  assert.equal(at(0.7, []), 'continue'); // the first has no rival
  assert.equal(at(0.7, [0.8]), 'continue');
  assert.equal(at(0.7, [0.6]), 'stop');
  // Six at the rung: two may pass.
  assert.equal(at(0.4, [0.3, 0.5, 0.6, 0.7, 0.8]), 'continue');
  assert.equal(at(0.55, [0.3, 0.5, 0.6, 0.7, 0.8]), 'stop');
  assert.equal(at(0.4, [Number.NEGATIVE_INFINITY, 0.3, 0.6, 0.7, 0.8]), 'continue'); // one that diverged lost to all
});

test('AshaScheduler compares at rungs only, and at each rung that a coarse report skipped over', () => {
  const asha = createAshaScheduler({ direction: 'maximise', minResource: 1, maxResource: 100, reductionFactor: 4 });
  const trials = [
    trial(0, [
      [1, 0.9],
      [4, 0.95],
    ]),
    trial(1, [[1, 0.5]]),
    trial(2, []),
  ];
  const decide = (index: number, resource: number, value: number): string =>
    asha.decide({ trials, trial: trials[index] ?? trial(index, []), resource, value });
  assert.equal(decide(1, 3, 0.1), 'continue'); // between rungs
  assert.equal(decide(1, 4, 0.96), 'continue');
  assert.equal(decide(1, 5, 0.94), 'stop');
  assert.equal(decide(2, 5, 0.94), 'stop'); // fine at rung 1, worse than trial 0 at rung 4
  assert.equal(decide(2, 5, 0.96), 'continue');
  assert.equal(decide(0, 99, -1), 'continue'); // nobody else got to rungs 16 and 64
});

test('MedianStopping stops what is worse than the median of the running means', () => {
  const median = createMedianStopping({ direction: 'minimise', minResource: 2, minTrials: 3 });
  const completed = (index: number, reports: readonly (readonly [number, number])[]): TrialRecord => ({
    ...trial(index, reports),
    status: 'completed',
    value: 0,
  });
  // Running means at resource 2: 0.75, 0.6, 0.9; median 0.75. What happens at resource 3 does not count.
  const others = [
    completed(0, [
      [1, 1],
      [2, 0.5],
      [3, 0],
    ]),
    completed(1, [
      [1, 0.8],
      [2, 0.4],
      [3, 9],
    ]),
    completed(2, [
      [1, 1],
      [2, 0.8],
      [3, 0.1],
    ]),
  ];
  const own = trial(3, [[1, 0.9]]);
  const decide = (trials: readonly TrialRecord[], resource: number, value: number): string =>
    median.decide({ trials: [...trials, own], trial: own, resource, value });
  assert.equal(decide(others, 2, 0.76), 'stop');
  assert.equal(decide(others, 2, 0.74), 'continue');
  assert.equal(decide(others, 1.5, 5), 'continue'); // before minResource
  assert.equal(decide(others.slice(1), 2, 5), 'continue'); // too few to compare with
  assert.equal(decide(others, 4, 5), 'continue'); // nobody got that far
});

const ARMS = 64;
const EPOCHS = 27;

interface Race {
  readonly epochs: number;
  readonly regret: number;
  readonly result: StudyResult;
}

/** Runs all arms of a family under a scheduler; counts the epochs paid for and how far the winner's floor is from the best. */
async function race(scheduler: object, family: number, parallel = 1): Promise<Race> {
  const curves = createLearningCurves(ARMS, `family ${family}`);
  const definition = parseStudyDefinition({
    space: { arm: { integer: [0, ARMS - 1] } },
    sampler: { kind: 'random' },
    seed: family,
    scheduler,
  });
  const study = createStudy(definition, { clock: new FakeClock(), sink: () => {} });
  let epochs = 0;
  const result = await runStudy(study, {
    maxTrials: 'kind' in scheduler && scheduler.kind === 'successiveHalving' ? 27 + 9 + 3 + 1 : ARMS,
    parallel,
    runTrial: async ({ index, configuration, promotedFrom }, { report }) => {
      const curve = curves[Number(configuration.get('arm'))];
      assert(curve !== undefined);
      const from = promotedFrom === null ? 0 : (study.trials[promotedFrom]?.reports.at(-1)?.resource ?? 0);
      for (let epoch = from + 1; epoch <= EPOCHS; epoch++) {
        for (let turn = 0; turn <= index % 5; turn++) await Promise.resolve(); // some are slower
        epochs++;
        if (report(epoch, curve.lossAt(epoch)) === 'stop') return 0;
      }
      return curve.lossAt(EPOCHS);
    },
  });
  const best = curves[Number(result.best?.configuration.get('arm'))];
  return { epochs, regret: (best?.floor ?? 1) - Math.min(...curves.map(({ floor }) => floor)), result };
}

test('AshaScheduler finds nearly the best of 64 learning curves for a sixth of the epochs', async () => {
  const families = Array.from({ length: 20 }, (_, family) => family);
  for (const parallel of [1, 8]) {
    const races = await Promise.all(
      families.map((family) => race({ kind: 'asha', minResource: 1, maxResource: EPOCHS }, family, parallel)),
    );
    const share = mean(races.map(({ epochs }) => epochs)) / (ARMS * EPOCHS);
    const regret = mean(races.map((each) => each.regret));
    // Floors are uniform over 0.8: the same epochs spent on k whole trainings would leave 0.8/(k + 1) − 0.8/65.
    const sameEpochsRegret = 0.8 / (share * ARMS + 1) - 0.8 / (ARMS + 1);
    assert(share < 1 / 6, `${share} of the epochs`);
    assert(regret < 0.5 * sameEpochsRegret, `regret ${regret}, whole trainings ${sameEpochsRegret}`);
  }
});

test('MedianStopping saves epochs and keeps the winner', async () => {
  const races = await Promise.all(
    Array.from({ length: 20 }, (_, family) => race({ kind: 'median', minResource: 3 }, family)),
  );
  const share = mean(races.map(({ epochs }) => epochs)) / (ARMS * EPOCHS);
  const regret = mean(races.map((each) => each.regret));
  assert(share < 0.6, `${share} of the epochs`);
  assert(regret < 0.01, `regret ${regret}`);
});

test('SuccessiveHalvingScheduler runs 27, 9, 3 and 1 trials to 1, 3, 9 and 27 epochs, the best of each round', async () => {
  for (const parallel of [1, 5]) {
    const { epochs, regret, result } = await race(
      { kind: 'successiveHalving', minResource: 1, maxResource: EPOCHS },
      3,
      parallel,
    );
    const rounds = [
      result.trials.slice(0, 27),
      result.trials.slice(27, 36),
      result.trials.slice(36, 39),
      result.trials.slice(39),
    ];
    assert.deepEqual(
      rounds.map((round) => new Set(round.map((each) => `${each.status} ${each.reports.at(-1)?.resource}`))),
      [new Set(['stopped 1']), new Set(['stopped 3']), new Set(['stopped 9']), new Set(['completed 27'])],
    );
    for (const [i, round] of rounds.entries()) {
      const next = rounds[i + 1];
      if (next === undefined) continue;
      const bestFirst = [...round].sort((a, b) => (a.value ?? 0) - (b.value ?? 0)).slice(0, next.length);
      assert.deepEqual(
        next.map(({ promotedFrom }) => promotedFrom),
        bestFirst.map(({ index }) => index),
      );
    }
    assert.equal(epochs, 27 * 1 + 9 * 2 + 3 * 6 + 1 * 18); // with checkpoints, lower rungs are paid once
    assert(regret < 0.2);
  }
});

test('SuccessiveHalvingScheduler begins the next cohort when failures leave nothing to promote', async () => {
  const definition = parseStudyDefinition({
    space: { x: { uniform: [0, 1] } },
    sampler: { kind: 'random' },
    scheduler: { kind: 'successiveHalving', minResource: 1, maxResource: 3, cohort: 3 },
  });
  const study = createStudy(definition, { clock: new FakeClock(), sink: () => {} });
  const { trials } = await runStudy(study, {
    maxTrials: 8,
    runTrial: async ({ index }, { report }) => {
      if (index < 3) throw new Error('no memory');
      report(1, index);
      return index;
    },
  });
  assert.deepEqual(
    trials.map(({ status, promotedFrom }) => [status, promotedFrom]),
    [
      ...[0, 1, 2].map(() => ['failed', null]),
      ...[3, 4, 5].map(() => ['stopped', null]),
      ['completed', 3],
      ['stopped', null],
    ],
  );
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
