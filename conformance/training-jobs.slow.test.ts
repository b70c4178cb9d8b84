// The job kind `train` on a real server: the command submits and watches it, the version serves with its lineage, the model
// is the one the command trains by itself, and a server that is killed goes on where the job was.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient, type Job } from '@amaas/client';
import { type CommandResult, runCommand } from '../packages/cli/src/testing/run-command.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { type ChildServer, startChildServer } from './testing/child-server.ts';
import { ADMIN_KEY } from './testing/running-server.ts';

const FILES = ['heart_train.csv', 'titanic.csv', 'california_housing.csv'] as const;
const skip = skipWithoutSharedData(...FILES.map((file) => `tabular/${file}`));

let folder: string;
let server: ChildServer;

before(async () => {
  if (skip) return;
  folder = await mkdtemp(join(tmpdir(), 'amaas-training-'));
  for (const file of FILES) await copyFile(sharedDataPath(`tabular/${file}`), join(folder, file));
  server = await start();
});

after(async () => {
  if (skip) return;
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<ChildServer> {
  const started = await startChildServer({ dataDir: join(folder, 'data') });
  assert.ok(started !== null);
  return started;
}

function amaas(...argv: readonly string[]): Promise<CommandResult> {
  return runCommand(argv, { environment: { AMAAS_URL: server.url, AMAAS_API_KEY: ADMIN_KEY }, cwd: folder });
}

async function done(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await amaas(...argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

function client() {
  return createClient({ url: server.url, apiKey: ADMIN_KEY });
}

test('train --server uploads, trains as a job, serves with its lineage, and says how to ask', { skip }, async () => {
  const printed = await done(
    'train', 'titanic.csv', '--target', 'survived', '--exclude', 'alive', '--server', '--epochs', '20', '--label', 'production',
  ); // biome-ignore format: a command line
  assert.match(printed, /^job job_[0-9a-f]{16} trains on titanic@1; Ctrl-C ends the watching only/);
  assert.match(printed, /^Evaluation of \w+ on titanic@1\.csv: binary, 179 rows$/m);
  assert.match(printed, /^served +titanic@1 as production at http/m);
  const data = /^ {2}amaas predict titanic --data '(.+)'$/m.exec(printed)?.[1] ?? '';
  assert.match(await done('predict', 'titanic', '--data', data), /label +string \[1\]/);

  const version = await client().models.getVersion('titanic', 1);
  const run = await client().runs.get(String(version.lineage['run']));
  assert.deepEqual(
    [
      run.kind,
      run.state,
      run.model,
      run.version,
      run.seed,
      run.datasets.map(({ name, version: of }) => `${name}@${of}`),
    ],
    ['train', 'succeeded', 'titanic', 1, 0, ['titanic@1']],
  );
  assert.equal(version.lineage['datasetDigest'], run.datasets[0]?.digest);
  assert.deepEqual(version.lineage['metrics'], run.metrics);
  assert.ok((run.metrics['accuracy'] ?? 0) > 0.78);
  assert.match(await client().runs.report(run.id, 'html'), /^<!doctype html>/i);
  const dataset = await client().datasets.getVersion('titanic', 1);
  assert.equal((dataset.summary as { rowCount: number }).rowCount, 891); // learn's TableSummary
  assert.match(await client().jobs.log(String(run.job)), / titanic@1\.csv: 891 rows, 15 columns$/m);
  const evaluated = JSON.parse(await done('eval', 'titanic', 'titanic.csv', '--json'));
  assert.equal(evaluated.n, 891);
});

test('a dataset of the server is trained there, and gives the model the command trains by itself', {
  skip,
}, async () => {
  await done('datasets', 'upload', 'heart_train.csv', '--name', 'heart');
  const settings = ['--target', 'target', '--seed', '4', '--epochs', '30', '--json'];
  const job = JSON.parse(await done('train', 'heart', '--name', 'by-job', ...settings));
  assert.deepEqual([job.model, job.version, job.dataset], ['by-job', 1, 'heart']);
  const own = JSON.parse(await done('train', 'heart_train.csv', '--name', 'by-command', ...settings));
  assert.deepEqual(job.metrics, own.metrics);
  const file = async (model: string) =>
    (await client().models.getVersion(model, 1)).files.find(({ path }) => path === 'model.onnx')?.digest;
  assert.equal(await file('by-job'), await file('by-command'));
});

test('what cannot be trained is refused at once, or fails with what to do, and makes no version', {
  skip,
}, async () => {
  const submit = (configuration: Record<string, unknown>) => client().jobs.submit({ kind: 'train', configuration });
  await assert.rejects(submit({ dataset: 'absent', target: 'y' }), { reason: 'DATASET_NOT_FOUND' });
  await assert.rejects(submit({ dataset: 'heart@7', target: 'y' }), { reason: 'DATASET_NOT_FOUND' });
  await assert.rejects(submit({ dataset: 'heart' }), { reason: 'MALFORMED_REQUEST', message: /target/ });
  await assert.rejects(submit({ dataset: 'heart', target: 'y', epoch: 3 }), {
    reason: 'MALFORMED_REQUEST',
    message: /epoch/,
  });
  const both = { dataset: 'heart', target: 'y', groupBy: 'age', timeBy: 'age' };
  await assert.rejects(submit(both), { reason: 'INVALID_ARGUMENT', message: /groupBy or by timeBy/ });
  const failed = await client().jobs.wait((await submit({ dataset: 'heart', target: 'targt', model: 'nothing' })).id);
  assert.equal(failed.state, 'failed');
  assert.match(failed.error?.message ?? '', /there is no column "targt"; .*Did you mean "target"\?/);
  assert.equal((await client().runs.get(failed.id.replace('job_', 'run_'))).state, 'failed');
  await assert.rejects(client().models.get('nothing'), { reason: 'MODEL_NOT_FOUND' });
  const shown = await amaas('train', 'heart', '--target', 'targt', '--name', 'nothing');
  assert.equal(shown.code, 1);
  assert.match(
    shown.stderr,
    /^amaas: job job_\w+ failed: .*Did you mean "target"\?\nSee what it printed with: amaas jobs log job_\w+\n$/m,
  );
  const used = await amaas('train', 'heart', '--target', 'target', '--resume');
  assert.deepEqual(
    [used.code, used.stderr],
    [2, 'amaas: --resume is for a training on this machine; the server trains, keeps and serves by itself\n'],
  );
});

/** Long enough to be at work for a while. */
const LONG = {
  dataset: 'houses',
  target: 'median_house_value',
  epochs: 10,
  hidden: [384, 192],
} as const;

async function submitLong(model: string): Promise<Job> {
  return client().jobs.submit({ kind: 'train', configuration: { ...LONG, model } });
}

test('a cancelled training makes no version, and its run says so', { skip }, async () => {
  await done('datasets', 'upload', 'california_housing.csv', '--name', 'houses');
  const job = await submitLong('cancelled');
  for await (const event of client().jobs.events(job.id)) {
    if (event.type === 'progress' && event.progress.phase === 'train') break;
  }
  await client().jobs.cancel(job.id);
  assert.equal((await client().jobs.wait(job.id)).state, 'cancelled');
  assert.equal((await client().runs.get(job.id.replace('job_', 'run_'))).state, 'cancelled');
  await assert.rejects(client().models.get('cancelled'), { reason: 'MODEL_NOT_FOUND' });
});

test('a server that is killed goes on with the training, and the model is that of one never killed', {
  skip,
}, async () => {
  const whole = await client().jobs.wait((await submitLong('whole')).id);
  assert.equal(whole.state, 'succeeded', whole.error?.message);
  const job = await submitLong('killed');
  for await (const event of client().jobs.events(job.id)) {
    if (event.type === 'checkpoint' && event.note['candidate'] === 'perceptron') break;
  }
  await server.kill();
  server = await start();
  const ended = await client().jobs.wait(job.id);
  assert.equal(ended.state, 'succeeded', ended.error?.message);
  assert.equal(ended.attempt, 2);
  const result = (of: Job) => of.result as { readonly metrics: object; readonly scores: readonly number[] }; // of the kind
  assert.deepEqual(result(ended).metrics, result(whole).metrics);
  assert.deepEqual(result(ended).scores, result(whole).scores);
  const [killed] = (await client().models.getVersion('killed', 1)).files.filter(({ path }) => path === 'model.onnx');
  const [never] = (await client().models.getVersion('whole', 1)).files.filter(({ path }) => path === 'model.onnx');
  assert.equal(killed?.digest, never?.digest);
  assert.equal((await client().models.get('killed')).versions.length, 1);
  const report = await client().runs.report(job.id.replace('job_', 'run_'), 'json');
  assert.equal(JSON.parse(report).n, 4128);
});
