// What happens in the engine's processes stays there: one that is killed or never returns costs its own callers an error
// that says whether to try again, is replaced, and nobody else notices.
import assert from 'node:assert/strict';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { childPids, isAlive, skipWithoutProc } from '../packages/engines/ort-node/src/testing/machine.ts';
import { biasModel, endlessModel, layerModel, loopModel } from './testing/models.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { until } from './testing/until.ts';

let server: TestServer;
/** Asks another model all the time; everything but 200 ends up here. */
const bystander = { answers: 0, failures: [] as string[], isOver: false, done: Promise.resolve() };

before(async () => {
  server = await startTestServer({ rescanIntervalMs: '100' });
  await server.deploy('bystander', biasModel(1), { isolation: 'thread' });
  bystander.done = watchBystander();
});

after(async () => {
  bystander.isOver = true;
  await bystander.done;
  await server.stop();
  assert.deepEqual(bystander.failures, []);
  assert.ok(bystander.answers > 100);
  assert.deepEqual(childPids(), [], 'no process may be left');
});

async function watchBystander(): Promise<void> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
  while (!bystander.isOver) {
    const startedMs = performance.now();
    const response = await server.request('/v2/models/bystander/infer', { method: 'POST', body });
    const text = await response.text();
    if (response.status !== 200 || !text.includes('"data":[2,3]')) bystander.failures.push(text);
    // The endless model must not hold up anybody: a generous bound, as the machine may be busy.
    if (performance.now() - startedMs > 5000) bystander.failures.push(`took ${performance.now() - startedMs} ms`);
    bystander.answers++;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

async function infer(model: string, inputs: readonly object[]): Promise<Answer> {
  const response = await server.request(`/v2/models/${model}/infer`, {
    method: 'POST',
    body: JSON.stringify({ inputs }),
  });
  return { status: response.status, retryAfter: response.headers.get('retry-after'), text: await response.text() };
}

const loop = (model: string, times: number | string) =>
  infer(model, [
    { name: 'x', datatype: 'FP32', shape: [1], data: [1] },
    { name: 'times', datatype: 'INT64', shape: [], data: [Number(times)] },
  ]);

/** More turns than a lifetime has time for. */
const ENDLESS = 9_000_000_000_000_000;

function dataOf(answer: Answer): readonly number[] {
  assert.equal(answer.status, 200, answer.text);
  return (JSON.parse(answer.text) as { readonly outputs: readonly [{ readonly data: readonly number[] }] }).outputs[0]
    .data;
}

test('a killed process fails its run with a retryable error and is replaced', { skip: skipWithoutProc }, async () => {
  const others = childPids();
  await server.deploy('killed', loopModel());
  const child = newChild(others);
  assert.deepEqual(dataOf(await loop('killed', 3)), [8]);
  for (let round = 0; round < 2; round++) {
    const victim = round === 0 ? child : newChild(others);
    const running = loop('killed', ENDLESS);
    const queued = loop('killed', 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(victim, 'SIGKILL');
    const answer = await running;
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.retryAfter, '1', 'callers are told to try again');
    assert.match(answer.text, /process|ended|killed/i);
    // What waited was not in the process: it is answered by the replacement.
    assert.deepEqual(dataOf(await queued), [4]);
    assert.deepEqual(dataOf(await loop('killed', 5)), [32]);
    assert.ok(!isAlive(victim));
  }
});

/** The one process that was started since. */
function newChild(others: readonly number[]): number {
  const started = childPids().filter((pid) => !others.includes(pid));
  assert.equal(started.length, 1, `one process, not ${started.length}`);
  return started[0] ?? 0;
}

test('a process killed again and again in mid-batch answers rightly or with a retryable error', {
  skip: skipWithoutProc,
}, async () => {
  const others = childPids();
  await server.deploy('batched', layerModel(8, 4), { isolation: 'process', batching: { maxSize: 16, maxDelayMs: 2 } });
  let isOver = false;
  let right = 0;
  let refused = 0;
  const workers = Array.from({ length: 32 }, async (_, worker) => {
    for (let turn = 0; !isOver; turn++) {
      const data = Array.from({ length: 8 }, (__, index) => (worker * 7 + turn * 3 + index) % 11);
      const answer = await infer('batched', [{ name: 'x', datatype: 'FP32', shape: [1, 8], data }]);
      if (answer.status === 200) {
        for (const [index, value] of dataOf(answer).entries()) {
          assert.ok(Math.abs(value - (layer(data)[index] ?? 0)) < 1e-5, 'a reply crossed');
        }
        right++;
      } else {
        assert.equal(answer.status, 503, answer.text);
        assert.equal(answer.retryAfter, '1');
        refused++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  });
  for (let kill = 0; kill < 5; kill++) {
    const before = right;
    await until('it answers', () => right > before + 100);
    for (const pid of childPids()) if (!others.includes(pid)) process.kill(pid, 'SIGKILL');
  }
  const before = right;
  await until('it has recovered', () => right > before + 100);
  isOver = true;
  await Promise.all(workers);
  assert.ok(refused > 0, 'a kill must have hit a run');
});

/** What layerModel(8, 4) computes: relu(x·W), W[i][j] = ((i + 2j) mod 7 − 3) / 10. */
function layer(x: readonly number[]): readonly number[] {
  return Array.from({ length: 4 }, (_, j) => {
    const sum = x.reduce((total, value, i) => total + value * ((((i + 2 * j) % 7) - 3) / 10), 0);
    return Math.max(0, sum);
  });
}

test('a run that never ends is DEADLINE_EXCEEDED, its process replaced', { skip: skipWithoutProc }, async () => {
  const others = childPids();
  await server.deploy('endless', loopModel(), { limits: { maxRunMs: 400 } });
  for (let round = 0; round < 3; round++) {
    const child = newChild(others);
    const [stuck, queued] = await Promise.all([loop('endless', ENDLESS), after100Ms(() => loop('endless', 4))]);
    assert.equal(stuck.status, 504, stuck.text);
    assert.match(stuck.text, /run: model \\"endless@1\\" did not finish within 400 ms/);
    assert.equal(stuck.retryAfter, null, 'the same run would hang again');
    assert.deepEqual(dataOf(queued), [16], 'who waited behind it is served');
    assert.ok(!isAlive(child), 'the process is gone');
    assert.notEqual(newChild(others), child);
  }
  const statistics = await (await server.request('/v2/models/endless/stats')).text();
  assert.match(statistics, /"fail":\{"count":3,/);
});

async function after100Ms<T>(act: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return act();
}

test('a caller’s own timeout runs out in the queue behind a long run', { skip: skipWithoutProc }, async () => {
  await server.deploy('patient', loopModel(), { limits: { maxRunMs: 1500 } });
  const long = loop('patient', ENDLESS);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const startedMs = performance.now();
  const response = await server.request('/v2/models/patient/infer', {
    method: 'POST',
    body: JSON.stringify({
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [1], data: [1] },
        { name: 'times', datatype: 'INT64', shape: [], data: [1] },
      ],
      parameters: { timeout: 200_000 }, // microseconds
    }),
  });
  assert.equal(response.status, 504);
  assert.match(await response.text(), /longer than it allowed/);
  assert.ok(performance.now() - startedMs < 1400, 'before the long run ended');
  assert.equal((await long).status, 504);
});

test('a full queue refuses with a retryable 429, and urgent requests take the place of others', {
  skip: skipWithoutProc,
}, async () => {
  await server.deploy('narrow', loopModel(), { limits: { maxRunMs: 1000, maxQueueSize: 2 } });
  const ask = (priority: number) =>
    server.request('/v2/models/narrow/infer', {
      method: 'POST',
      body: JSON.stringify({
        inputs: [
          { name: 'x', datatype: 'FP32', shape: [1], data: [1] },
          { name: 'times', datatype: 'INT64', shape: [], data: [2] },
        ],
        parameters: { priority },
      }),
    });
  const long = loop('narrow', ENDLESS);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const waiting = [ask(0), ask(0)];
  await new Promise((resolve) => setTimeout(resolve, 50));
  const refused = await ask(0);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.match(await refused.text(), /the queue of narrow@1 is full \(2 waiting\)/);
  const urgent = await ask(1);
  assert.equal(urgent.status, 200);
  const statuses = (await Promise.all(waiting)).map((response) => response.status).sort();
  assert.deepEqual(statuses, [200, 429], 'one of those waiting made room');
  assert.equal((await long).status, 504);
});

test('a quarantine that somebody else ended says nothing about the model', { skip: skipWithoutProc }, async () => {
  const others = childPids();
  const path = join(server.modelsDir, 'tried', '1', 'model.onnx');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, endlessModel()); // long enough on trial to be caught at it
  await killTrial(others);
  const refusals = () => server.log().split('"a version was refused').length - 1;
  await until('it is refused', () => refusals() === 1);
  assert.match(server.log(), /tried.*ended its process during .*SIGKILL/);
  // The same bytes again: they are tried again, not refused from memory.
  await rename(path, `${path}.old`);
  await rm(`${path}.old`);
  await until('it is gone', async () => (await server.request('/v2/models/tried')).status === 404);
  await writeFile(path, endlessModel());
  await killTrial(others);
  await until('it is refused again', () => refusals() === 2);
});

/** Waits for a quarantine process, lets it get to the model, and ends it. */
async function killTrial(others: readonly number[]): Promise<void> {
  await until('it is being tried', () => childPids().length > others.length);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  process.kill(newChild(others), 'SIGKILL');
}
