import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { parseSearchSpace } from './parse-space.ts';
import type { Configuration } from './search-space.ts';
import { createTpeSampler } from './tpe.ts';
import type { Direction, TrialRecord, TrialStatus } from './trial.ts';

const SPACE = parseSearchSpace({ x: { uniform: [0, 1] }, kind: { choice: ['a', 'b'] } });

interface Given {
  readonly x: number;
  readonly kind?: string;
  readonly value?: number;
  readonly status?: TrialStatus;
  readonly resource?: number;
  readonly promotedFrom?: number;
}

function trials(given: readonly Given[]): readonly TrialRecord[] {
  return given.map(({ x, kind = 'a', value, status = 'completed', resource, promotedFrom }, index) => ({
    index,
    configuration: new Map<string, string | number>([
      ['x', x],
      ['kind', kind],
    ]),
    promotedFrom: promotedFrom ?? null,
    status,
    reports: resource === undefined ? [] : [{ resource, value: value ?? 0, decision: 'stop' }],
    value: value ?? null,
    failure: null,
    startedMs: 0,
    endedMs: 0,
  }));
}

/** Forty suggestions for the same history; attempts differ in their draws only. */
function suggest(history: readonly TrialRecord[], direction: Direction = 'minimise'): readonly Configuration[] {
  const sampler = createTpeSampler({
    space: SPACE,
    direction,
    random: createRandom('tpe'),
    startupTrials: 4,
    candidates: 24,
    goodFraction: 0.25,
  });
  return Array.from({ length: 40 }, (_, attempt) => {
    const suggested = sampler.ask({ trials: history, index: history.length, attempt });
    assert(suggested !== null);
    return suggested;
  });
}

function share(configurations: readonly Configuration[], holds: (x: number, kind: unknown) => boolean): number {
  return configurations.filter((each) => holds(Number(each.get('x')), each.get('kind'))).length / configurations.length;
}

/** A ramp of sixteen trials that is lowest at x = 0. */
const RAMP: readonly Given[] = Array.from({ length: 16 }, (_, i) => ({
  x: (i + 0.5) / 16,
  value: i,
  kind: i % 2 === 0 ? 'a' : 'b',
}));

test('TpeSampler goes where the good trials are, in the direction asked', () => {
  assert(share(suggest(trials(RAMP)), (x) => x < 0.3) > 0.9);
  assert(share(suggest(trials(RAMP), 'maximise'), (x) => x > 0.7) > 0.9);
});

test('TpeSampler prefers the category of the good trials', () => {
  const given = RAMP.map((trial, i) => ({ ...trial, kind: i < 4 ? 'b' : 'a' }));
  assert(share(suggest(trials(given)), (_x, kind) => kind === 'b') > 0.9);
});

test('TpeSampler keeps away from running and from failed trials', () => {
  // Good trials lie at both ends; a third of the range at the left is already being tried, or has failed.
  const ends = RAMP.map(({ x }) => ({ x, value: -Math.abs(x - 0.5) }));
  assert(Math.abs(share(suggest(trials(ends)), (x) => x < 0.5) - 0.5) < 0.35);
  for (const status of ['running', 'failed'] as const) {
    const left = Array.from({ length: 6 }, (_, i): Given => ({ x: 0.01 + 0.04 * i, status }));
    assert(share(suggest(trials([...ends, ...left])), (x) => x < 0.5) < 0.15, status);
  }
});

test('TpeSampler takes trials that got further for better, and of a promoted one only its last run', () => {
  // Stopped trials: those at the right reached resource 9, those at the left have lower values at resource 1.
  const stopped = RAMP.map(({ x }): Given => ({ x, value: x, status: 'stopped', resource: x > 0.7 ? 9 : 1 }));
  assert(share(suggest(trials(stopped)), (x) => x > 0.6) > 0.9);
  // The four best at the left were run again and turned out worst.
  const promoted = RAMP.slice(0, 4).map(
    ({ x }, i): Given => ({ x, value: 100, promotedFrom: i, status: 'stopped', resource: 1 }),
  );
  const again = [...RAMP.map((trial): Given => ({ ...trial, status: 'stopped', resource: 1 })), ...promoted];
  assert(share(suggest(trials(again)), (x) => x < 0.24) < 0.1);
});

test('TpeSampler answers the same request alike, whatever it was asked in between', () => {
  const history = trials(RAMP);
  const sampler = createTpeSampler({
    space: SPACE,
    direction: 'minimise',
    random: createRandom('again'),
    startupTrials: 4,
    candidates: 24,
    goodFraction: 0.1,
  });
  const first = sampler.ask({ trials: history, index: 16, attempt: 0 });
  sampler.ask({ trials: history.slice(0, 9), index: 9, attempt: 2 });
  assert.deepEqual(sampler.ask({ trials: history, index: 16, attempt: 0 }), first);
  assert.notDeepEqual(sampler.ask({ trials: history, index: 16, attempt: 1 }), first);
});
