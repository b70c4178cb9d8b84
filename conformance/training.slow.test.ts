// `amaas train` on real files, by the real command and a real server: what is served answers the raw held-out rows with
// the very numbers the report was made from; what was interrupted ends as if it had not been; `amaas eval` agrees.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { AmaasHome, type CommandResult, type ServedAmaas } from './testing/amaas-command.ts';
import { type Asked, askRows, assertSameScores, readHeldOut } from './testing/held-out.ts';

const TABULAR = 'tabular';
const FILES = [
  'heart_train.csv',
  'titanic.csv',
  'california_housing.csv',
  'Telco-Customer-Churn.csv',
  'winequality-red.csv',
] as const;
const skip = skipWithoutSharedData(...FILES.map((file) => `${TABULAR}/${file}`));

let home: AmaasHome;
let server: ServedAmaas;
let key: string;

before(async () => {
  if (skip) return;
  home = await AmaasHome.create();
  for (const file of FILES) await copyFile(sharedDataPath(`${TABULAR}/${file}`), join(home.folder, file));
  server = await home.serve(['--bundled-models', 'off']);
  key = Object.values(JSON.parse(await readFile(home.credentialsFile, 'utf8')) as Record<string, string>)[0] ?? '';
});

after(() => home?.dispose());

function amaas(...argv: readonly string[]): Promise<CommandResult> {
  return home.run(argv, { environment: { AMAAS_URL: server.url } });
}

/** What it printed, of a command that must go well; progress may be on standard error. */
async function done(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await amaas(...argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

interface Trained {
  readonly model: string;
  readonly version: number;
  readonly run: string;
  readonly folder: string;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  readonly metrics: Readonly<Record<string, number>>;
}

async function trainJson(...argv: readonly string[]): Promise<Trained> {
  return JSON.parse(await done('train', ...argv, '--predictions', 'held-out.jsonl', '--json')) as Trained; // its facts
}

function asked(model: string): Asked {
  return { url: server.url, key, model };
}

const CASES: readonly {
  readonly what: string;
  readonly argv: readonly string[];
  readonly model: string;
  readonly test: number;
  readonly check: (metrics: Readonly<Record<string, number>>) => boolean;
}[] = [
  {
    what: 'numbers and codes',
    argv: ['heart_train.csv', '--target', 'target', '--name', 'heart'],
    model: 'heart',
    test: 61,
    check: ({ rocAuc = 0 }) => rocAuc > 0.85,
  },
  {
    what: 'text, booleans and missing values',
    argv: ['titanic.csv', '--target', 'survived', '--exclude', 'alive', '--label', 'production'],
    model: 'titanic',
    test: 179,
    check: ({ accuracy = 0 }) => accuracy > 0.78,
  },
  {
    what: 'a number, with missing values, in more rows than one request',
    argv: ['california_housing.csv', '--target', 'median_house_value', '--epochs', '3', '--seed', '7'],
    model: 'california_housing',
    test: 4128,
    check: ({ r2 = 0 }) => r2 > 0.6,
  },
  {
    what: 'blanks among numbers, and an identifier',
    argv: ['Telco-Customer-Churn.csv', '--target', 'Churn', '--epochs', '3'],
    model: 'telco-customer-churn',
    test: 1409,
    check: ({ rocAuc = 0 }) => rocAuc > 0.8,
  },
  {
    what: 'a file without a header, and six classes',
    argv: ['winequality-red.csv', '--target', 'column12', '--name', 'wine', '--hidden', 'none'],
    model: 'wine',
    test: 320,
    check: ({ accuracy = 0 }) => accuracy > 0.5,
  },
];

for (const { what, argv, model, test: testRows, check } of CASES) {
  test(`train serves ${argv[0]} (${what}), and what is served answers as the report says`, { skip }, async () => {
    const trained = await trainJson(...argv);
    assert.deepEqual([trained.model, trained.version, trained.rows.test], [model, 1, testRows]);
    assert.ok(check(trained.metrics), JSON.stringify(trained.metrics));
    const rows = await readHeldOut(join(home.folder, 'held-out.jsonl'));
    assert.equal(rows.length, testRows);
    await assertSameScores(asked(model), rows);
    // A row by itself goes through other kernels, which round otherwise in the last of 24 bits.
    for (const row of rows.slice(0, 20)) {
      const [alone = []] = await askRows(asked(model), [row]);
      row.scores.forEach((score, index) => {
        const difference = Math.abs((alone[index] ?? Number.NaN) - score);
        assert.ok(difference <= 1e-5 * Math.abs(score) + 1e-7, `${alone[index]} for ${score}`);
      });
    }
  });
}

test('train leaves a folder that says everything, a version that knows where it comes from, and a run', {
  skip,
}, async () => {
  const trained = await trainJson(
    'heart_train.csv',
    '--target',
    'target',
    '--name',
    'heart',
    '--seed',
    '3',
    '--epochs',
    '9',
  );
  assert.deepEqual((await readdir(trained.folder)).sort(), [
    'amaas.json',
    'example.json',
    'model.onnx',
    'report.html',
    'report.json',
  ]);
  const version = JSON.parse(await done('models', 'show', `heart@${trained.version}`, '--json'));
  const { lineage, manifest, files } = version;
  assert.equal(lineage.run, trained.run);
  assert.equal(lineage.seed, 3);
  assert.match(lineage.datasetDigest, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual([lineage.configuration.target, lineage.configuration.epochs], ['target', 9]);
  assert.equal(lineage.metrics.accuracy, trained.metrics['accuracy']);
  assert.deepEqual(manifest.labels, ['0', '1']);
  assert.deepEqual(files.map(({ path }: { path: string }) => path).sort(), [
    'amaas.json',
    'example.json',
    'model.onnx',
  ]);
  const run = JSON.parse(await done('runs', 'show', trained.run, '--json'));
  assert.deepEqual([run.kind, run.state, run.model, run.version], ['train', 'succeeded', 'heart', trained.version]);
  await done('runs', 'report', trained.run, 'report-of-run.html');
  assert.equal(
    await readFile(join(home.folder, 'report-of-run.html'), 'utf8'),
    await readFile(join(trained.folder, 'report.html'), 'utf8'),
  );
});

test('train says how to ask, and the lines it says work', { skip }, async () => {
  const printed = await done('train', 'titanic.csv', '--target', 'survived', '--exclude', 'alive', '--epochs', '3');
  assert.match(printed, /^titanic\.csv: 891 rows, 15 columns\npredicts +survived, one of 2 classes: 0 62 %, 1 38 %\n/);
  assert.match(printed, /^warning: column "deck" has no value in 77\.2 % of the rows/m);
  assert.match(printed, /^Accuracy +0\.\d{4} +0\.\d{4} … 0\.\d{4} /m);
  const [, asked = '', data = ''] = /^ {2}amaas predict (\S+) --data '(.+)'$/m.exec(printed) ?? [];
  const answer = /^Ask it with a row it has not seen \(it says ([01]), [\d.]+ %\):$/m.exec(printed)?.[1];
  const version = /^served +titanic@(\d+) /m.exec(printed)?.[1];
  assert.equal(asked, `titanic@${version}`, 'the name alone means version 1, labelled production');
  assert.match(await done('predict', asked, '--data', data), new RegExp(`label +string \\[1\\]\\n +\\["${answer}"\\]`));
  const body = /^ {2}curl -H "Authorization: Bearer \$AMAAS_API_KEY" (\S+) -d '(.+)'$/m.exec(printed);
  const reply = await fetch(body?.[1] ?? '', {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-www-form-urlencoded' }, // as curl -d says
    body: body?.[2] ?? '',
  });
  assert.equal(reply.status, 200, await reply.text());
  // The very file, missing cells and columns of no use to it included.
  assert.match(await done('predict', 'titanic', '@titanic.csv'), /label +string \[891\]/);
});

test('eval gives one report of a folder and of the served version', { skip }, async () => {
  const local = JSON.parse(await done('eval', 'trained/titanic', 'titanic.csv', '--json'));
  const versions = JSON.parse(await done('models', 'show', 'titanic', '--json')).versions;
  const newest = Math.max(...versions.map(({ version }: { version: number }) => version));
  const served = JSON.parse(await done('eval', `titanic@${newest}`, 'titanic.csv', '--json'));
  assert.deepEqual(served.metrics, local.metrics);
  assert.deepEqual(served.confusionMatrix, local.confusionMatrix);
  assert.equal(local.n, 891);
  const other = await amaas('eval', 'trained/titanic', 'heart_train.csv');
  assert.equal(other.code, 1);
  assert.match(other.stderr, /^amaas: .*there is no column "pclass"; there are "age", "sex"/);
  assert.match((await amaas('eval', 'titanic.csv', 'titanic.csv')).stderr, /^amaas: .*/);
});

test('train without a server writes the folder and says how to deploy it', { skip }, async () => {
  const { code, stdout, stderr } = await home.run(
    ['train', 'heart_train.csv', '--target', 'target', '--out', 'alone', '--epochs', '2', '--report', 'alone.html'],
    { environment: {} },
  );
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /It is not served yet\. With a server running \(amaas serve\):\n {2}amaas deploy alone --name heart_train\n$/,
  );
  assert.match(await readFile(join(home.folder, 'alone.html'), 'utf8'), /^<!doctype html>/i);
  assert.match(await done('deploy', 'alone', '--name', 'alone'), /version +alone@1\nstate +READY/);
});

/** A network wide enough to be at work when its first checkpoint, after five seconds, is written. */
const LONG = [
  'train',
  'california_housing.csv',
  '--target',
  'median_house_value',
  '--no-deploy',
  '--epochs',
  '10',
  '--hidden',
  '1536,1024', // long enough on a fast machine for a checkpoint, which comes every five seconds
];
const LAUNCHER = resolve(import.meta.dirname, '..', 'packages', 'cli', 'bin', 'amaas.mjs');

/** Starts a training and ends it with a signal once its second candidate has a checkpoint. */
async function interrupt(out: string, signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [LAUNCHER, ...LONG, '--out', out], {
    cwd: home.folder,
    env: { PATH: process.env['PATH'], HOME: home.folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const exited = once(child, 'exit');
  const checkpoint = join(home.folder, out, 'checkpoints', 'perceptron.safetensors');
  while (
    child.exitCode === null &&
    !(await stat(checkpoint).then(
      () => true,
      () => false,
    ))
  ) {
    await new Promise((done) => setTimeout(done, 50));
  }
  child.kill(signal);
  await exited;
  return { code: child.exitCode, stderr };
}

test('a training that was interrupted goes on and ends with the very same model and report', { skip }, async () => {
  await done(...LONG, '--out', 'whole');
  const whole = await readFile(join(home.folder, 'whole', 'model.onnx'));
  const report = await readFile(join(home.folder, 'whole', 'report.json'), 'utf8');
  const stopped = await interrupt('stopped', 'SIGINT');
  assert.equal(stopped.code, 1);
  assert.match(
    stopped.stderr,
    /^amaas: train: cancelled\nNothing was deployed\. Repeat the command with --resume to go on\.$/m,
  );
  const killed = await interrupt('killed', 'SIGKILL');
  assert.equal(killed.code, null);
  for (const out of ['stopped', 'killed']) {
    assert.deepEqual(await readdir(join(home.folder, out)), ['checkpoints'], 'nothing half-written');
    const other = await amaas(...LONG, '--seed', '1', '--out', out, '--resume');
    assert.match(
      other.stderr,
      /amaas: train: the checkpoints in .* are of a training with other data or other settings/,
    );
    await done(...LONG, '--out', out, '--resume');
    assert.ok((await readFile(join(home.folder, out, 'model.onnx'))).equals(whole), out);
    assert.equal(await readFile(join(home.folder, out, 'report.json'), 'utf8'), report);
  }
});

test('a model that cannot be handed over is said before the training', { skip }, async () => {
  const wrongKey = await home.run(['train', 'heart_train.csv', '--target', 'target', '--out', 'refused'], {
    environment: { AMAAS_URL: server.url, AMAAS_API_KEY: 'amaas_wrong' },
  });
  assert.equal(wrongKey.code, 1);
  assert.match(wrongKey.stderr, /^amaas: .*key/);
  const nobody = await home.run(['train', 'heart_train.csv', '--target', 'target', '--out', 'refused'], {
    environment: { AMAAS_URL: 'http://127.0.0.1:9' },
  });
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /Start a server with: amaas serve/);
  await assert.rejects(stat(join(home.folder, 'refused')));
  await writeFile(join(home.folder, 'odd name!.csv'), 'a,y\n');
  assert.match((await amaas('train', 'ödd/ÿ.csv', '--target', 'y')).stderr, /give one with --name/);
});
