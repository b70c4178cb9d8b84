// `amaas datasets`, `amaas runs` and `amaas jobs` against a real server: what they print, for people and for machines, and
// their exit codes.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@amaas/client';
import { type CommandResult, runCommand } from '../packages/cli/src/testing/run-command.ts';
import { countingKinds } from './testing/counting-kind.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

let server: TestServer;
let folder: string;

before(async () => {
  server = await startTestServer({}, { jobKinds: countingKinds });
  folder = await mkdtemp(join(tmpdir(), 'amaas-cli-'));
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function amaas(...argv: readonly string[]): Promise<CommandResult> {
  return runCommand(argv, { environment: { AMAAS_URL: server.url, AMAAS_API_KEY: ADMIN_KEY }, cwd: folder });
}

/** What it printed, of a command that must go well. */
async function printed(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await amaas(...argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function submit(configuration: Readonly<Record<string, unknown>>): Promise<string> {
  const client = createClient({ url: server.url, apiKey: ADMIN_KEY });
  return (await client.jobs.submit({ kind: 'count', configuration })).id;
}

test('amaas datasets uploads, lists, shows, downloads and deletes', async () => {
  assert.match(await printed('datasets', 'list'), /No datasets yet\. Upload one with: amaas datasets upload <file>/);
  await writeFile(join(folder, 'Heart Disease.csv'), 'age,target\n63,1\n');
  const shown = await printed('datasets', 'upload', 'Heart Disease.csv');
  assert.match(
    shown,
    /^dataset {3}heart-disease@1\ndigest {4}sha256:[0-9a-f]{64}\nsize {6}16 B\nfile {6}Heart Disease\.csv\n/,
  );
  const again = JSON.parse(
    await printed('datasets', 'upload', 'Heart Disease.csv', '--name', 'heart-disease', '--json'),
  );
  assert.equal(again.version, 1);
  await writeFile(join(folder, 'second.csv'), 'age,target\n');
  await printed('datasets', 'upload', 'second.csv', '--name', 'heart-disease');
  assert.match(
    await printed('datasets', 'list'),
    /^DATASET +VERSION +SIZE +FILE +UPLOADED +BY\nheart-disease +2 +11 B +second\.csv +/,
  );
  assert.match(await printed('datasets', 'show', 'heart-disease'), /heart-disease +1 .*\nheart-disease +2 /);
  await printed('datasets', 'download', 'heart-disease@1', 'copy.csv');
  assert.equal(await readFile(join(folder, 'copy.csv'), 'utf8'), 'age,target\n63,1\n');
  assert.equal((await amaas('datasets', 'download', 'heart-disease@1', 'copy.csv')).code, 1, 'nothing is overwritten');
  await printed('datasets', 'delete', 'heart-disease@2');
  const conflict = await amaas('datasets', 'upload', 'second.csv', '--name', 'heart-disease', '--set-version', '1');
  assert.deepEqual([conflict.code, conflict.stdout], [1, '']);
  assert.match(conflict.stderr, /version 1 of dataset "heart-disease" exists with other contents/);
  const absent = await amaas('datasets', 'show', 'none');
  assert.match(absent.stderr, /there is no dataset "none"\nSee what is there with: amaas datasets list/);
  for (const bad of [['show', 'heart@x'], ['upload', 'second.csv', '--set-version', '0'], ['upload']]) {
    assert.equal((await amaas('datasets', ...bad)).code, 2, bad.join(' '));
  }
  assert.equal((await amaas('datasets', 'upload', 'absent.csv')).code, 1);
  await printed('datasets', 'delete', 'heart-disease');
});

test('amaas jobs watches, shows and lists a job, and amaas runs what it did', async () => {
  await writeFile(join(folder, 'source.csv'), 'a\n1\n');
  await printed('datasets', 'upload', 'source.csv');
  const id = await submit({ steps: 5, stepMs: 20, model: 'counter' });
  assert.match(
    await printed('jobs', 'watch', id),
    new RegExp(`^job +${id}\nkind +count\nstate +succeeded\nmodel +counter\n`),
  );
  assert.match(await printed('jobs', 'show', id), /\nresult +run run_[0-9a-f]+\n +counted 5\n$/);
  assert.match(
    await printed('jobs', 'list', '--state', 'succeeded'),
    new RegExp(`^ID +KIND +STATE .*\n${id} +count +succeeded +counter +\\S`),
  );
  assert.deepEqual(JSON.parse(await printed('jobs', 'list', '--kind', 'other', '--json')), { jobs: [] });
  const log = await printed('jobs', 'log', id);
  assert.match(log, /counting from 0 to 5\n[\s\S]*\n\S+ -- succeeded\n\S+ run run_[0-9a-f]+\n\S+ counted 5\n$/);
  assert.match(await printed('jobs', 'log', id, '--tail', '1'), /^\S+ counted 5\n$/);
  const lines = (await printed('jobs', 'watch', id, '--json'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual([lines[0].type, lines.at(-1).type, lines.at(-1).job.state], ['job', 'end', 'succeeded']);

  const run = id.replace('job_', 'run_');
  const shown = await printed('runs', 'show', run);
  for (const line of [
    /^run +run_/,
    /\nmodel +counter\n/,
    /\ndata \(train\) +source@1 {2}sha256:/,
    /\nseed +7\n/,
    /\ncounted +5\n/,
  ])
    assert.match(shown, line);
  assert.match(
    await printed('runs', 'list', '--dataset', 'source'),
    new RegExp(`\n${run} +count +succeeded +counter +source@1 +counted 5 `),
  );
  assert.match(await printed('runs', 'list', '--model', 'other'), /No such runs/);
  assert.deepEqual(JSON.parse(await printed('runs', 'report', run)), { counted: 5 });
  await printed('runs', 'report', run, 'report.html');
  assert.match(await readFile(join(folder, 'report.html'), 'utf8'), /<title>run_/);
  const inUse = await amaas('datasets', 'delete', 'source');
  assert.match(inUse.stderr, new RegExp(`was read by the run ${run}.*\nDelete it all the same with --force`));
  await printed('datasets', 'delete', 'source', '--force');
  await printed('runs', 'delete', run);
  assert.match(
    (await amaas('runs', 'show', run)).stderr,
    /there is no run .*\nSee what is there with: amaas runs list/,
  );
});

test('amaas jobs tells why a job failed, ends one, and exits with 1', async () => {
  const failing = await submit({ steps: 2, at: 1, trouble: 'throw' });
  const watched = await amaas('jobs', 'watch', failing);
  assert.equal(watched.code, 1);
  assert.match(watched.stdout, /\nstate +failed: column "age" has 3 rows of text \(INVALID_DATA\)\n/);
  assert.match(watched.stderr, /failed: column "age" .*\nSee what it printed with: amaas jobs log job_/);
  const long = await submit({ steps: 100_000, stepMs: 10 });
  const watching = amaas('jobs', 'watch', long);
  assert.match(
    await printed('jobs', 'cancel', long),
    /^job job_\S+ is (asked to end; see: amaas jobs watch job_\S+|cancelled)\n$/,
  );
  assert.equal((await watching).code, 1);
  const again = await amaas('jobs', 'cancel', long);
  assert.match(again.stderr, /cannot be cancelled: its state is cancelled/);
  const absent = await amaas('jobs', 'show', 'job_00', '--json');
  assert.deepEqual([absent.code, JSON.parse(absent.stdout).error.reason], [1, 'JOB_NOT_FOUND']);
  for (const bad of [['list', '--state', 'tired'], ['list', '--limit', '0'], ['log'], ['log', long, '--tail', 'x']]) {
    assert.equal((await amaas('jobs', ...bad)).code, 2, bad.join(' '));
  }
});
