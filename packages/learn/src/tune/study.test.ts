import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { parseStudyDefinition, type StudyDefinition } from './definition.ts';
import { parseJournal } from './journal.ts';
import { bestTrials, type RunStudyOptions, type RunTrial, runStudy, type StudyResult } from './run-study.ts';
import { configurationToJson } from './search-space.ts';
import { createStudy, resumeStudy, type Study } from './study.ts';
import { FakeClock } from './testing/fake-clock.ts';

const SPACE = {
  rate: { logUniform: [1e-4, 1] },
  layers: { integer: [1, 4] },
  optimiser: { choice: ['sgd', 'adam', 'lion'] },
  momentum: { uniform: [0, 0.99], when: { optimiser: 'sgd' } },
};

/** A training of nine epochs; some settings throw, some diverge, some return NaN. */
const train: RunTrial = async (trial, { report }) => {
  const { rate, layers, optimiser } = configurationToJson(trial.configuration);
  const floor = Math.abs(Math.log10(Number(rate)) + 2) + 0.1 * Number(layers);
  if (trial.index === 5) throw new Error('out of memory');
  for (let epoch = 1; epoch <= 9; epoch++) {
    await Promise.resolve();
    const value = floor + 1 / epoch + (optimiser === 'lion' ? 0.3 : 0);
    if (report(epoch, trial.index === 7 && epoch === 3 ? Number.NaN : value) === 'stop') return -1;
  }
  return trial.index === 9 ? Number.POSITIVE_INFINITY : floor;
};

function definitionWith(parts: object): StudyDefinition {
  return parseStudyDefinition({ space: SPACE, seed: 'study', ...parts });
}

interface Started {
  readonly study: Study;
  readonly lines: string[];
  readonly clock: FakeClock;
}

function start(definition: StudyDefinition): Started {
  const lines: string[] = [];
  const clock = new FakeClock();
  return { study: createStudy(definition, { clock, sink: (line) => lines.push(line) }), lines, clock };
}

function run(study: Study, options: Partial<RunStudyOptions> = {}): Promise<StudyResult> {
  return runStudy(study, { runTrial: train, maxTrials: 30, maxFailuresInRow: 30, ...options });
}

const SCHEDULERS: readonly object[] = [
  { kind: 'none' },
  { kind: 'asha', minResource: 1, maxResource: 9 },
  { kind: 'successiveHalving', minResource: 1, maxResource: 9 },
  { kind: 'median', minTrials: 3 },
];

for (const scheduler of SCHEDULERS) {
  const kind = 'kind' in scheduler ? String(scheduler.kind) : '';

  test(`runStudy (${kind}) gives the same journal for the same seed, another for another`, async () => {
    const journals: string[] = [];
    for (const seed of ['a', 'a', 'b']) {
      const { study, lines } = start(definitionWith({ scheduler, seed }));
      await run(study);
      journals.push(lines.slice(1).join('\n'));
    }
    assert.equal(journals[0], journals[1]);
    assert.notEqual(journals[0], journals[2]);
  });

  test(`resumeStudy (${kind}) ends with the same journal wherever the study was killed`, async () => {
    const definition = definitionWith({ scheduler, sampler: { kind: 'tpe', startupTrials: 5 } });
    const budget = { maxTrials: 16 };
    const whole = start(definition);
    await run(whole.study, budget);
    assert(whole.lines.length > 40);
    for (let kept = 1; kept <= whole.lines.length; kept++) {
      const lines = whole.lines.slice(0, kept);
      // A half-written line after the last whole one, as a kill leaves it.
      const torn = `${lines.join('\n')}\n${whole.lines[kept]?.slice(0, 9) ?? ''}`;
      const { events, validLength } = parseJournal(torn);
      assert.equal(validLength, lines.join('\n').length + 1);
      const study = resumeStudy(events, { clock: new FakeClock(), sink: (line) => lines.push(line) });
      await run(study, budget);
      assert.deepEqual(lines, whole.lines, `killed after ${kept} events`);
      assert.deepEqual(study.trials, whole.study.trials);
    }
  });
}

test('runStudy records why trials failed and goes on', async () => {
  const { study } = start(definitionWith({}));
  const { ended, best, trials } = await run(study);
  assert.equal(ended, 'trials');
  assert.deepEqual(
    trials.filter(({ status }) => status === 'failed').map(({ index, failure, value }) => [index, failure, value]),
    [
      [5, 'out of memory', null],
      [7, 'reported NaN at resource 3', null],
      [9, 'the objective is Infinity', null],
    ],
  );
  assert.equal(best?.value, Math.min(...trials.flatMap(({ value }) => value ?? [])));
});

test('runStudy ends after so many failures in a row, and a later run goes on', async () => {
  const { study } = start(definitionWith({}));
  const failing = await run(study, {
    maxFailuresInRow: 3,
    runTrial: async ({ index }) => {
      if (index !== 1) throw new AmaasError('INVALID_DATA', `no data for ${index}`);
      return index;
    },
  });
  assert.equal(failing.ended, 'failures');
  assert.deepEqual(
    failing.trials.map(({ failure }) => failure),
    [0, 1, 2, 3, 4].map((index) => (index === 1 ? null : `INVALID_DATA: no data for ${index}`)),
  );
  const later = await run(study, { maxTrials: 8, runTrial: async () => 1 });
  assert.equal(later.ended, 'trials');
  assert.equal(later.trials.length, 8);
});

test('runStudy maximises where asked', async () => {
  const { study } = start(definitionWith({ direction: 'maximise' }));
  const { best, trials } = await run(study, {
    runTrial: async ({ configuration }) => -Math.abs(Number(configuration.get('rate')) - 0.5),
  });
  assert.equal(best?.value, Math.max(...trials.map(({ value }) => value ?? Number.NEGATIVE_INFINITY)));
  assert(Math.abs(Number(best?.configuration.get('rate')) - 0.5) < 0.1);
});

test('runStudy keeps `parallel` trials going, tells them apart, and never runs more', async () => {
  const { study } = start(definitionWith({ sampler: { kind: 'tpe', startupTrials: 4 } }));
  let running = 0;
  let most = 0;
  const release: (() => void)[] = [];
  const result = run(study, {
    parallel: 4,
    maxTrials: 24,
    runTrial: async ({ configuration }) => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => release.push(resolve));
      running--;
      return Number(configuration.get('rate'));
    },
  });
  for (let turn = 0; turn < 200; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    release.splice(turn % 3, 1)[0]?.(); // in another order than started
    if (release.length === 1) release.pop()?.();
  }
  const { trials, ended } = await result;
  assert.equal(ended, 'trials');
  assert.equal(most, 4);
  assert.equal(new Set(trials.map(({ configuration }) => JSON.stringify([...configuration]))).size, 24);
});

test('runStudy ends when its time is up and stops running trials at their next report', async () => {
  const { study, clock } = start(definitionWith({}));
  const { ended, trials } = await run(study, {
    maxElapsedMs: 1000,
    runTrial: async (_trial, { report }) => {
      for (let epoch = 1; ; epoch++) {
        clock.advance(100);
        if (report(epoch, 1 / epoch) === 'stop') return 0;
        if (epoch === 4) return 0.25;
      }
    },
  });
  assert.equal(ended, 'time');
  assert.deepEqual(
    trials.map(({ status, value, startedMs, endedMs }) => [status, value, startedMs, endedMs]),
    [
      ['completed', 0.25, 0, 400],
      ['completed', 0.25, 400, 800],
      ['stopped', 0.5, 800, 1000],
    ],
  );
});

test('runStudy counts the time of earlier runs', async () => {
  const { study, lines, clock } = start(definitionWith({}));
  const runTrial: RunTrial = async () => {
    clock.advance(300);
    return 1;
  };
  await run(study, { maxTrials: 2, runTrial });
  clock.advance(5000); // the program is not running
  const resumed = resumeStudy(parseJournal(`${lines.join('\n')}\n`).events, {
    clock,
    sink: (line) => lines.push(line),
  });
  const { ended, trials } = await run(resumed, { maxElapsedMs: 1000, runTrial });
  assert.equal(ended, 'time');
  assert.deepEqual(
    trials.map(({ startedMs }) => startedMs),
    [0, 300, 600, 900],
  );
});

test('runStudy cancelled records nothing of the running trials, and a resume runs them again', async () => {
  const { study, lines } = start(definitionWith({}));
  const abort = new AbortController();
  const first = await run(study, {
    signal: abort.signal,
    parallel: 2,
    runTrial: async ({ index }, { report, signal }) => {
      assert.equal(report(1, index), 'continue');
      if (index < 3) return index;
      setImmediate(() => abort.abort());
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      assert.equal(report(2, 0), 'stop');
      if (index === 3) throw new Error('cancelled');
      return 42;
    },
  });
  assert.equal(first.ended, 'cancelled');
  assert.deepEqual(
    first.trials.map(({ status, reports }) => `${status} ${reports.length}`),
    ['completed 1', 'completed 1', 'completed 1', 'running 1', 'running 1'],
  );
  const resumed = resumeStudy(parseJournal(`${lines.join('\n')}\n`).events, { clock: new FakeClock(), sink: () => {} });
  const seen: unknown[] = [];
  const second = await run(resumed, {
    maxTrials: 6,
    runTrial: async ({ index, reports }) => {
      seen.push([index, reports.at(-1)?.resource ?? null]);
      return index;
    },
  });
  assert.deepEqual(seen, [
    [3, 1],
    [4, 1],
    [5, null],
  ]);
  assert.equal(second.trials.length, 6);
});

test('runStudy ends with what the sink throws, after the running trials have settled', async () => {
  for (const failAt of ['start', 'report', 'end']) {
    const clock = new FakeClock();
    let running = 0;
    const sink = (line: string): void => {
      if (line.includes(`"${failAt}"`) && line.includes('"trial":1')) throw new AmaasError('STORAGE_FULL', 'disk full');
    };
    const study = createStudy(definitionWith({}), { clock, sink });
    const result = run(study, {
      parallel: 2,
      runTrial: async (trial, { report }) => {
        running++;
        try {
          await new Promise((resolve) => setImmediate(resolve));
          report(1, trial.index);
          return 1;
        } finally {
          running--;
        }
      },
    });
    await assert.rejects(result, { reason: 'STORAGE_FULL' }, failAt);
    assert.equal(running, 0, failAt);
  }
});

test('Study does not take in what the sink did not take', () => {
  let full = false;
  const lines: string[] = [];
  const sink = (line: string): void => {
    if (full) throw new AmaasError('STORAGE_FULL', 'disk full');
    lines.push(line);
  };
  const study = createStudy(definitionWith({}), { clock: new FakeClock(), sink });
  full = true;
  assert.throws(() => study.ask(), { reason: 'STORAGE_FULL' });
  assert.equal(study.trials.length, 0);
  full = false;
  const asked = study.ask();
  assert(asked.kind === 'trial' && asked.trial.index === 0);
  assert.equal(lines.length, 2);
});

test('runStudy tries every configuration of a finite space once and says it is exhausted', async () => {
  const space = { a: { integer: [1, 3] }, b: { boolean: true }, c: { choice: ['x', 'y'], when: { b: true } } };
  for (const kind of ['random', 'quasiRandom', 'tpe', 'grid']) {
    const { study } = start(parseStudyDefinition({ space, sampler: { kind } }));
    const { ended, trials } = await run(study, {
      runTrial: async ({ configuration }) => Number(configuration.get('a')),
    });
    assert.equal(ended, 'exhausted', kind);
    assert.equal(trials.length, 9, kind);
    assert.equal(new Set(trials.map(({ configuration }) => JSON.stringify([...configuration]))).size, 9, kind);
  }
});

test('runStudy leaves a branch without parameters once it was tried', async () => {
  const space = { model: { choice: ['linear', 'ridge'] }, alpha: { logUniform: [0.01, 10], when: { model: 'ridge' } } };
  const { study } = start(parseStudyDefinition({ space }));
  const { trials } = await run(study, {
    runTrial: async ({ configuration }) => (configuration.get('model') === 'linear' ? 0 : 1),
  });
  assert.equal(trials.length, 30);
  assert.equal(trials.filter(({ configuration }) => configuration.get('model') === 'linear').length, 1);
});

test('Study refuses reports and outcomes that cannot be', () => {
  const { study, lines } = start(definitionWith({}));
  assert.equal(study.ask().kind, 'trial');
  study.report(0, { resource: 2, value: 1 });
  const written = lines.length;
  const refused = (action: () => unknown, message: RegExp): void =>
    assert.throws(action, { reason: 'INVALID_ARGUMENT', message });
  refused(() => study.report(0, { resource: 2, value: 1 }), /trial 0 reports at resource 2, expected a number above 2/);
  refused(() => study.report(0, { resource: Number.NaN, value: 1 }), /resource NaN/);
  refused(() => study.report(1, { resource: 1, value: 1 }), /there is no trial 1/);
  assert.equal(lines.length, written);
  study.tell(0, { value: 3 });
  refused(() => study.tell(0, { value: 3 }), /trial 0 has ended \(completed\)/);
});

test('runStudy refuses a budget that is none', async () => {
  const { study } = start(definitionWith({}));
  const refused = (options: object, message: RegExp): Promise<void> =>
    assert.rejects(runStudy(study, { runTrial: train, ...options }), { reason: 'INVALID_ARGUMENT', message });
  await refused({}, /needs maxTrials or maxElapsedMs/);
  await refused({ maxTrials: 0 }, /maxTrials must be a whole number ≥ 1, got 0/);
  await refused({ maxTrials: 1, parallel: 1.5 }, /parallel .* got 1.5/);
  await refused({ maxElapsedMs: Number.NaN }, /maxElapsedMs must be above 0, got NaN/);
});

test('bestTrials puts completed trials before stopped ones, and those by how far they got', () => {
  const { study } = start(definitionWith({}));
  const end = (resource: number, { value, stop }: { value: number; stop: boolean }): void => {
    const asked = study.ask();
    assert(asked.kind === 'trial');
    study.report(asked.trial.index, { resource, value, mustStop: stop });
    study.tell(asked.trial.index, { value });
  };
  end(1, { value: 0.1, stop: true });
  end(9, { value: 0.8, stop: false });
  end(3, { value: 0.5, stop: true });
  end(3, { value: 0.4, stop: true });
  end(9, { value: 0.7, stop: false });
  assert.deepEqual(
    bestTrials(study, 4).map(({ index }) => index),
    [4, 1, 3, 2],
  );
});

test('parseJournal and resumeStudy refuse what is no journal of this study', async () => {
  const { study, lines } = start(definitionWith({}));
  await run(study, { maxTrials: 2 });
  const text = `${lines.join('\n')}\n`;
  const changed = (from: string, to: string): string => text.replace(from, to);
  const refused = (journal: string, expected: object): void =>
    assert.throws(
      () => resumeStudy(parseJournal(journal).events, { clock: new FakeClock(), sink: () => {} }),
      expected,
    );
  refused('', { reason: 'INVALID_CHECKPOINT', message: /does not open a study/ });
  refused(text.slice(text.indexOf('\n') + 1), { reason: 'INVALID_DATA', message: /line 1 does not open a study/ });
  refused(changed('"format":1', '"format":2'), { reason: 'INVALID_DATA', message: /line 1 has format 2/ });
  refused(changed('{"event":"report"', '{"event":"resort"'), {
    reason: 'INVALID_DATA',
    message: /line 3 has the unknown event "resort"/,
  });
  refused(changed('"decision":"continue"', '"decision":"pause"'), {
    reason: 'INVALID_DATA',
    message: /line 3 has no decision/,
  });
  refused(changed('"rate":', '"fate":'), { reason: 'INVALID_DATA' });
  refused(changed('\n{', '\n<'), { reason: 'INVALID_DATA', message: /line 2 is not a JSON object/ });
  refused(changed('"trial":0', '"trial":1'), { reason: 'INVALID_CHECKPOINT', message: /starts trial 1 out of order/ });
  refused(`${text}${lines.at(-1)}\n`, {
    reason: 'INVALID_CHECKPOINT',
    message: /goes on with trial 1, which is not running/,
  });
  refused(`${text}${lines[0]}\n`, { reason: 'INVALID_DATA', message: /opens a second study/ });
  const other = definitionWith({ seed: 'other' });
  assert.throws(() => resumeStudy(parseJournal(text).events, { clock: new FakeClock(), sink: () => {} }, other), {
    reason: 'INVALID_CHECKPOINT',
    message: /another definition/,
  });
});

test('formatEvent writes ASCII, and names of any script come back', () => {
  const lines: string[] = [];
  const definition = parseStudyDefinition({ space: { größe: { choice: ['élan', '日本', '\u2028'] } } });
  const study = createStudy(definition, { clock: new FakeClock(), sink: (line) => lines.push(line) });
  study.ask();
  assert(lines.every((line) => /^[\x20-\x7e]*$/.test(line)));
  const { events } = parseJournal(`${lines.join('\n')}\n`);
  const resumed = resumeStudy(events, { clock: new FakeClock(), sink: () => {} });
  assert.deepEqual(resumed.trials, study.trials);
});

test('parseStudyDefinition names the field and the fault', () => {
  const faults: readonly (readonly [object, RegExp])[] = [
    [{ direction: 'up' }, /direction is minimise or maximise, got "up"/],
    [{ seed: 1.5 }, /seed is text or a whole number, got 1.5/],
    [{ seeds: 1 }, /study: does not know "seeds"/],
    [{ sampler: { kind: 'bayes' } }, /sampler: kind is one of random, quasiRandom, grid, tpe, got "bayes"/],
    [
      { sampler: { kind: 'tpe', goodFraction: 0.9 } },
      /sampler tpe: goodFraction is a number from 0.001 to 0.5, got 0.9/,
    ],
    [{ sampler: { kind: 'grid' } }, /grid: "rate" is continuous/],
    [{ scheduler: { kind: 'asha', minResource: 1 } }, /scheduler asha: needs minResource and maxResource/],
    [{ scheduler: { kind: 'asha', minResource: 9, maxResource: 9 } }, /needs minResource < maxResource, got 9 and 9/],
    [
      { scheduler: { kind: 'asha', minResource: 1, maxResource: 9, cohort: 3 } },
      /scheduler asha: does not know "cohort"/,
    ],
    [
      { scheduler: { kind: 'successiveHalving', minResource: 1e-9, maxResource: 1e15 } },
      /give a cohort or fewer rungs/,
    ],
  ];
  for (const [parts, message] of faults) {
    assert.throws(() => definitionWith(parts), { reason: 'INVALID_CONFIG', message });
  }
});
