// `amaas train` of folders, by the real command and a real server: what is served answers held-out files as the report says.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readIdx, readTar, gunzip } from '@amaas/learn/data';
import sharp from 'sharp';
import { AmaasHome, type CommandResult, type ServedAmaas } from '../../../../conformance/testing/amaas-command.ts';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';

const MNIST = ['images/mnist/t10k-images-idx3-ubyte.gz', 'images/mnist/t10k-labels-idx1-ubyte.gz'] as const;
const FSDD = 'speech/fsdd_360.tar.gz';
const skip = skipWithoutSharedData(...MNIST, FSDD);
const LAUNCHER = resolve(import.meta.dirname, '..', '..', 'bin', 'amaas.mjs');
/** Pictures of the digits 0 to 2 are told apart by a few epochs. */
const PICTURES = 360;

let home: AmaasHome;
let server: ServedAmaas;

before(async () => {
  if (skip) return;
  home = await AmaasHome.create();
  await writeDigits();
  await writeSpoken();
  server = await home.serve(['--bundled-models', 'off']);
});

after(() => home?.dispose());

/** `digits/0/0003.png` and so on, in several formats. */
async function writeDigits(): Promise<void> {
  const [images, labels] = await Promise.all(
    MNIST.map(async (path) => readIdx(await readFile(sharedDataPath(path)), { name: path })),
  );
  assert(images?.dtype === 'uint8' && labels?.dtype === 'uint8');
  const formats = ['png', 'jpeg', 'webp'] as const;
  let written = 0;
  for (let at = 0; written < PICTURES; at++) {
    const digit = labels.data[at] ?? 0;
    if (digit > 2) continue;
    const format = formats[written++ % 3] ?? 'png';
    const raw = { width: 28, height: 28, channels: 1 } as const;
    const picture = sharp(images.data.subarray(at * 784, (at + 1) * 784), { raw }).toFormat(format, { quality: 95 });
    await put(`digits/${digit}/${String(at).padStart(4, '0')}.${format}`, await picture.toBuffer());
  }
}

/** `spoken/7/7_theo_3.wav` and so on: three of the digits, by six speakers. */
async function writeSpoken(): Promise<void> {
  const archive = await gunzip(await readFile(sharedDataPath(FSDD)), { name: FSDD, maxBytes: 1e9 });
  for (const { path, bytes } of readTar(archive, FSDD)) {
    const name = basename(path);
    if (/^[0-2]_.*\.wav$/.test(name)) await put(`spoken/${name[0]}/${name}`, bytes);
  }
}

async function put(name: string, contents: Uint8Array | string): Promise<void> {
  const path = join(home.folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
}

function amaas(...argv: readonly string[]): Promise<CommandResult> {
  return home.run(argv, { environment: { AMAAS_URL: server.url } });
}

async function done(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await amaas(...argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

interface HeldOut {
  readonly file: string;
  readonly label: string;
  readonly scores: readonly number[];
}

async function heldOut(name: string): Promise<readonly HeldOut[]> {
  const text = await readFile(join(home.folder, name), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as HeldOut); // as the command writes them
}

function assertScores(answer: string, expected: readonly number[]): void {
  const { outputs } = JSON.parse(answer) as { outputs: { name: string; data: number[] | number[][] }[] };
  const found = outputs.find(({ name }) => name === 'probabilities')?.data.flat() ?? [];
  assert.equal(found.length, expected.length);
  // A value by itself goes through other kernels than a batch, which round otherwise in the last of 24 bits.
  for (const [at, score] of expected.entries())
    assert.ok(Math.abs((found[at] ?? 2) - score) <= 2e-6, `${at}: ${found[at]}, expected ${score}`);
}

test('train serves a folder of pictures that answers held-out files as the report says', { skip }, async () => {
  const argv = ['digits/', '--epochs', '12', '--label', 'production', '--predictions', 'held-out.jsonl', '--json'];
  const trained = JSON.parse(await done('train', ...argv));
  assert.deepEqual([trained.model, trained.version, trained.rows.test], ['digits', 1, 72]);
  assert.deepEqual(trained.preparation, { kind: 'image', width: 28, height: 28, fit: 'stretch', channels: 'gray' });
  assert.ok(trained.metrics.accuracy > 0.9, JSON.stringify(trained.metrics));
  assert.deepEqual(trained.skipped, []);
  assert.deepEqual((await readdir(join(home.folder, 'trained/digits'))).sort(), [
    'amaas.json',
    'example.json',
    'model.onnx',
    'report.html',
    'report.json',
  ]);
  const rows = await heldOut('held-out.jsonl');
  assert.equal(rows.length, 72);
  const right = rows.filter(({ label, scores }) => scores.indexOf(Math.max(...scores)) === Number(label));
  assert.ok(Math.abs(right.length / 72 - trained.metrics.accuracy) < 1e-9);
  assert.ok(rows.every(({ file, label }) => file.startsWith(`${label}/`)));
  for (const { file, scores } of rows.filter((_, at) => at % 9 === 0)) {
    assertScores(await done('predict', 'digits', '--image', join('digits', file), '--json'), scores);
  }
  const shown = await done('models', 'show', 'digits');
  assert.match(shown, /production/);
  const run = await done('runs', 'show', trained.run);
  assert.ok(run.includes(trained.datasetDigest), run);
  assert.match(await done('runs', 'report', trained.run), /"classes"|"metrics"/);
});

test('eval gives one report of a folder and of the served version, and says what does not fit', { skip }, async () => {
  const local = JSON.parse(await done('eval', 'trained/digits', 'digits', '--json', '--report', 'eval.html'));
  assert.equal(local.n, 360);
  assert.match(await readFile(join(home.folder, 'eval.html'), 'utf8'), /^<!doctype html>/i);
  const served = JSON.parse(await done('eval', 'digits:production', 'digits/', '--json'));
  assert.deepEqual(served.confusionMatrix, local.confusionMatrix);
  // The files that were held out are among these, and their answers those of the training's report.
  for (const { file } of await heldOut('held-out.jsonl')) {
    await mkdir(join(home.folder, 'unseen', dirname(file)), { recursive: true });
    await copyFile(join(home.folder, 'digits', file), join(home.folder, 'unseen', file));
  }
  const unseen = JSON.parse(await done('eval', 'trained/digits', 'unseen', '--json'));
  const report = JSON.parse(await readFile(join(home.folder, 'trained/digits/report.json'), 'utf8'));
  assert.deepEqual(unseen.confusionMatrix, report.confusionMatrix);
  await put('strange/9/a.png', await readFile(join(home.folder, 'trained/digits/model.onnx')));
  const table: readonly (readonly [readonly string[], number, RegExp])[] = [
    [
      ['trained/digits', 'spoken'],
      1,
      /^amaas: eval: trained\/digits takes pictures, and spoken is a folder of recordings/,
    ],
    [['trained/digits', 'digits', '--target', 'x'], 2, /^amaas: --target is for tables; digits is a folder/],
    [
      ['trained/digits', 'strange'],
      1,
      /^amaas: test: there are files of class "9", which the model does not know: .*"0", "1", "2"/,
    ],
    [['nobody', 'digits'], 1, /^amaas: .*nobody/],
  ];
  for (const [argv, code, message] of table) {
    const result = await amaas('eval', ...argv);
    assert.equal(result.code, code, argv.join(' '));
    assert.match(result.stderr, message);
  }
});

test('train says how to ask with a held-out picture, and the lines it says work', { skip }, async () => {
  const out = await done('train', 'digits', '--epochs', '2', '--size', '20x24', '--out', 'small');
  assert.match(
    out,
    /^digits: 360 pictures\npredicts +one of 3 classes: 0 \d+ %, 1 \d+ %, 2 \d+ %\npixels +20 × 24, grey\n/,
  );
  const said =
    /Ask it with a picture it has not seen \((?<file>\S+); it says (?<class>\d), (?<percent>[\d.]+) %\):\n {2}amaas (?<predict>.*)\n {2}(?<curl>curl .*)\n$/.exec(
      out,
    )?.groups;
  assert.ok(said !== undefined, out);
  const answer = await done(...(said['predict'] ?? '').split(' '), '--json');
  assert.match(said['predict'] ?? '', /^predict digits@2 /, 'the name alone means version 1, labelled production');
  const probabilities: number[] = JSON.parse(answer).outputs[1].data[0];
  assert.equal((Math.max(...probabilities) * 100).toFixed(1), said['percent']);
  assert.deepEqual(JSON.parse(answer).outputs[0].data, [said['class']]);
  const key =
    Object.values(JSON.parse(await readFile(home.credentialsFile, 'utf8')) as Record<string, string>)[0] ?? '';
  const { stdout } = await promisify(execFile)('sh', ['-c', `${said['curl']} -s`], {
    cwd: home.folder,
    env: { ...process.env, AMAAS_API_KEY: key },
  });
  assertScores(stdout, probabilities);
});

test('train serves a folder of recordings, cut by speakers, and its example answers as the report says', {
  skip,
}, async () => {
  const argv = ['spoken', '--epochs', '4', '--group-by', '_([a-z]+)_', '--predictions', 'heard.jsonl'];
  const out = await done('train', ...argv);
  assert.match(out, /^spoken: 108 recordings\n[\s\S]*\nsample rate \(hz\) +8000\n/);
  assert.match(out, /slice|group = /i);
  const rows = await heldOut('heard.jsonl');
  const speakers = new Set(rows.map(({ file }) => file.split('_')[1]));
  assert.equal(speakers.size, 1, [...speakers].join());
  assert.equal(rows.length, 18);
  const said = /has not heard \((?<file>\S+); it says .*\n {2}amaas (?<predict>.*)\n/.exec(out)?.groups;
  assert.equal(said?.['file'], `spoken/${rows[0]?.file}`);
  assertScores(await done(...(said?.['predict'] ?? '').split(' '), '--json'), rows[0]?.scores ?? []);
  for (const { file } of rows) {
    await mkdir(join(home.folder, 'unheard', dirname(file)), { recursive: true });
    await copyFile(join(home.folder, 'spoken', file), join(home.folder, 'unheard', file));
  }
  const report = JSON.parse(await readFile(join(home.folder, 'trained/spoken/report.json'), 'utf8'));
  for (const model of ['spoken', 'trained/spoken'])
    assert.deepEqual(
      JSON.parse(await done('eval', model, 'unheard', '--json')).confusionMatrix,
      report.confusionMatrix,
    );
});

test('train reports on a folder of its own with --test, and leaves out what is broken', { skip }, async () => {
  for (const digit of ['0', '1']) {
    const names = (await readdir(join(home.folder, 'digits', digit))).slice(0, 60);
    await mkdir(join(home.folder, 'parts/test', digit), { recursive: true });
    await mkdir(join(home.folder, 'parts/train', digit), { recursive: true });
    for (const [at, name] of names.entries()) {
      const part = at < 10 ? 'test' : 'train';
      await copyFile(join(home.folder, 'digits', digit, name), join(home.folder, 'parts', part, digit, name));
    }
  }
  await put('parts/train/0/broken.png', 'no picture');
  await put('parts/train/1/notes.txt', 'no picture either');
  const refused = await amaas('train', 'parts');
  assert.match(
    refused.stderr,
    /^amaas: media: the pictures of parts lie in test and train, .*parts\/train \(and --test parts\/test/,
  );
  const argv = ['parts/train', '--test', 'parts/test', '--epochs', '2', '--no-deploy', '--name', 'pair'];
  const out = await done('train', ...argv);
  assert.match(
    out,
    /\nfiles +85 to train, 15 to validate, 20 held out\npassed over +1 \.txt file\nwarning: 1 of 101 files is left out: 0\/broken\.png cannot be read/,
  );
  assert.match(out, /It is not served yet\. .*:\n {2}amaas deploy trained\/pair --name pair\n$/);
  assert.match(await done('deploy', 'trained/pair', '--name', 'pair'), /version +pair@1\nstate +READY/);
  for (let at = 0; at < 11; at++) await put(`parts/train/0/bad${at}.png`, 'x');
  const broken = await amaas('train', 'parts/train', '--no-deploy', '--out', 'nothing');
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /amaas: train: 12 of 112 image files cannot be read, too many to leave them out:\n/);
  await assert.rejects(stat(join(home.folder, 'nothing')));
});

test('train refuses what does not fit a folder before anything is read', { skip }, async () => {
  const table: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['digits', '--target', 'x'], 2, /^amaas: --target is for tables; digits is a folder of pictures, whose classes/],
    [['digits', '--server'], 2, /^amaas: --server takes tables only, and digits is a folder; without --server it is/],
    [['spoken', '--size', '32'], 2, /^amaas: --size is for pictures; spoken is a folder of recordings/],
    [['digits', '--label', 'x', '--no-deploy'], 2, /^amaas: --label needs a deployment/],
    [['digits', '--test', 'spoken'], 1, /^amaas: train: spoken holds other media than what is learned/],
    [['digits/0'], 1, /^amaas: media: \d+ pictures of digits\/0 lie in no folder/],
    [['nowhere/'], 1, /^amaas: train: there is no folder nowhere\//],
    [['nowhere'], 2, /^amaas: there is no file or folder nowhere; for a dataset of the server give --target/],
    [['digits', '--group-by', 'x(.)', '--no-deploy', '--out', 'none'], 1, /finds no group in the file name 0\/\d+\./],
  ];
  for (const [argv, code, message] of table) {
    const result = await amaas('train', ...argv);
    assert.equal(result.code, code, argv.join(' '));
    assert.match(result.stderr, message);
  }
  await put('heart.csv', 'a,b\n1,2\n');
  assert.match(
    (await amaas('train', 'heart.csv', '--gray', '--target', 'b')).stderr,
    /--gray is for folders of pictures; /,
  );
  assert.match(
    (await amaas('train', 'heart.csv')).stderr,
    /^amaas: give --target <column>: which column of heart\.csv/,
  );
});

test('train of a folder ends at Ctrl-C with nothing written, and goes on to the very same model', {
  skip,
}, async () => {
  const argv = ['train', 'digits', '--no-deploy', '--size', '32', '--epochs', '6', '--seed', '3'];
  await done(...argv, '--out', 'whole');
  const child = spawn(process.execPath, [LAUNCHER, ...argv, '--out', 'stopped'], {
    cwd: home.folder,
    env: { PATH: process.env['PATH'], HOME: home.folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = once(child, 'exit');
  const checkpoint = join(home.folder, 'stopped/checkpoints/training.json');
  while (child.exitCode === null && (await stat(checkpoint).catch(() => null)) === null) await sleep(20);
  child.kill('SIGINT');
  const [code] = await exited;
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /^amaas: \w+: cancelled.*\nNothing was deployed\. Repeat the command with --resume to go on\.$/m,
  );
  assert.deepEqual(await readdir(join(home.folder, 'stopped')), ['checkpoints']);
  const first = join(home.folder, 'digits', '0', (await readdir(join(home.folder, 'digits/0')))[0] ?? '');
  const kept = await readFile(first);
  await rm(first);
  const other = await amaas(...argv, '--out', 'stopped', '--resume');
  assert.match(other.stderr, /the checkpoints in .* are of a training with other data or other settings/);
  await writeFile(first, kept);
  await done(...argv, '--out', 'stopped', '--resume');
  const model = (out: string): Promise<Buffer> => readFile(join(home.folder, out, 'model.onnx'));
  assert.ok((await model('stopped')).equals(await model('whole')));
});
