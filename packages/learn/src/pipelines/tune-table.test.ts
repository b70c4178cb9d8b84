// The search over a table's settings: what comes out, that it is the same when interrupted, that bad trials end early, and
// that nothing but the report sees the held-out rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type Clock, type Executor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { parseJournal, parseSearchSpace } from '../tune/index.ts';
import { prepareTable } from './table-preparation.ts';
import { rings } from './testing/rings.ts';
import type { CandidateStore } from './tune-table-search.ts';
import { trainTableTrial } from './tune-table-trial.ts';
import { type TunedTable, type TuneTableOptions, tuneTable } from './tune-table.ts';

/** Stands still, so that journals of equal studies are equal to the last byte. */
const stillClock: Clock = { nowMs: () => 0, wallTime: () => new Date(0), schedule: () => () => {} };

const SPACE = parseSearchSpace({
  hidden: { choice: [[4], [8, 4], [16]] },
  learningRate: { logUniform: [0.005, 0.05] },
  dropout: { uniform: [0, 0.4] },
});

async function options(): Promise<TuneTableOptions> {
  return {
    source: rings(),
    target: 'ring',
    executor: await createOrtNodeExecutor({ threads: 1 }),
    space: SPACE,
    model: { epochs: 9 },
    maxTrials: 6,
    seed: 5,
    clock: stillClock,
  };
}

/** A disk that outlives a process. */
class Folder {
  readonly lines: string[] = [];
  readonly #files = new Map<string, Uint8Array>();

  get journal(): NonNullable<TuneTableOptions['journal']> {
    const { events } = parseJournal(this.lines.map((line) => `${line}\n`).join(''));
    return { events, sink: (line) => void this.lines.push(line) };
  }

  get files(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  readonly checkpoint = (name: string): CandidateStore => ({
    load: async () => this.#files.get(name) ?? null,
    save: async (bytes) => void this.#files.set(name, bytes),
    remove: async () => void this.#files.delete(name),
  });
}

function tune(settings: TuneTableOptions, folder: Folder): Promise<TunedTable> {
  return tuneTable({ ...settings, journal: folder.journal, checkpoint: folder.checkpoint });
}

test('tuneTable gives the candidate that is best on the validation rows, reported beside all others', async () => {
  const settings = await options();
  const folder = new Folder();
  const { study, candidate, report } = await tune(settings, folder);
  const losses = study.candidates.map(({ validationLoss }) => validationLoss ?? Number.NaN);
  assert.deepEqual(
    losses,
    losses.toSorted((a, b) => a - b),
  );
  assert.equal(candidate.name, study.candidates[0]?.name);
  const names = study.candidates.map(({ name }) => name);
  assert.deepEqual(names.toSorted(), ['Majority', 'default network', 'linear', `trial ${study.table.best?.trial}`]);
  const shown = report.baselines.map(({ name }) => name);
  assert.deepEqual([...shown, candidate.name].toSorted(), names.toSorted());
  assert.equal(study.table.rows.length, 6);
  // Rings: a network learns them, a line does not.
  assert.ok((losses[0] ?? 1) < 0.8 * (study.candidates.find(({ name }) => name === 'linear')?.validationLoss ?? 0));
  // Of the trials only the best one's model is kept.
  assert.deepEqual(folder.files, ['linear', 'perceptron', `trial-${study.table.best?.trial}`].toSorted());
});

test('tuneTable ends with the same trials and the same model wherever it was killed', async () => {
  const settings = await options();
  const whole = new Folder();
  const expected = await tune(settings, whole);
  assert.ok(whole.lines.length > 25, `${whole.lines.length} lines`);
  for (const lines of [2, 17, whole.lines.length - 1]) {
    const folder = new Folder();
    const killed = new Error('killed');
    const { sink, events } = folder.journal;
    const dying = (line: string): void => {
      if (folder.lines.length >= lines) throw killed;
      sink(line);
    };
    const dead = tuneTable({ ...settings, journal: { events, sink: dying }, checkpoint: folder.checkpoint });
    await assert.rejects(dead, killed);
    assert.equal(folder.lines.length, lines);
    const resumed = await tune(settings, folder);
    assert.deepEqual(folder.lines, whole.lines, `killed after ${lines} lines`);
    assert.deepEqual(resumed.onnx, expected.onnx);
  }
});

test('tuneTable cancelled in the middle of a trial goes on from its checkpoint', async () => {
  const settings = { ...(await options()), scheduler: 'none', maxTrials: 4 } as const;
  const whole = new Folder();
  const expected = await tune(settings, whole);
  const folder = new Folder();
  const cancelling = new AbortController();
  const cancelled = tuneTable({
    ...settings,
    journal: folder.journal,
    checkpoint: folder.checkpoint,
    signal: cancelling.signal,
    onEvent: (event) => {
      const last = event.kind === 'study' ? event.table.rows.at(-1) : undefined;
      if (last?.trial === 2 && last.resource === 5) cancelling.abort();
    },
  });
  await assert.rejects(cancelled, (error) => error instanceof AmaasError && error.reason === 'CANCELLED');
  assert.ok(folder.files.includes('trial-2'));
  let epochs = 0;
  const resumed = await tuneTable({
    ...settings,
    journal: folder.journal,
    checkpoint: folder.checkpoint,
    onEvent: ({ kind }) => {
      if (kind === 'study') epochs++;
    },
  });
  assert.deepEqual(folder.lines, whole.lines);
  assert.deepEqual(resumed.onnx, expected.onnx);
  assert.equal(epochs, 4 + 1 + 1 + 9 + 1); // the rest of trial 2 and its end; trial 3
});

test('tuneTable goes on with more trials, and refuses a journal of another study', async () => {
  const settings = await options();
  const folder = new Folder();
  await tune({ ...settings, maxTrials: 2 }, folder);
  const { study } = await tune({ ...settings, maxTrials: 4 }, folder);
  assert.equal(study.table.rows.length, 4);
  const other = tune({ ...settings, sampler: { kind: 'random' } }, folder);
  await assert.rejects(other, (error) => error instanceof AmaasError && error.reason === 'INVALID_CHECKPOINT');
});

test('tuneTable trains no epoch of a trial that the scheduler has ended', async () => {
  const settings = { ...(await options()), maxTrials: 9 };
  const epochs = new Map<number, number>();
  const { executor } = settings;
  const { study } = await tuneTable({
    ...settings,
    trainer: (examples) => ({
      train: (task, { report }) =>
        trainTableTrial(task, {
          examples,
          executor,
          checkpoint: new Folder().checkpoint(task.checkpoint),
          report: (epoch, loss) => {
            epochs.set(task.trial, epoch);
            return report(epoch, loss);
          },
        }),
      close: async () => {},
    }),
  });
  for (const { trial, status, resource } of study.table.rows) {
    assert.equal(epochs.get(trial), resource, `trial ${trial}, ${status}`);
    if (status === 'stopped') assert.ok([1, 3].includes(resource ?? 0), `stopped at epoch ${resource}`);
  }
  assert.ok(study.table.counts.stopped >= 3);
});

test('tuneTable reads the held-out rows for the report alone', async () => {
  const settings = await options();
  const { split } = await prepareTable(settings);
  const heldOut = new Set(split.test);
  const mirrored = rings((row, point) => {
    if (!heldOut.has(row)) return;
    const { x, y } = point;
    point.x = x > 0 ? 0.1 : -0.1; // all inner
    point.y = y > 0 ? 0.1 : -0.1;
  });
  const [one, other] = [new Folder(), new Folder()];
  const first = await tune(settings, one);
  const second = await tune({ ...settings, source: mirrored }, other);
  assert.deepEqual(other.lines, one.lines);
  assert.deepEqual(second.onnx, first.onnx);
  assert.notDeepEqual(second.report.metrics, first.report.metrics);
});

test('HeldOutRows can be taken once', async () => {
  const { heldOut, split } = await prepareTable(await options());
  assert.equal(heldOut.take().rowCount, split.test.length);
  assert.throws(() => heldOut.take(), /taken before/);
});

test('tuneTable fails when no trial comes to an end, naming why', async () => {
  const settings = await options();
  const executor: Executor = settings.executor;
  const broken = tuneTable({
    ...settings,
    executor,
    trainer: () => ({
      train: () => Promise.reject(new AmaasError('TRAINING_DIVERGED', 'the loss is NaN')),
      close: async () => {},
    }),
  });
  await assert.rejects(broken, /none of 5 trials came to an end; the last: TRAINING_DIVERGED: the loss is NaN/);
});
