// `amaas tune` and `amaas compare` as users run them, on the heart disease table of the shared data: from a file to the
// best model, served; killed and gone on with; and side by side with others.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { parseJournal, type StudyEvent } from '@amaas/learn/tune';
import { type CommandResult, runCommand } from '../packages/cli/src/testing/run-command.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

const HEART = 'tabular/heart_train.csv';
const skip = skipWithoutSharedData(HEART);
const LAUNCHER = resolve(import.meta.dirname, '..', 'packages', 'cli', 'bin', 'amaas.mjs');

let server: TestServer;
let folder: string;

/** Two thirds to learn from, one to compare on. */
before(async () => {
  server = await startTestServer({});
  folder = await mkdtemp(join(tmpdir(), 'amaas-tune-'));
  if (skip !== false) return;
  const text = await readFile(sharedDataPath(HEART), 'utf8');
  const [header = '', ...rows] = text
    .replace(/^\ufeff/, '')
    .trim()
    .split(/\r?\n/);
  const part = (isOf: (row: number) => boolean): string =>
    [header, ...rows.filter((_, row) => isOf(row)), ''].join('\n');
  await writeFile(
    join(folder, 'heart.csv'),
    part((row) => row % 3 !== 0),
  );
  await writeFile(
    join(folder, 'later.csv'),
    part((row) => row % 3 === 0),
  );
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const environment = (): Readonly<Record<string, string>> => ({ AMAAS_URL: server.url, AMAAS_API_KEY: ADMIN_KEY });

function amaas(...argv: readonly string[]): Promise<CommandResult> {
  return runCommand(argv, { environment: environment(), cwd: folder });
}

async function json(...argv: readonly string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await amaas(...argv, '--json');
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

const tuneHeart = ['tune', 'heart.csv', '--target', 'target', '--epochs', '24', '--seed', '3'];

/** Events without their times. */
async function eventsOf(study: string): Promise<readonly object[]> {
  const { events } = parseJournal(await readFile(join(folder, study, 'journal.jsonl'), 'utf8'));
  return events.map((event: StudyEvent) => ({ ...event, atMs: 0 }));
}

test('amaas tune ends with a served model that is at least as good on validation as the default', {
  skip,
}, async () => {
  const facts = await json(...tuneHeart, '--trials', '8', '--name', 'tuned');
  const { candidates, trials, ended } = facts.study;
  assert.equal(ended, 'trials');
  assert.equal(trials.completed + trials.stopped + trials.failed, 8);
  const loss = (name: string): number =>
    candidates.find((each: { name: string }) => each.name === name)?.validationLoss ?? Number.NaN;
  assert.ok(loss(facts.candidate.name) <= loss('default network'));
  assert.ok(loss(facts.candidate.name) <= loss('linear'));
  assert.ok(loss(facts.candidate.name) < loss('Majority'));
  // ASHA has ended trials at its rungs, 24 / 9 and three times that.
  assert.ok(trials.stopped > 0);
  for (const event of await eventsOf('trained/tuned/study')) {
    if ('decision' in event && event.decision === 'stop' && 'resource' in event) {
      assert.ok([3, 9].includes(Number(event.resource)), `stopped at ${event.resource}`);
    }
  }
  assert.equal(facts.version, 1);
  const columns = Object.fromEntries(Object.entries(facts.example).map(([name, cell]) => [name, [cell]]));
  const answer = await json('predict', 'tuned', '--data', JSON.stringify(columns));
  assert.deepEqual(
    answer.outputs.map(({ name }: { name: string }) => name),
    ['label', 'probabilities'],
  );
  const report = JSON.parse(await readFile(join(folder, 'trained', 'tuned', 'report.json'), 'utf8'));
  const shown = report.baselines.map(({ name }: { name: string }) => name);
  assert.ok(shown.includes('Majority') && [...shown, facts.candidate.name].includes('linear'));
});

/** Runs a study in a process of its own until it has written so many lines, and ends that with the signal. */
async function interrupt(
  study: string,
  { lines, signal }: { lines: number; signal: NodeJS.Signals },
): Promise<ChildProcess> {
  const argv = [LAUNCHER, ...tuneHeart, '--trials', '5', '--no-deploy', '--study', study, '--out', `${study}-out`];
  const child = spawn(process.execPath, argv, { cwd: folder, stdio: 'ignore' });
  const exit = once(child, 'exit');
  for (;;) {
    const text = await readFile(join(folder, study, 'journal.jsonl'), 'utf8').catch(() => '');
    if (text.split('\n').length > lines || child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 10)); // files tell nobody that they grew
  }
  child.kill(signal);
  await exit;
  return child;
}

test('amaas tune killed or cancelled goes on to the same trials and the same model', { skip }, async () => {
  const resume = (study: string) =>
    json(...tuneHeart, '--trials', '5', '--no-deploy', '--study', study, '--out', `${study}-out`);
  await resume('whole');
  const whole = await eventsOf('whole');
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    const study = signal.toLowerCase();
    const child = await interrupt(study, { lines: 30, signal });
    const before = await eventsOf(study);
    assert.ok(before.length >= 30 && before.length < whole.length, `${signal}: ${before.length} of ${whole.length}`);
    assert.equal(child.exitCode, signal === 'SIGINT' ? 1 : null);
    assert.deepEqual(before, whole.slice(0, before.length));
    await resume(study);
    assert.deepEqual(await eventsOf(study), whole);
    const models = ['whole-out', `${study}-out`].map((out) => readFile(join(folder, out, 'model.onnx')));
    const [expected, model] = await Promise.all(models);
    assert.deepEqual(model, expected);
  }
});

test('amaas tune runs trials in threads of their own', { skip }, async () => {
  const facts = await json(...tuneHeart, '--trials', '4', '--parallel', '2', '--no-deploy', '--out', 'parallel');
  const { trials } = facts.study;
  assert.equal(trials.completed + trials.stopped, 4);
});

test('amaas tune refuses what cannot be searched, and a study of something else', { skip }, async () => {
  await writeFile(join(folder, 'space.json'), '{"hidden": {"choice": [[4]]}, "speed": {"uniform": [0, 1]}}');
  const unknown = await amaas(...tuneHeart, '--space', 'space.json', '--no-deploy');
  assert.match(unknown.stderr, /"speed" cannot be searched: a table has no such setting; known are hidden, dropout/);
  await writeFile(join(folder, 'space.json'), '{"hidden": {"choice": [[4]]}}');
  const other = await amaas(...tuneHeart, '--space', 'space.json', '--no-deploy', '--study', 'whole');
  assert.equal(other.code, 1);
  assert.match(other.stderr, /another definition\nRepeat the command the study was begun with, or give another folder/);
  const seed = await amaas('tune', 'heart.csv', '--target', 'target', '--no-deploy', '--study', 'whole');
  assert.match(seed.stderr, /the study in .*whole is of other data or other settings/);
  assert.equal((await amaas(...tuneHeart, '--time', 'soon', '--no-deploy')).code, 2);
});

test('amaas compare gives the numbers of eval, for a folder, a file and a served model', { skip }, async () => {
  const data = ['--data', 'later.csv', '--target', 'target'];
  const candidates = ['trained/tuned', 'whole-out/model.onnx', 'tuned'];
  const found = await json('compare', ...candidates, ...data, '--train', 'heart.csv', '--price-per-cpu-hour', '0.1');
  const names = found.candidates.map(({ name }: { name: string }) => name);
  assert.deepEqual(
    names.toSorted(),
    ['Majority', 'linear', 'trained/tuned', 'tuned@1', 'whole-out/model.onnx'].toSorted(),
  );
  const of = (name: string) => found.candidates.find((each: { name: string }) => each.name === name);
  for (const name of ['trained/tuned', 'whole-out/model.onnx', 'tuned@1']) {
    const report = await json('eval', name, 'later.csv', '--target', 'target');
    assert.deepEqual(of(name).metrics, report.metrics, name);
  }
  // One model, once here and once on the server: equal in quality, and nothing tells them apart.
  const isServedBest = found.best === 'tuned@1' || found.best === 'trained/tuned';
  if (isServedBest) {
    const other = of(found.best === 'tuned@1' ? 'trained/tuned' : 'tuned@1');
    assert.equal(other.againstBest.difference, 0);
    assert.equal(other.againstBest.pValue, 1);
  }
  const local = of('trained/tuned');
  const { size } = await stat(join(folder, 'trained', 'tuned', 'model.onnx'));
  assert.equal(local.modelBytes, size);
  assert.equal(of('tuned@1').modelBytes, size);
  assert.ok(local.memoryBytes > 0 && local.single.p95Ms >= local.single.p50Ms && local.single.p50Ms > 0);
  assert.ok(Math.abs(local.costPerMillion - ((local.single.cpuMs * 1e6) / 3.6e6) * 0.1) < 1e-9);
  assert.equal(of('tuned@1').costPerMillion, null); // the server's CPU time is not seen from here
  assert.ok(['linear', 'Majority'].includes(found.baseline));
  const text = await amaas('compare', 'trained/tuned', ...data);
  assert.match(
    text.stdout,
    /^2 candidates on 101 rows of later\.csv\n[\s\S]*Majority \(baseline\)[\s\S]* at 0\.04 per CPU hour/,
  );
  assert.equal((await amaas('compare', 'trained/tuned', 'trained/tuned', ...data)).code, 2);
});
