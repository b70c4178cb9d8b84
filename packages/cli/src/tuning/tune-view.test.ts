// What is shown of a study while it runs: a table in place for people, a line per trial elsewhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TuneTableEvent } from '@amaas/learn/pipelines';
import type { StudyTable, StudyTableRow } from '@amaas/learn/tune';
import { createTerminal } from '../terminal.ts';
import { createTuneView, type TuneView } from './tune-view.ts';

function row(trial: number, parts: Partial<StudyTableRow>): StudyTableRow {
  return {
    trial,
    promotedFrom: null,
    status: 'running',
    value: null,
    resource: null,
    elapsedMs: 1000,
    values: [0.25],
    failure: null,
    ...parts,
  };
}

function table(...rows: readonly StudyTableRow[]): Extract<TuneTableEvent, { kind: 'study' }> {
  const counts = { running: 0, completed: 0, stopped: 0, failed: 0 };
  for (const { status } of rows) counts[status]++;
  const best = rows.find(({ status }) => status === 'completed') ?? null;
  const shown: StudyTable = { parameters: ['dropout'], rows, counts, best, elapsedMs: 1000 };
  return { kind: 'study', table: shown };
}

function makeView(isTTY: boolean): { view: TuneView; written: () => string; passTime: (ms: number) => void } {
  let text = '';
  let nowMs = 0;
  const stderr = { write: (part: string) => (text += part), isTTY, columns: 40 };
  const terminal = createTerminal({ stdout: { write: () => {} }, stderr });
  return {
    view: createTuneView({ terminal, stderr, clock: { nowMs: () => nowMs }, maxTrials: 5 }),
    written: () => text,
    passTime: (ms) => {
      nowMs += ms;
    },
  };
}

test('createTuneView writes a line for every trial that ended, where nobody watches', () => {
  const { view, written } = makeView(false);
  const first = row(0, { status: 'completed', value: 0.51, resource: 40 });
  view.show(table(row(0, {})));
  view.show(table(first, row(1, {}), row(2, {})));
  const diverged = row(2, { status: 'failed', resource: 1, failure: 'TRAINING_DIVERGED: NaN' });
  view.show(table(first, row(1, { status: 'stopped', value: 0.8123456, resource: 5 }), diverged));
  assert.deepEqual(written().split('\n'), [
    'trial 0 (1 of 5) completed at epoch 40: 0.51; best 0.51, trial 0',
    'trial 1 (2 of 5) stopped at epoch 5: 0.8123; best 0.51, trial 0',
    'trial 2 (3 of 5) failed at epoch 1: TRAINING_DIVERGED: NaN; best 0.51, trial 0',
    '',
  ]);
});

test('createTuneView does not tell again what an earlier run has told', () => {
  const { view, written } = makeView(false);
  const before = [0, 1].map((trial) => row(trial, { status: 'completed', value: 0.5, resource: 40 }));
  view.show(table(...before, row(2, {})));
  view.show(table(...before, row(2, { status: 'stopped', value: 0.7, resource: 5 })));
  assert.equal(
    written()
      .split('\n')
      .filter((line) => line.startsWith('trial 0')).length,
    0,
  );
  assert.match(written(), /^trial 2 \(3 of 5\) stopped/m);
});

test('createTuneView draws the table in place of the one before, cut to the window, and removes it', () => {
  const { view, written, passTime } = makeView(true);
  view.show(table(row(0, {})));
  passTime(50);
  view.show(table(row(0, { value: 0.9, resource: 1 }))); // quicker than eyes
  passTime(60);
  view.show(table(row(0, { value: 0.8, resource: 2 }), row(1, {})));
  const drawn = written();
  assert.equal(drawn.split('\u001b[3A\r\u001b[J').length, 2, 'three lines are replaced once');
  assert.ok(drawn.includes('0.8') && !drawn.includes('0.9'));
  for (const line of drawn.split('\n')) assert.ok((line.split('\u001b[J').at(-1)?.length ?? 0) < 40, line);
  view.clear();
  assert.ok(written().endsWith('\u001b[4A\r\u001b[J'));
});
