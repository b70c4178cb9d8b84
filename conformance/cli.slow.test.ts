// The `amaas` command against a server it started itself: every verb, every form of input, what it prints and how it
// ends, from the first start to a restored backup. The tests follow each other as a user's day does.
import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createTensor } from '@amaas/core';
import { encodeNpy } from '@amaas/protocols/npy';
import {
  AmaasHome,
  assertDone,
  assertFailed,
  type CommandResult,
  parseJson,
  type RunOptions,
  type ServedAmaas,
} from './testing/amaas-command.ts';
import { externalDataModel } from './testing/external-data-model.ts';
import { halfPlusModel } from './testing/tfs-models.ts';
import { zipFile } from './testing/zip-file.ts';

const BUNDLED = resolve(import.meta.dirname, '..', 'models');

let home: AmaasHome;
let server: ServedAmaas;
/** Keys that were made; each may be shown where it was made and nowhere else. */
const secrets: string[] = [];

before(async () => {
  home = await AmaasHome.create();
  server = await home.serve(['--allow-private-urls', 'on']);
});

after(() => home.dispose());

/** Runs a verb against the server; the key comes from the credentials file. */
function amaas(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  return home.run(argv, { ...options, environment: { AMAAS_URL: server.url, ...options.environment } });
}

async function json(...argv: readonly string[]): Promise<unknown> {
  const result = await amaas([...argv, '--json']);
  assert.equal(result.code, 0, result.stdout + result.stderr);
  return parseJson(result);
}

async function put(path: string, content: string | Uint8Array): Promise<string> {
  const file = join(home.folder, path);
  await mkdir(resolve(file, '..'), { recursive: true });
  await writeFile(file, content);
  return path;
}

test('serve says where it is, shows the key once and keeps it, and names commands that work', async () => {
  const { banner } = server;
  const key = /amaas_[A-Za-z0-9]{30,}/.exec(banner)?.[0] ?? '';
  secrets.push(key);
  assert.equal(banner.split(key).length, 2, 'the key stands there once');
  assert.match(banner, new RegExp(`amaas serves at +${server.url}\n`));
  assert.match(
    banner,
    /models ready +digits@1, face-detector@1, heart-disease@1, iris@1, magika@1, mnist@1, silero-vad@1, spam@1, spoken-digits@1, story-teller@1\n/,
  );
  assert.match(banner, new RegExp(`models folder +${home.folder}/\\.amaas/models `));
  assert.match(banner, /shown this once/);
  assert.deepEqual(JSON.parse(await readFile(home.credentialsFile, 'utf8')), { [server.url]: key });
  assert.equal((await stat(home.credentialsFile)).mode & 0o777, 0o600);
  const suggested = [...banner.matchAll(/^ {2}amaas (.+)$/gm)].map(([, line = '']) => line);
  assert.deepEqual(
    suggested,
    [
      'models list',
      "predict iris --data '[[5.1, 3.5, 1.4, 0.2]]'",
      "chat story-teller 'Once upon a time'",
      'bench iris',
    ].map(
      (line) => `${line} --url ${server.url}`, // it serves where no command looks by itself
    ),
  );
  assert.match(assertDone(await amaas(['predict', 'iris', '--data', '[[5.1, 3.5, 1.4, 0.2]]'])), /label +int64 \[1\]/);
  for (const line of server.log().trim().split('\n')) assert.equal(typeof JSON.parse(line), 'object', line);
});

test('models list and show', async () => {
  const list = assertDone(await amaas(['models', 'list']));
  assert.match(list, /^MODEL +VERSION +STATE +LABELS +SIZE +OWNER\n/);
  assert.match(list, /^iris +1 +READY +[\d.]+ kB +bundled$/m);
  const { models } = (await json('models', 'list')) as { models: readonly { name: string }[] }; // the admin API's list
  assert.deepEqual(
    models.map(({ name }) => name),
    [
      'digits',
      'face-detector',
      'heart-disease',
      'iris',
      'magika',
      'mnist',
      'silero-vad',
      'spam',
      'spoken-digits',
      'story-teller',
    ],
  );
  const shown = assertDone(await amaas(['models', 'show', 'iris']));
  assert.match(shown, /float_input +float32 \[.*,4\]/);
  assert.match(shown, /licence +MIT/);
  assert.deepEqual(await json('models', 'show', 'iris@1'), await json('models', 'show', 'iris'));
  assertFailed(await amaas(['models', 'show', 'absent']), 1, /^amaas: .*absent[\s\S]*amaas models list\n$/);
  assertFailed(await amaas(['models', 'show', 'iris@9']), 1, /version 9/);
  assertFailed(await amaas(['models', 'show', 'iris:absent']), 2, /no such label: iris:absent/);
});

test('deploy a file, a folder and a URL; a broken file says what is wrong with it', async (t) => {
  await put('half.onnx', halfPlusModel(1));
  assert.match(
    assertDone(await amaas(['deploy', 'half.onnx', '--name', 'half', '--label', 'production', 'old'])),
    /version +half@1\nstate +READY\nlabels +old, production\n/,
  );
  const { model, weights } = externalDataModel('weights/w.bin', [1, 2, 3]);
  await put('folder/model.onnx', model);
  await put('folder/weights/w.bin', weights);
  await put('folder/names.txt', 'cat\ndog\nbird\n');
  await put('folder/amaas.json', '{"labels": "names.txt", "licence": "MIT"}');
  await put('folder/.hidden', 'left out');
  const folder = (await json('deploy', 'folder', '--name', 'scored')) as {
    files: readonly { path: string }[];
    manifest: object;
  }; // VersionDetail
  assert.deepEqual(folder.files.map(({ path }) => path).sort(), [
    'amaas.json',
    'model.onnx',
    'names.txt',
    'weights/w.bin',
  ]);
  assert.deepEqual(folder.manifest, { labels: ['cat', 'dog', 'bird'], licence: 'MIT' });
  const best = assertDone(await amaas(['predict', 'scored', '--data', '[[3, 1, 2]]']));
  assert.match(best, /bird 6\n +cat 3\n +dog 2/);

  const web = createServer((request, response) => {
    if (request.url === '/half.onnx') response.end(halfPlusModel(2));
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done));
  t.after(() => web.close());
  const { port } = web.address() as AddressInfo; // it listens on TCP
  const url = (await json('deploy', `http://127.0.0.1:${port}/half.onnx`, '--name', 'half')) as { version: number }; // VersionDetail
  assert.equal(url.version, 2);
  assertFailed(
    await amaas(['deploy', `http://127.0.0.1:${port}/absent.onnx`, '--name', 'half']),
    1,
    /^amaas: fetch: .*404/,
  );

  await put('manifest.json', '{"batching": {"dim": null}}');
  const off = (await json('deploy', 'half.onnx', '--name', 'half', '--manifest', 'manifest.json')) as {
    serving: { batching: object };
  }; // VersionDetail
  assert.ok('off' in off.serving.batching);
  await put('cut.onnx', halfPlusModel(1).subarray(0, 70));
  assertFailed(await amaas(['deploy', 'cut.onnx', '--name', 'half']), 1, /^amaas: onnx: /);
  await put('wrong.json', '{"batching": {"maxsize": 3}}');
  assertFailed(
    await amaas(['deploy', 'half.onnx', '--name', 'half', '--manifest', 'wrong.json']),
    1,
    /\/manifest\/batching\/maxsize is not a known field/,
  );
  assertFailed(await amaas(['deploy', 'absent.onnx', '--name', 'half']), 1, /^amaas: .*absent\.onnx/);
  assertFailed(await amaas(['deploy', 'half.onnx', '--name', 'Half']), 1, /^amaas: model name "Half" is not allowed/);
  assertFailed(await amaas(['deploy', 'half.onnx', '--name', 'iris']), 1, /belongs to the models that come with amaas/);
  await mkdir(join(home.folder, 'empty'));
  assertFailed(await amaas(['deploy', 'empty', '--name', 'half']), 1, /there is no file in /);
});

test('models label, unlabel, policy, unload, load and delete', async () => {
  assert.equal(assertDone(await amaas(['models', 'label', 'half', 'canary', '2'])), 'half:canary is now version 2\n');
  assert.deepEqual(await answerOf('half:canary'), [2]);
  assert.equal(assertDone(await amaas(['models', 'unlabel', 'half', 'canary'])), 'half has no label canary any more\n');
  assertFailed(await amaas(['models', 'unlabel', 'half', 'canary']), 1, /has no label "canary"/);
  assertFailed(
    await amaas(['models', 'label', 'half', 'canary', '9']),
    1,
    /has no version 9; its versions are 1, 2, 3/,
  );
  assert.equal(assertDone(await amaas(['models', 'policy', 'half', 'all'])), 'half serves all\n');
  assert.deepEqual(await answerOf('half@2'), [2]);
  assert.equal(assertDone(await amaas(['models', 'policy', 'half', '1,2'])), 'half serves versions 1, 2\n');
  assert.equal(assertDone(await amaas(['models', 'policy', 'half', 'latest'])), 'half serves latest 1\n');
  for (const [wrong, message] of [
    [['models', 'policy', 'half', 'newest'], /policy must be latest, latest:<n>, all, none or numbers/],
    [['models', 'label', 'half', 'x', 'one'], /version must be a whole number/],
    [['models', 'delete', 'half:old'], /give a version to delete/],
  ] as const) {
    assertFailed(await amaas(wrong), 2, message);
  }
  assert.match(assertDone(await amaas(['models', 'unload', 'half'])), /serves +none/);
  assertFailed(await amaas(['predict', 'half', '--data', '[0]']), 1, /^amaas: .*half/);
  assert.match(assertDone(await amaas(['models', 'load', 'half'])), /half +3 +READY/);
  assertFailed(await amaas(['models', 'delete', 'half@1']), 1, /carries the labels "old", "production"/);
  assert.equal(assertDone(await amaas(['models', 'delete', 'half@2'])), 'half@2 is deleted\n');
  assertFailed(await amaas(['models', 'delete', 'iris']), 1, /comes with amaas/);
});

/** What a model of half_plus_two's kind answers for x = 0. */
async function answerOf(model: string): Promise<unknown> {
  const { outputs } = (await json('predict', model, '--data', '[0]')) as { outputs: readonly [{ data: unknown }] }; // the verb's own form
  return outputs[0].data;
}

test('predict takes its inputs in every form, and always the same ones', async () => {
  const row = [5.1, 3.5, 1.4, 0.2];
  const text = `[[${row.join(', ')}]]`;
  const request = JSON.stringify({ inputs: [{ name: 'float_input', shape: [1, 4], datatype: 'FP32', data: row }] });
  const npy = encodeNpy(createTensor('float64', [1, 4], Float64Array.from(row)));
  await put('row.json', text);
  await put('request.json', request);
  await put('row.npy', npy);
  await put('rows.npz', zipFile(new Map([['float_input.npy', npy]])));
  await put('row.csv', `sepal_length,sepal_width,petal_length,petal_width\n${row.join(',')}\n`);
  const expected = await json('predict', 'iris', '--data', text);
  const { outputs } = expected as { outputs: readonly { name: string; data: unknown }[] }; // the verb's own form
  assert.deepEqual(
    outputs.map(({ name }) => name),
    ['output_label', 'output_probability'],
  );
  assert.deepEqual(outputs[0]?.data, [0]);
  for (const form of [
    ['--data', `{"float_input": ${text}}`],
    ['--data', request],
    ['--input', `float_input=${text}`],
    ['--input', 'float_input=@row.json'],
    ['--input', 'float_input=@row.npy'],
    ['@row.json'],
    ['@request.json'],
    ['@row.npy'],
    ['@rows.npz'],
    ['@row.csv'],
    ['--csv', 'row.csv'],
  ]) {
    assert.deepEqual(await json('predict', 'iris', ...form), expected, form.join(' '));
  }
  const piped = await amaas(['predict', 'iris', '--data', '-', '--json'], { stdin: text });
  assert.deepEqual(parseJson(piped), expected);
  const one = (await json('predict', 'iris@1', '--data', text, '--output', 'output_label')) as {
    outputs: readonly object[];
  }; // as above
  assert.equal(one.outputs.length, 1);
});

test('predict prepares pictures and takes several inputs', async () => {
  const face = join(BUNDLED, 'face-detector', '1', 'example.jpg');
  const scores = (answer: unknown) =>
    (answer as { outputs: readonly { data: readonly (readonly (readonly number[])[])[] }[] }).outputs[0]?.data[0] ?? []; // as above
  const found = await json('predict', 'face-detector', '--image', face);
  assert.ok(Math.max(...scores(found).map(([, score = 0]) => score)) > 0.9);
  assert.deepEqual(await json('predict', 'face-detector', `@${face}`), found);
  assert.deepEqual(await json('predict', 'face-detector', '--image', face, '--input-name', 'input'), found);
  assertFailed(await amaas(['predict', 'iris', '--image', face]), 1, /declares no preparation of pictures/);
  await put('cut.jpg', (await readFile(face)).subarray(0, 200));
  assertFailed(await amaas(['predict', 'face-detector', '--image', 'cut.jpg']), 1, /^amaas: .*cut\.jpg/);
  for (const model of ['mnist', 'magika', 'silero-vad']) {
    assertDone(await amaas(['predict', model, `@${join(BUNDLED, model, '1', 'example.json')}`]));
  }
  const sound = (
    JSON.parse(await readFile(join(BUNDLED, 'silero-vad', '1', 'example.json'), 'utf8')) as {
      inputs: readonly { name: string; shape: readonly number[]; data: readonly number[] }[];
    }
  ).inputs; // an OIP request
  const given: string[] = [];
  for (const { name, shape, data } of sound) {
    const isScalar = shape.length === 0;
    if (isScalar) given.push('--input', `${name}=${data[0]}`);
    else {
      await put(`${name}.npy`, encodeNpy(createTensor('float32', shape, Float32Array.from(data))));
      given.push('--input', `${name}=@${name}.npy`);
    }
  }
  const whole = await json('predict', 'silero-vad', `@${join(BUNDLED, 'silero-vad', '1', 'example.json')}`);
  assert.deepEqual(await json('predict', 'silero-vad', ...given), whole);
});

test('predict says what is wrong with its inputs', async () => {
  const wrongUse: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /give the inputs: @file, --data/],
    [['row.json'], /inputs from a file are given as @row\.json/],
    [['--data', '[1]', '--csv', 'row.csv'], /give the inputs one way/],
    [['--input', 'float_input'], /--input must be name=/],
  ];
  for (const [argv, message] of wrongUse) assertFailed(await amaas(['predict', 'iris', ...argv]), 2, message);
  const failures: readonly (readonly [readonly string[], RegExp])[] = [
    [['--data', '[[1, 2]'], /--data is not JSON/],
    [['--data', '[[1, 2]]'], /expects float32 \[.*,4\], got float32 \[1,2\]/],
    [['--data', '[["a", 2, 3, 4]]'], /is not a float32/],
    [['--data', '{"z": [[1, 2, 3, 4]]}'], /has no input "z"; its inputs are "float_input"/],
    [['@absent.json'], /absent\.json/],
    [['--data', '[[1, 2, 3, 4]]', '--output', 'z'], /has no output "z"/],
  ];
  for (const [argv, message] of failures) assertFailed(await amaas(['predict', 'iris', ...argv]), 1, message);
});

test('keys create, list and revoke; a key does what it was made for', async () => {
  const created = (await json(
    'keys',
    'create',
    'phone-app',
    '--scope',
    'infer',
    '--model',
    'iris',
    '--expires',
    '90d',
  )) as { key: string; id: string; expiresAt: string }; // CreatedKey
  secrets.push(created.key);
  const days = (Date.parse(created.expiresAt) - Date.now()) / 86_400_000;
  assert.ok(days > 89.9 && days <= 90);
  const text = assertDone(await amaas(['keys', 'create', 'deployer', '--scope', 'deploy', 'infer']));
  const second = /key +(amaas_\w+)\n/.exec(text)?.[1] ?? '';
  secrets.push(second);
  assert.match(text, /shown this once; only its hash is kept/);
  const list = assertDone(await amaas(['keys', 'list']));
  assert.match(list, /phone-app +amaas_\w+… +infer +iris/);
  assert.match(list, /deployer +amaas_\w+… +deploy, infer +\* +never/);
  const asApp = { environment: { AMAAS_API_KEY: created.key } };
  const data = ['--data', '[[6.3, 3.3, 6.0, 2.5]]'];
  assert.match(assertDone(await amaas(['predict', 'iris', ...data], asApp)), /2/);
  assertFailed(await amaas(['predict', 'mnist', '--data', '[]'], asApp), 1, /^amaas: /);
  assertFailed(await amaas(['keys', 'list'], asApp), 1, /^amaas: /);
  assertDone(await amaas(['models', 'unload', 'scored', '--api-key', second]));
  assert.equal(assertDone(await amaas(['keys', 'revoke', created.id])), `key ${created.id} is revoked\n`);
  assertFailed(await amaas(['predict', 'iris', ...data], asApp), 1, /was revoked[\s\S]*--api-key or AMAAS_API_KEY/);
  assertDone(await amaas(['keys', 'revoke', 'deployer']));
  assertFailed(await amaas(['keys', 'create', 'x', '--scope', 'root']), 2, /Allowed choices are admin, deploy, infer/);
  assertFailed(await amaas(['keys', 'create', 'x', '--expires', 'yesterday']), 2, /--expires must be a time/);
  assertFailed(await amaas(['keys', 'revoke', 'admin']), 1, /last key with the admin scope/);
  assertFailed(await amaas(['models', 'list', '--api-key', 'amaas_wrong']), 1, /not known to this server/);
});

test('bench measures in a closed and in an open loop', async () => {
  const short = ['--duration', '1', '--warmup', '0.2', '--concurrency', '2'];
  const closed = (await json('bench', 'iris', ...short)) as {
    succeeded: number;
    succeededPerSecond: number;
    latencyMs: Record<string, number>;
    errors: unknown[];
    open: null;
  }; // the verb's own form
  assert.ok(closed.succeeded > 10 && closed.open === null);
  assert.deepEqual(closed.errors, []);
  const { p50 = 0, p99 = 0, max = 0 } = closed.latencyMs;
  assert.ok(0 < p50 && p50 <= p99 && p99 <= max);
  const open = (await json('bench', 'iris', ...short, '--rate', '20')) as {
    succeeded: number;
    open: { intendedPerSecond: number; unsent: number };
  }; // as above
  assert.equal(open.open.intendedPerSecond, 20);
  assert.ok(open.succeeded >= 10 && open.succeeded <= 30, String(open.succeeded));
  const text = assertDone(await amaas(['bench', 'iris', ...short, '--data', '[[5.1, 3.5, 1.4, 0.2]]']));
  for (const line of [
    /^request +float_input float32 \[1,4\]$/m,
    /^requests\/s +[\d.]+/m,
    /^latency +p50 /m,
    /^errors +none$/m,
  ])
    assert.match(text, line);
  assertFailed(await amaas(['bench', 'absent', ...short]), 1, /absent/);
  assertFailed(await amaas(['bench', 'iris', '--concurrency', '0']), 2, /expected a whole number from 1/);
});

test('doctor looks at the machine, the data directory and the server', async () => {
  const { ok, checks } = (await json('doctor')) as {
    ok: boolean;
    checks: readonly { name: string; status: string; found: string; advice: string | null }[];
  }; // the verb's own form
  assert.equal(ok, true, JSON.stringify(checks.filter(({ status }) => status === 'fail')));
  const named = new Map(checks.map((check) => [check.name, check]));
  assert.match(named.get('server')?.found ?? '', new RegExp(`${server.url} answers`));
  assert.match(named.get('key')?.found ?? '', /accepted; amaas \d+\.\d+\.\d+ is ready: \d+ versions ready/);
  for (const check of checks) assert.equal(check.advice === null, check.status === 'ok', check.name);
  assert.match(assertDone(await amaas(['doctor'])), /CHECK +FOUND/);
  const wrong = await amaas(['doctor', '--api-key', 'amaas_wrong']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /fail +key +.*not known to this server/);
});

test('a server that is not there, settings that are wrong, verbs that do not exist', async () => {
  const nobody = { environment: { AMAAS_URL: 'http://127.0.0.1:9' } };
  assertFailed(await amaas(['models', 'list'], nobody), 1, /cannot reach http:\/\/127\.0\.0\.1:9[\s\S]*amaas serve/);
  const failed = await amaas(['models', 'list', '--json'], nobody);
  assert.equal(failed.code, 1);
  const { error } = parseJson(failed) as { error: { reason: string; retryable: boolean } }; // the verb's own form
  assert.deepEqual([error.reason, error.retryable], ['TRANSPORT_FAILED', true]);
  assertFailed(await amaas(['serve', '--port', 'eighty']), 1, /"eighty"; expected a whole number from 0 to 65535/);
  assertFailed(await amaas(['serve', '--no-auth', '--host', '0.0.0.0', '--port', '0']), 1, /loopback/);
  for (const argv of [
    ['frobnicate'],
    ['models', 'frobnicate'],
    ['deploy'],
    ['deploy', 'half.onnx'],
    ['models', 'list', '--wrong'],
    ['predict'],
  ]) {
    assertFailed(await amaas(argv), 2, /error: [\s\S]*--help/);
  }
  const second = await amaas(['serve', '--port', '0', '--log-level', 'silent']);
  assertFailed(second, 1, /in use by process \d+[\s\S]*Stop that server first/);
});

/** Every verb with its help, found by asking the command itself. */
async function helpOf(path: readonly string[] = []): Promise<readonly (readonly [verb: string, help: string])[]> {
  const help = assertDone(await home.run([...path, '--help']));
  const [, listed = ''] = help.split('\nCommands:\n');
  const names = [...listed.matchAll(/^ {2}([a-z-]+)\b/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
  const below = await Promise.all(names.map((name) => helpOf([...path, name])));
  return [[path.join(' '), help], ...below.flat()];
}

test('--help of every verb explains it with an example', async () => {
  const all = await helpOf();
  assert.ok(all.length > 20, all.map(([verb]) => verb).join());
  for (const [verb, help] of all) {
    const example = help.slice(help.indexOf('\nExample:\n'));
    assert.match(example, new RegExp(`^\nExample:\n  \\$ amaas ${verb}\\b`), verb);
    for (const line of help.split('\n')) assert.ok(line.length <= 120, `${verb}: ${line}`);
  }
  assert.match(assertDone(await home.run(['--version'])), /^\d+\.\d+\.\d+\n$/);
});

test('--json of every verb that has not been asked so far is JSON', async () => {
  for (const argv of [
    ['models', 'label', 'half', 'canary', '3'],
    ['models', 'unlabel', 'half', 'canary'],
    ['models', 'policy', 'half', 'latest:1'],
    ['models', 'unload', 'scored'],
    ['models', 'load', 'scored'],
    ['models', 'delete', 'scored'],
    ['keys', 'list'],
  ]) {
    assert.equal(typeof (await json(...argv)), 'object', argv.join(' '));
  }
  const { key, id } = (await json('keys', 'create', 'temporary')) as { key: string; id: string }; // CreatedKey
  secrets.push(key);
  assert.deepEqual(await json('keys', 'revoke', id), { id, revoked: true });
});

test('backup while the server runs, restore, and everything is there again', async () => {
  const summary = (await json('backup', 'all.tar')) as { versions: number; destination: string }; // BackupSummary
  assert.equal(summary.destination, join(home.folder, 'all.tar'));
  assert.equal(
    (await stat(summary.destination)).mode & 0o077,
    0,
    'a backup holds hashes of keys: nobody else reads it',
  );
  assertFailed(await amaas(['backup', 'all.tar']), 1, /exists/);
  const before = await json('models', 'show', 'half');
  assertFailed(await amaas(['keys', 'reset-admin']), 1, /in use by process/);
  assert.equal(await server.stop(), 0);

  assertFailed(await amaas(['restore', 'all.tar']), 1, /^amaas: /); // the data directory is not empty
  assertFailed(await amaas(['restore', 'absent.tar', '--data-dir', 'again']), 1, /absent\.tar/);
  await put('broken.tar', (await readFile(summary.destination)).subarray(0, 40_000));
  assertFailed(await amaas(['restore', 'broken.tar', '--data-dir', 'broken']), 1, /^amaas: /);
  assert.match(
    assertDone(await amaas(['restore', 'all.tar', '--data-dir', 'again'])),
    new RegExp(`holds ${summary.versions} versions`),
  );
  server = await home.serve(['--data-dir', 'again', '--allow-private-urls', 'on']);
  assert.doesNotMatch(server.banner, /admin key/);
  const withKey = { environment: { AMAAS_API_KEY: secrets[0] ?? '' } };
  const shown = await amaas(['models', 'show', 'half', '--json'], withKey);
  assert.deepEqual(withoutServing(parseJson(shown)), withoutServing(before));
  assert.deepEqual(
    JSON.parse((await amaas(['predict', 'half:old', '--data', '[0]', '--json'], withKey)).stdout).outputs[0].data,
    [1],
  );
  assert.equal(await server.stop(), 0);
});

/** What this run has learned about a model is no part of it. */
function withoutServing(model: unknown): unknown {
  return JSON.parse(
    JSON.stringify(model, (key, value: unknown) => (key === 'serving' || key === 'reason' ? undefined : value)),
  );
}

test('keys reset-admin makes a new admin key, and the old one is worth nothing', async () => {
  assertFailed(await home.run(['keys', 'reset-admin', '--data-dir', 'absent']), 1, /there is no data directory at /);
  const { key } = parseJson(await home.run(['keys', 'reset-admin', '--data-dir', 'again', '--json'])) as {
    key: string;
  }; // the verb's own form
  assert.match(key, /^amaas_/);
  secrets.push(key);
  server = await home.serve(['--data-dir', 'again', '--json']);
  const { adminKey, models } = JSON.parse(server.banner) as { adminKey: null; models: readonly string[] }; // the verb's own form
  assert.equal(adminKey, null);
  assert.ok(models.includes('iris@1'));
  assertDone(await amaas(['keys', 'list'], { environment: { AMAAS_API_KEY: key } }));
  assertFailed(await amaas(['keys', 'list'], { environment: { AMAAS_API_KEY: secrets[0] ?? '' } }), 1, /was revoked/);
  assert.equal(await server.stop(), 0);
});

test('no key was ever printed but where it was made', () => {
  assert.ok(secrets.length >= 5 && secrets.every((secret) => secret.length > 30));
  const makesKeys = /^\$ amaas keys (create|reset-admin)/;
  for (const said of home.transcript) {
    if (makesKeys.test(said)) continue;
    for (const secret of secrets) {
      const [command = '', ...output] = said.split('\n');
      assert.ok(!output.join('\n').includes(secret), command.slice(0, 60));
    }
  }
});
