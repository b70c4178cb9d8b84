import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FAKE_KEY, startFakeServer } from './testing/fake-server.ts';
import { runCommand } from './testing/run-command.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'amaas-cli-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('every verb has help with an example, and exit code 0', async () => {
  const verbs = ['', 'serve', 'deploy', 'predict', 'bench', 'backup', 'restore', 'doctor', 'models', 'keys'];
  const below = [
    'models list',
    'models show',
    'models label',
    'models unlabel',
    'models load',
    'models unload',
    'models policy',
    'models delete',
    'keys list',
    'keys create',
    'keys revoke',
    'keys reset-admin',
  ];
  for (const verb of [...verbs, ...below]) {
    const { code, stdout } = await runCommand([...verb.split(' ').filter(Boolean), '--help']);
    assert.equal(code, 0, verb);
    assert.match(stdout, /\nExample:\n {2}\$ amaas /, verb);
    assert.match(stdout, /--json/, verb);
  }
});

test('wrong use ends with exit code 2 and says what is wrong', async () => {
  const table: readonly [argv: readonly string[], stderr: RegExp][] = [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['deploy', 'x.onnx'], /required option '--name <name>'/],
    [['models', 'label', 'm', 'l', 'three'], /version must be a whole number/],
    [['models', 'policy', 'm', 'newest'], /policy must be latest/],
    [['keys', 'create', 'k', '--scope', 'root'], /Allowed choices are admin, deploy, infer/],
    [['keys', 'create', 'k', '--expires', 'soon'], /--expires must be a time/],
    [['bench', 'm', '--concurrency', '0'], /a whole number from 1/],
    [['--frob'], /unknown option '--frob'/],
    [[], /Usage: amaas/],
  ];
  for (const [argv, stderr] of table) {
    const result = await runCommand(argv, { environment: { AMAAS_API_KEY: 'k' } });
    assert.equal(result.code, 2, argv.join(' '));
    assert.match(result.stderr, stderr);
    assert.equal(result.stdout, '');
  }
});

test('a server that is not there is told with how to start one, as JSON where asked', async () => {
  const environment = { AMAAS_URL: 'http://127.0.0.1:9' };
  const text = await runCommand(['models', 'list'], { environment });
  assert.equal(text.code, 1);
  assert.match(text.stderr, /cannot reach http:\/\/127\.0\.0\.1:9: [\s\S]*amaas serve[\s\S]*AMAAS_URL/);
  const json = await runCommand(['models', 'list', '--json'], { environment });
  assert.equal(json.code, 1);
  assert.equal(JSON.parse(json.stdout).error.reason, 'TRANSPORT_FAILED');
});

test('the key comes from the flag, the environment, the credentials file, in this order, and a wrong one is told', async (t) => {
  const server = await startFakeServer(t);
  const directory = await folder(t);
  const file = join(directory, 'credentials.json');
  await writeFile(file, JSON.stringify({ [server.url]: FAKE_KEY }), { mode: 0o600 });
  const withFile = { AMAAS_URL: server.url.replace('127.0.0.1', 'localhost'), AMAAS_CREDENTIALS_FILE: file };
  assert.equal((await runCommand(['models', 'list'], { environment: withFile })).code, 0);
  const wrong = await runCommand(['models', 'list'], { environment: { ...withFile, AMAAS_API_KEY: 'wrong' } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /the key is unknown\nGive a key with --api-key[\s\S]*reset-admin/);
  const flag = await runCommand(['models', 'list', '--api-key', FAKE_KEY], {
    environment: { ...withFile, AMAAS_API_KEY: 'wrong' },
  });
  assert.equal(flag.code, 0);
});

test('models list and show', async (t) => {
  const { environment } = await startFakeServer(t);
  const list = await runCommand(['models', 'list'], { environment });
  assert.match(
    list.stdout,
    /^MODEL +VERSION +STATE +LABELS +SIZE +OWNER\ndoubler +2 +READY +production +26\.5 kB +api\n/,
  );
  const json = await runCommand(['models', 'list', '--json'], { environment });
  assert.equal(JSON.parse(json.stdout).models[0].name, 'doubler');
  const shown = await runCommand(['models', 'show', 'doubler:production'], { environment });
  assert.match(
    shown.stdout,
    /version +doubler@2\nstate +READY\n[\s\S]*input +x {2}float32 \[N,3\]\noutput +y {2}float32 \[N,3\]\nbatching +up to 32 rows/,
  );
  const missing = await runCommand(['models', 'show', 'nothing'], { environment });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /there is no model "nothing"\nSee what is there with: amaas models list/);
});

test('models show and delete know names of which every version was refused', async (t) => {
  const { environment, asked } = await startFakeServer(t);
  const all = await runCommand(['models', 'show', 'refused'], { environment });
  assert.equal(all.code, 0, all.stderr);
  assert.match(all.stdout, /refused@1: gguf: version 1 ends early\nrefused@4: gguf: version 4 ends early/);
  const one = await runCommand(['models', 'show', 'refused@4'], { environment });
  assert.match(one.stdout, /state +REJECTED: gguf: version 4 ends early\n.*amaas models delete refused@4/);
  assert.equal((await runCommand(['models', 'delete', 'refused'], { environment })).code, 0);
  assert.deepEqual([asked.at(-1)?.method, asked.at(-1)?.path], ['DELETE', '/admin/v1/models/refused']);
});

test('models label, unlabel, load, unload, policy and delete call their routes', async (t) => {
  const server = await startFakeServer(t);
  const { environment } = server;
  const lines = [
    'label doubler canary 2',
    'unlabel doubler canary',
    'load doubler',
    'unload doubler',
    'policy doubler 1,2',
    'policy doubler latest:3',
    'delete doubler@2',
    'delete doubler',
  ];
  for (const line of lines) {
    const { code, stderr } = await runCommand(['models', ...line.split(' ')], { environment });
    assert.deepEqual([line, code, stderr], [line, 0, '']);
  }
  assert.deepEqual(
    server.asked.map(({ method, path, body }) => `${method} ${path.slice('/admin/v1/models/'.length)} ${body}`.trim()),
    [
      'PUT doubler/labels/canary {"version":2}',
      'DELETE doubler/labels/canary',
      'POST doubler/load',
      'POST doubler/unload',
      'PATCH doubler {"policy":{"kind":"specific","versions":[1,2]}}',
      'PATCH doubler {"policy":{"kind":"latest","count":3}}',
      'DELETE doubler/versions/2',
      'DELETE doubler',
    ],
  );
});

test('keys create shows the secret, list never does', async (t) => {
  const server = await startFakeServer(t);
  const { environment } = server;
  const created = await runCommand(
    ['keys', 'create', 'app', '--scope', 'infer', 'deploy', '--model', 'a*', '--expires', '2099-01-02T00:00:00Z'],
    { environment },
  );
  assert.match(created.stdout, /^key +amaas_secret\nid +k_1\n/);
  assert.deepEqual(JSON.parse(String(server.asked.at(-1)?.body)), {
    name: 'app',
    scopes: ['infer', 'deploy'],
    models: ['a*'],
    expiresAt: '2099-01-02T00:00:00.000Z',
  });
  const list = await runCommand(['keys', 'list'], { environment });
  assert.match(list.stdout, /k_1 +app +amaas_se… +infer +\* +never/);
  assert.equal((await runCommand(['keys', 'revoke', 'k_1'], { environment })).stdout, 'key k_1 is revoked\n');
  for (const { stdout, stderr } of [list]) assert.doesNotMatch(stdout + stderr, /amaas_secret|fake-admin-key/);
});

test('deploy uploads a file or a folder and shows the version', async (t) => {
  const server = await startFakeServer(t);
  const { environment } = server;
  const cwd = await folder(t);
  await mkdir(join(cwd, 'net', 'weights'), { recursive: true });
  await mkdir(join(cwd, 'net', '.git'));
  await writeFile(join(cwd, 'net', 'model.onnx'), 'onnx bytes');
  await writeFile(join(cwd, 'net', 'weights', 'w.bin'), 'weights');
  await writeFile(join(cwd, 'net', '.git', 'config'), 'hidden');
  await symlink(join(cwd, 'net', 'model.onnx'), join(cwd, 'linked.onnx'));
  await writeFile(join(cwd, 'manifest.json'), '{"instances": 2}');

  const asFolder = await runCommand(
    ['deploy', 'net', '--name', 'net', '--label', 'canary', 'test', '--manifest', 'manifest.json'],
    { environment, cwd },
  );
  assert.deepEqual([asFolder.code, asFolder.stderr], [0, '']);
  assert.match(asFolder.stdout, /^version +net@3\nstate +READY/);
  const request = JSON.parse(String(server.asked.at(-1)?.body));
  assert.deepEqual([request.labels, request.manifest], [['canary', 'test'], { instances: 2 }]);
  assert.deepEqual(
    request.files.map((file: { path: string }) => file.path),
    ['model.onnx', 'weights/w.bin'],
  );

  const before = server.asked.length;
  await runCommand(['deploy', 'linked.onnx', '--name', 'net'], { environment, cwd });
  // The same bytes are there already: asked for, not sent.
  assert.deepEqual(
    server.asked.slice(before).map(({ method }) => method),
    ['HEAD', 'POST'],
  );

  const url = await runCommand(['deploy', 'https://example.com/m.onnx', '--name', 'net', '--json'], {
    environment,
    cwd,
  });
  assert.equal(JSON.parse(url.stdout).version, 3);
  assert.deepEqual(JSON.parse(String(server.asked.at(-1)?.body)), { url: 'https://example.com/m.onnx' });
});

test('deploy says why a model was refused, and what is wrong with the source', async (t) => {
  const { environment } = await startFakeServer(t);
  const cwd = await folder(t);
  await writeFile(join(cwd, 'm.onnx'), 'x');
  await mkdir(join(cwd, 'empty'));
  const table: readonly [argv: readonly string[], stderr: RegExp][] = [
    [['m.onnx', '--name', 'broken'], /the model crashed when it was loaded/],
    [['absent.onnx', '--name', 'm'], /there is no file or folder \S*absent\.onnx/],
    [['empty', '--name', 'm'], /there is no file in/],
    [['m.onnx', '--name', 'Bad Name'], /model name "Bad Name" is not allowed/],
    [['m.onnx', '--name', 'm', '--manifest', 'm.onnx'], /m\.onnx is not JSON/],
  ];
  for (const [argv, stderr] of table) {
    const result = await runCommand(['deploy', ...argv], { environment, cwd });
    assert.equal(result.code, 1);
    assert.match(result.stderr, stderr);
  }
});

test('bench measures a model and reports, after having tried it once', async (t) => {
  const server = await startFakeServer(t);
  const { environment } = server;
  const argv = ['bench', 'doubler', '--duration', '0.3', '--warmup', '0.05', '--concurrency', '2', '--rows', '5'];
  const json = await runCommand([...argv, '--json'], { environment });
  assert.equal(json.code, 0, json.stderr);
  const report = JSON.parse(json.stdout);
  assert.ok(report.succeeded > 0 && report.latencyMs.p50 > 0 && report.latencyMs.max >= report.latencyMs.p99);
  assert.deepEqual([report.connections, report.errors, report.open], [2, [], null]);
  assert.deepEqual(server.lastInputs()?.get('x')?.shape, [5, 3]);
  const open = await runCommand([...argv, '--rate', '50', '--data', '[[1,2,3]]'], { environment });
  assert.match(
    open.stdout,
    /^request +x float32 \[1,3\]\nload +2 connections, open loop, 50 requests\/s meant\n[\s\S]*p95[\s\S]*errors +none\nrate +\d+\.\d requests\/s sent, \d+ meant/,
  );
  const missing = await runCommand(['bench', 'nothing'], { environment });
  assert.deepEqual([missing.code, missing.stdout], [1, '']);
});

test('doctor lists checks and fails when one does', async (t) => {
  const { environment } = await startFakeServer(t);
  const cwd = await folder(t);
  const good = await runCommand(['doctor'], { environment: { ...environment, AMAAS_PORT: '0' }, cwd });
  assert.equal(good.code, 0, good.stdout);
  assert.match(
    good.stdout,
    /ok +server +http:\/\/127\.0\.0\.1:\d+ answers\nok +key +accepted; amaas 9\.9\.9 is ready: 2 versions ready/,
  );
  const bad = await runCommand(['doctor', '--json', '--api-key', 'wrong', '--data-dir', join(cwd, 'x')], {
    environment,
    cwd,
  });
  assert.equal(bad.code, 1);
  const { ok, checks } = JSON.parse(bad.stdout);
  assert.equal(ok, false);
  assert.deepEqual(
    checks.filter((check: { status: string }) => check.status === 'fail').map((check: { name: string }) => check.name),
    ['key'],
  );
});

test('main advises quotes where a shell made many arguments of a pattern', async () => {
  const { code, stderr } = await runCommand(['train', 'data/a.csv', 'data/b.csv', '--target', 'y']);
  assert.equal(code, 2);
  assert.match(stderr, /too many arguments[\s\S]*quote it: 'data\/\*\.csv'/);
  assert.doesNotMatch((await runCommand(['models', 'list', 'x'])).stderr, /quote it/);
});
