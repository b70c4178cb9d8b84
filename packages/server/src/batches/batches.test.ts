// Batches from beginning to end, with requests that the tests answer: what comes out, in whose name, in which order, and
// after which kinds of interruption.
import assert from 'node:assert/strict';
import { appendFile, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { sql } from 'kysely';
import { settle } from '../scheduler/testing/fake-clock.ts';
import type { LineCall, LineReply } from './ports.ts';
import {
  ADMIN,
  ALICE,
  BOB,
  createBatchesFixture,
  echo,
  eventually,
  reply,
  requests,
} from './testing/batches-fixture.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

function rejectsWith(promise: Promise<unknown>, reason: string, message = /./): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    return true;
  });
}

/** Which request it is: `number 7` → 7. */
function numberOf({ body }: LineCall): number {
  return Number(/number (\d+)/.exec(body)?.[1]);
}

/** Answers when told to; until then a request ends with its signal alone. */
function held(): { readonly run: (call: LineCall) => Promise<LineReply>; readonly calls: LineCall[]; release(): void } {
  const calls: LineCall[] = [];
  const gate = Promise.withResolvers<void>();
  return {
    calls,
    release: gate.resolve,
    async run(call) {
      calls.push(call);
      await Promise.race([
        gate.promise,
        new Promise((_, reject) => call.signal.addEventListener('abort', () => reject(new Error('gone')))),
      ]);
      return echo(call);
    },
  };
}

test('Batches answer every request in the name of the key, and give what succeeded and what failed as files', async (t) => {
  const calls: LineCall[] = [];
  const fixture = await createBatchesFixture(t, {
    async run(call) {
      calls.push(call);
      return numberOf(call) % 10 === 7 ? reply(400, { error: 'no' }) : echo(call);
    },
  });
  const file = await fixture.upload(requests(25));
  const created = await fixture.create(file.id);
  assert.deepEqual([created.state, created.counts.total, created.metadata], ['validating', 0, { a: 'b' }]);
  const ended = await fixture.ended(created.id);
  assert.deepEqual(
    [ended.state, ended.counts, ended.model, ended.usage],
    [
      'completed',
      { total: 25, completed: 23, failed: 2 },
      'm',
      { inputTokens: 46, cachedTokens: 0, outputTokens: 69, reasoningTokens: 0 },
    ],
  );
  assert.deepEqual(Object.keys(ended.times), ['in_progress', 'finalizing', 'completed']);
  assert.deepEqual(await fixture.batches.get(created.id, ALICE), ended);
  const output = await fixture.results(ended.outputFileId);
  const errors = await fixture.results(ended.errorFileId);
  assert.deepEqual(
    output.map((line) => line.custom_id).toSorted(),
    Array.from({ length: 25 }, (_, index) => `r${index}`)
      .filter((id) => !id.endsWith('7'))
      .toSorted(),
  );
  for (const { custom_id, response, error } of output) {
    const asked = { model: 'm', prompt: `number ${custom_id.slice(1)}` };
    assert.deepEqual([response?.status_code, response?.request_id, error], [200, 'req', null]);
    assert.deepEqual(response?.body, { echo: asked, usage: { prompt_tokens: 2, completion_tokens: 3 } });
  }
  assert.deepEqual(errors.map((line) => [line.custom_id, line.response?.status_code, line.response?.body]).toSorted(), [
    ['r17', 400, { error: 'no' }],
    ['r7', 400, { error: 'no' }],
  ]);
  assert.equal(new Set([...output, ...errors].map(({ id }) => id)).size, 25);
  assert.deepEqual([...new Set(calls.map(({ owner, path }) => `${owner} ${path}`))], ['alice /v1/completions']);
  const outputFile = await fixture.files.get(ended.outputFileId ?? '', ALICE);
  assert.deepEqual([outputFile.purpose, outputFile.fileName], ['batch_output', `${created.id}_output.jsonl`]);
  await eventually('its folder is gone', async () => (await readdir(fixture.directory)).length === 0);
});

test('Batches are for the key that made them; the admin scope sees all; lists come in pages', async (t) => {
  const fixture = await createBatchesFixture(t);
  const file = await fixture.upload(requests(1));
  const mine = [await fixture.create(file.id), await fixture.create(file.id), await fixture.create(file.id)];
  await rejectsWith(fixture.create(file.id, { viewer: BOB }), 'ARTIFACT_NOT_FOUND');
  const theirs = await fixture.create((await fixture.upload(requests(1), BOB)).id, { viewer: BOB });
  const [first, second, third] = mine.map(({ id }) => id);
  const ids = async (request: Parameters<typeof fixture.batches.list>[0], viewer = ALICE) => {
    const { items, hasMore } = await fixture.batches.list(request, viewer);
    return [items.map(({ id }) => id), hasMore];
  };
  assert.deepEqual(await ids({ limit: 2 }), [[third, second], true]);
  assert.deepEqual(await ids({ limit: 2, after: second ?? '' }), [[first], false]);
  assert.deepEqual(await ids({ limit: 3 }), [[third, second, first], false]);
  assert.deepEqual(await ids({ limit: 9 }, ADMIN), [[theirs.id, third, second, first], false]);
  await rejectsWith(fixture.batches.get(theirs.id, ALICE), 'JOB_NOT_FOUND');
  await rejectsWith(fixture.batches.cancel(theirs.id, ALICE), 'JOB_NOT_FOUND');
  await rejectsWith(fixture.batches.list({ limit: 1, after: theirs.id }, ALICE), 'JOB_NOT_FOUND');
  await rejectsWith(fixture.batches.get('batch_\0', ADMIN), 'JOB_NOT_FOUND');
  assert.equal((await fixture.batches.get(theirs.id, ADMIN)).id, theirs.id);
  const blob = await fixture.blobs.put(Buffer.from(requests(1)));
  const named = { purpose: 'fine-tune', fileName: 'x', blob, expiresAfterSeconds: null } as const;
  const other = await fixture.files.add({ owner: 'alice', ...named });
  await rejectsWith(fixture.create(other.id), 'INVALID_ARGUMENT', /"fine-tune", expected "batch"/);
});

test('Batches of a wrong input fail with the lines that are wrong, and run nothing', async (t) => {
  const { calls, run } = held();
  const fixture = await createBatchesFixture(t, { run });
  const file = await fixture.upload(`${requests(2)}\n{"custom_id":"r1"\n${requests(1)}`);
  const ended = await fixture.ended((await fixture.create(file.id)).id);
  assert.deepEqual(
    [ended.state, ended.problems.map(({ line, code }) => [line, code]), calls.length],
    [
      'failed',
      [
        [4, 'invalid_json_line'],
        [5, 'duplicate_custom_id'],
      ],
      0,
    ],
  );
  assert.ok(ended.times.failed !== undefined);
  assert.deepEqual([ended.outputFileId, ended.errorFileId], [null, null]);
  await rejectsWith(fixture.batches.cancel(ended.id, ALICE), 'JOB_ENDED', /its status is failed/);
});

test('Batches keep to the turns of their model, and take turns among themselves', async (t) => {
  const order: string[] = [];
  const together = Promise.withResolvers<void>();
  let most = 0;
  let active = 0;
  const fixture = await createBatchesFixture(t, {
    slots: 2,
    async run(call) {
      most = Math.max(most, ++active);
      order.push(numberOf(call) >= 1000 ? 'b' : 'a');
      if (order.length > 4) await together.promise; // from here on both are there
      await new Promise((resolve) => setImmediate(resolve));
      active--;
      return echo(call);
    },
  });
  const large = await fixture.create((await fixture.upload(requests(60))).id);
  await eventually('the large one runs', () => order.length > 5);
  const small = await fixture.create((await fixture.upload(requests(10, { from: 1000 }))).id);
  await eventually('the small one waits for its turn', async () => {
    return (await fixture.batches.get(small.id, ALICE)).state === 'in_progress';
  });
  await settle();
  together.resolve();
  const [, ended] = await Promise.all([fixture.ended(large.id), fixture.ended(small.id)]);
  assert.equal(ended.counts.completed, 10);
  assert.equal(most, 2);
  const from = order.indexOf('b');
  const others = order.slice(from, order.lastIndexOf('b')).filter((who) => who === 'a').length;
  assert.ok(others >= 7 && others <= 12, `${order.join('')}: ten of the small one among ${others} of the large one`);
});

test('Batches try again what may succeed later, and give up on what keeps failing', async (t) => {
  const tries = new Map<number, number>();
  const fixture = await createBatchesFixture(t, {
    slots: 5,
    async run(call) {
      const number = numberOf(call);
      const count = (tries.get(number) ?? 0) + 1;
      tries.set(number, count);
      if (number === 0 && count <= 30) return reply(429, {}, { isRetryable: true, reason: 'QUEUE_FULL' });
      if (number === 1 && count <= 9) return reply(503, {}, { isRetryable: true, reason: 'ENGINE_CRASHED' });
      // Waiting for others does not count among the attempts.
      if (number === 4 && count <= 20) return reply(429, {}, { isRetryable: true, reason: 'QUEUE_FULL' });
      if (number === 4 && count <= 28) return reply(503, {}, { isRetryable: true, reason: 'MODEL_NOT_READY' });
      if (number === 2) return reply(503, { error: 'x' }, { isRetryable: true, reason: 'ENGINE_CRASHED' });
      if (number === 3) throw new Error('cut off');
      return echo(call);
    },
  });
  const { id } = await fixture.create((await fixture.upload(requests(5))).id);
  let isOver = false;
  const over = fixture.ended(id).finally(() => (isOver = true));
  while (!isOver) {
    await fixture.clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const ended = await over;
  assert.deepEqual([...tries].toSorted(), [
    [0, 31],
    [1, 10],
    [2, 10],
    [3, 10],
    [4, 29],
  ]);
  const errors = await fixture.results(ended.errorFileId);
  assert.deepEqual(errors.map((line) => [line.custom_id, line.response?.status_code, line.error?.code]).toSorted(), [
    ['r2', 503, undefined],
    ['r3', undefined, 'request_failed'],
  ]);
  assert.equal(ended.counts.completed, 3);
});

test('Batches.cancel keeps what is done and says of the rest that it was cancelled', async (t) => {
  const answered = held();
  const fixture = await createBatchesFixture(t, {
    run: async (call) => (numberOf(call) < 4 ? echo(call) : answered.run(call)),
  });
  const { id } = await fixture.create((await fixture.upload(requests(20))).id);
  await eventually('three requests hang', () => answered.calls.length === 3);
  await eventually('four are counted', async () => (await fixture.batches.get(id, ALICE)).counts.completed === 4);
  const cancelling = await fixture.batches.cancel(id, ALICE);
  assert.equal(cancelling.state, 'cancelling');
  const ended = await fixture.ended(id);
  assert.deepEqual([ended.state, ended.counts], ['cancelled', { total: 20, completed: 4, failed: 16 }]);
  assert.deepEqual(Object.keys(ended.times), ['in_progress', 'cancelling', 'cancelled']);
  const output = await fixture.results(ended.outputFileId);
  const errors = await fixture.results(ended.errorFileId);
  assert.deepEqual(output.map((line) => line.custom_id).toSorted(), ['r0', 'r1', 'r2', 'r3']);
  assert.deepEqual(new Set(errors.map((line) => line.error?.code)), new Set(['batch_cancelled']));
  assert.equal(new Set([...output, ...errors].map((line) => line.custom_id)).size, 20);
  await rejectsWith(fixture.batches.cancel(id, ALICE), 'JOB_ENDED', /its status is cancelled/);
});

test('Batches.cancel acknowledges nothing that is not on disk, however often it is asked', async (t) => {
  const answered = held();
  const fixture = await createBatchesFixture(t, { run: answered.run });
  const { id } = await fixture.create((await fixture.upload(requests(3))).id);
  await eventually('the requests hang', () => answered.calls.length === 3);
  const { db } = fixture.database;
  const stateOnDisk = async () => (await db.selectFrom('batches').select('state').executeTakeFirstOrThrow()).state;
  await sql`create trigger full before update on batches begin select raise(fail, 'the disk is full'); end`.execute(db);
  const together = [fixture.batches.cancel(id, ALICE), fixture.batches.cancel(id, ALICE)];
  for (const one of together) await assert.rejects(one, /disk is full/);
  await assert.rejects(fixture.batches.cancel(id, ALICE), /disk is full/);
  assert.equal(await stateOnDisk(), 'in_progress');
  await eventually('its end is not written either', () => fixture.problems.length === 1);
  await assert.rejects(fixture.batches.cancel(id, ALICE), /disk is full/);
  await sql`drop trigger full`.execute(db);
  assert.equal((await fixture.batches.cancel(id, ALICE)).state, 'cancelling');
  assert.equal(await stateOnDisk(), 'cancelling');
  await settle();
  await fixture.clock.advance(5000);
  assert.equal((await fixture.ended(id)).state, 'cancelled');
  assert.equal(await stateOnDisk(), 'cancelled');
});

test('Batches that were cancelled before anything ran end without files', async (t) => {
  const fixture = await createBatchesFixture(t);
  const { id } = await fixture.create((await fixture.upload(requests(3))).id);
  await fixture.batches.cancel(id, ALICE);
  assert.equal((await fixture.batches.cancel(id, ALICE)).state, 'cancelling');
  fixture.batches.start(async (call) => echo(call));
  const ended = await fixture.ended(id);
  assert.deepEqual([ended.state, ended.outputFileId, ended.errorFileId], ['cancelled', null, null]);
});

test('Batches expire with their window, keeping what is done', async (t) => {
  const answered = held();
  const fixture = await createBatchesFixture(t, {
    run: async (call) => (numberOf(call) === 0 ? echo(call) : answered.run(call)),
  });
  const { id, expiresAtMs, createdAtMs } = await fixture.create((await fixture.upload(requests(5))).id);
  assert.equal(expiresAtMs - createdAtMs, DAY_MS);
  await eventually('the others hang', () => answered.calls.length === 3);
  await eventually('one is counted', async () => (await fixture.batches.get(id, ALICE)).counts.completed === 1);
  await fixture.clock.advance(DAY_MS - 1000);
  assert.equal((await fixture.batches.get(id, ALICE)).state, 'in_progress');
  await fixture.clock.advance(2000);
  const ended = await fixture.ended(id);
  assert.deepEqual([ended.state, ended.counts], ['expired', { total: 5, completed: 1, failed: 4 }]);
  assert.equal((await fixture.results(ended.outputFileId))[0]?.custom_id, 'r0');
  const errors = await fixture.results(ended.errorFileId);
  assert.deepEqual(
    errors.map((line) => [line.custom_id, line.response, line.error?.code]),
    [...['r1', 'r2', 'r3', 'r4'].map((each) => [each, null, 'batch_expired'])],
  );
});

test('Batches go on behind what the log has, over a torn line, without asking twice', async (t) => {
  const hanging = held();
  const first = await createBatchesFixture(t, {
    run: async (call) => (numberOf(call) < 6 ? echo(call) : hanging.run(call)),
  });
  const { id } = await first.create((await first.upload(`\n${requests(12)}`)).id);
  await eventually('six are done', async () => (await first.batches.get(id, ALICE)).counts.completed === 6);
  await first.batches.stop();
  const log = join(first.directory, id, 'results.jsonl');
  assert.equal((await readFile(log, 'utf8')).trimEnd().split('\n').length, 6);
  await appendFile(log, '{"index":6,"isSuccess":true,"result":{"id":"batch_r'); // killed while writing
  const asked: number[] = [];
  const dataDir = join(first.directory, '..');
  const second = await createBatchesFixture(t, { dataDir, clock: first.clock });
  assert.equal((await second.batches.get(id, ALICE)).counts.completed, 6);
  second.batches.start(async (call) => {
    asked.push(numberOf(call));
    return echo(call);
  });
  const ended = await second.ended(id);
  assert.deepEqual(asked, [6, 7, 8, 9, 10, 11]);
  assert.deepEqual([ended.state, ended.counts], ['completed', { total: 12, completed: 12, failed: 0 }]);
  const output = await second.results(ended.outputFileId);
  assert.deepEqual(
    output.map((line) => Number(line.custom_id.slice(1))).toSorted((a, b) => a - b),
    Array.from({ length: 12 }, (_, index) => index),
  );
});

test('Batches left in any state by a crash come to the end they were on the way to', async (t) => {
  for (const [state, times, end] of [
    ['validating', {}, 'completed'],
    ['in_progress', { in_progress: 1 }, 'completed'],
    ['finalizing', { in_progress: 1, finalizing: 2 }, 'completed'],
    ['cancelling', { in_progress: 1, cancelling: 2 }, 'cancelled'],
    ['cancelling', { cancelling: 2 }, 'cancelled'],
  ] as const) {
    const first = await createBatchesFixture(t);
    const { id } = await first.create((await first.upload(requests(3))).id);
    const progress = { times, counts: { total: 3, completed: 0, failed: 0 }, problems: [], usage: null };
    const row = { state, model: 'm', progress: JSON.stringify(progress) };
    await first.database.db.updateTable('batches').set(row).where('id', '=', id).execute();
    await first.batches.stop();
    if (state === 'finalizing') {
      // The log is whole, nothing else happened.
      const line = (index: number) => ({ index, isSuccess: true, result: { custom_id: `r${index}`, response: null } });
      await mkdir(join(first.directory, id), { recursive: true });
      const text = [2, 0, 1].map((index) => `${JSON.stringify(line(index))}\n`).join('');
      await writeFile(join(first.directory, id, 'results.jsonl'), text);
    }
    const second = await createBatchesFixture(t, {
      dataDir: join(first.directory, '..'),
      clock: first.clock,
      run: async (call) => echo(call),
    });
    const ended = await second.ended(id);
    assert.equal(ended.state, end, state);
    assert.equal(ended.counts.completed, end === 'completed' ? 3 : 0, state);
    if (end === 'completed') {
      const ids = (await second.results(ended.outputFileId)).map((each) => each.custom_id);
      assert.deepEqual(ids.toSorted(), ['r0', 'r1', 'r2'], state);
    }
    const { items } = await second.files.list({ limit: 10, purpose: 'batch_output' }, ADMIN);
    assert.equal(items.length, end === 'completed' ? 1 : 'in_progress' in times ? 1 : 0, state);
  }
});

test('Batches whose window passed while no server ran expire at the next start', async (t) => {
  const hanging = held();
  const first = await createBatchesFixture(t, { run: hanging.run });
  const { id } = await first.create((await first.upload(requests(4))).id);
  await eventually('it runs', () => hanging.calls.length === 3);
  await first.batches.stop();
  await first.clock.advance(2 * DAY_MS);
  const late = held();
  const second = await createBatchesFixture(t, {
    dataDir: join(first.directory, '..'),
    clock: first.clock,
    run: late.run,
  });
  await second.clock.advance(1);
  const ended = await second.ended(id);
  assert.deepEqual([ended.state, ended.counts.failed], ['expired', 4]);
});

test('Batches go on when their file was deleted, and fail when its contents are gone', async (t) => {
  const fixture = await createBatchesFixture(t);
  const kept = await fixture.upload(requests(2));
  const one = await fixture.create(kept.id);
  await fixture.files.delete(kept.id, ALICE);
  const lost = await fixture.upload(requests(3));
  const two = await fixture.create(lost.id);
  await unlink(await fixture.blobs.path(lost.digest));
  fixture.batches.start(async (call) => echo(call));
  assert.equal((await fixture.ended(one.id)).state, 'completed');
  const failed = await fixture.ended(two.id);
  assert.deepEqual([failed.state, failed.problems[0]?.code], ['failed', 'input_file_missing']);
});

test('Batches that cannot write their files say so and try again until they can, without asking twice', async (t) => {
  let asked = 0;
  const fixture = await createBatchesFixture(t, {
    async run(call) {
      asked++;
      return echo(call);
    },
  });
  const file = await fixture.upload(requests(5));
  const put = fixture.blobs.put.bind(fixture.blobs);
  let refusals = 2;
  fixture.blobs.put = async (...blob) => {
    if (refusals-- > 0) throw new AmaasError('STORAGE_FULL', 'the disk is full');
    return put(...blob);
  };
  const { id } = await fixture.create(file.id);
  for (const count of [1, 2]) {
    await eventually('the disk is found to be full', () => fixture.problems.length === count);
    assert.equal((await fixture.batches.get(id, ALICE)).state, 'finalizing');
    await settle();
    await fixture.clock.advance(5000);
  }
  const ended = await fixture.ended(id);
  assert.deepEqual([ended.state, ended.counts.completed, asked], ['completed', 5, 5]);
  assert.equal((await fixture.results(ended.outputFileId)).length, 5);
  assert.match(fixture.problems[1] ?? '', /could not go on; it is tried again: .*the disk is full/);
});

test('Batches.open removes folders of batches that have ended or never were', async (t) => {
  const first = await createBatchesFixture(t, { run: async (call) => echo(call) });
  const { id } = await first.create((await first.upload(requests(1))).id);
  await first.ended(id);
  await first.batches.stop();
  await mkdir(join(first.directory, id), { recursive: true });
  await mkdir(join(first.directory, 'batch_unknown'));
  await createBatchesFixture(t, { dataDir: join(first.directory, '..'), clock: first.clock });
  assert.deepEqual(await readdir(first.directory), []);
});

test('Batches of which a hundred are open take no more', async (t) => {
  const fixture = await createBatchesFixture(t);
  const file = await fixture.upload(requests(1));
  for (let count = 0; count < 100; count++) await fixture.create(file.id);
  await rejectsWith(fixture.create(file.id), 'QUEUE_FULL', /at most 100/);
  await fixture.batches.stop();
  await rejectsWith(fixture.create(file.id), 'SHUTTING_DOWN');
});
