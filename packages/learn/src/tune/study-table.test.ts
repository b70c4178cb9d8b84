import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStudyDefinition } from './definition.ts';
import { createStudy, type Study } from './study.ts';
import { formatStudyTable, studyTable } from './study-table.ts';
import { FakeClock } from './testing/fake-clock.ts';

function exampleStudy(): Study {
  const space = {
    rate: { choice: [0.1, 0.001234567] },
    note: { choice: ['adam w', 'sgd'] },
    deep: { boolean: true, when: { note: 'sgd' } },
  };
  const clock = new FakeClock();
  const study = createStudy(parseStudyDefinition({ space, sampler: { kind: 'grid' } }), { clock, sink: () => {} });
  study.ask();
  clock.advance(1234);
  study.report(0, { resource: 1, value: 0.5 });
  study.tell(0, { value: 0.123456789 });
  study.ask();
  clock.advance(61_000);
  study.tell(1, { failure: 'out of \x1b[31mmemory\nat somewhere' });
  study.ask();
  study.report(2, { resource: 3, value: 0.7, mustStop: true });
  study.tell(2, { value: 0 });
  study.ask();
  study.report(3, { resource: 2, value: 0.25 });
  clock.advance(500);
  return study;
}

test('studyTable gives plain rows that survive JSON', () => {
  const table = studyTable(exampleStudy());
  assert.deepEqual(JSON.parse(JSON.stringify(table)), table);
  assert.deepEqual(table.counts, { running: 1, completed: 1, stopped: 1, failed: 1 });
  assert.equal(table.best, table.rows[0]);
  assert.deepEqual(table.rows[3], {
    trial: 3,
    promotedFrom: null,
    status: 'running',
    value: 0.25,
    resource: 2,
    elapsedMs: 500,
    values: [0.001234567, 'adam w', null],
    failure: null,
  });
});

test('formatStudyTable aligns columns, marks the best and keeps a failure to one line', () => {
  assert.equal(
    formatStudyTable(studyTable(exampleStudy())),
    [
      '4 trials, 1 completed, 1 stopped, 1 failed, 1 running, 1 min 3 s, best 0.12346',
      '   trial  status     value    resource  time       rate       note      deep',
      '*  0      completed  0.12346  1         1.2 s      0.1        "adam w"',
      '   1      failed                        1 min 1 s  out of \ufffd[31mmemory',
      '   2      stopped    0.7      3         0 ms       0.1        sgd       true',
      '   3      running    0.25     2         500 ms     0.0012346  "adam w"',
    ].join('\n'),
  );
});

test('formatStudyTable shows the latest rows and always the best', () => {
  const lines = formatStudyTable(studyTable(exampleStudy()), { maxRows: 2 }).split('\n');
  assert.deepEqual(
    lines.slice(2).map((line) => line.slice(0, 4)),
    ['*  0', '   3'],
  );
  const empty = createStudy(parseStudyDefinition({ space: { x: 1 } }), { clock: new FakeClock(), sink: () => {} });
  assert.equal(formatStudyTable(studyTable(empty)), '0 trials, 0 ms\n  trial  status  value  resource  time  x');
});
