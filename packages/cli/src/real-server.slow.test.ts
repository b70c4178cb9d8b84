// The command against a real server, started by the command itself as a user would.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, runCommand } from './testing/run-command.ts';

const launcher = join(import.meta.dirname, '..', 'bin', 'amaas.mjs');
const bundled = resolve(import.meta.dirname, '..', '..', '..', 'models');
const irisModel = join(bundled, 'iris', '1', 'model.onnx');

interface Home {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A user's machine: a working folder and a credentials file of its own. */
function makeHome(t: TestContext): Home {
  const folder = mkdtempSync(join(tmpdir(), 'amaas-user-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, environment: { AMAAS_CREDENTIALS_FILE: join(folder, 'credentials.json') } };
}

interface Served {
  readonly url: string;
  readonly adminKey: string | null;
  readonly models: readonly string[];
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly log: () => string;
}

/** Starts `amaas serve --json` on a free port and waits until it is ready. */
async function serve(t: TestContext, { folder, environment }: Home, flags: readonly string[] = []): Promise<Served> {
  const child = spawn(process.execPath, [launcher, 'serve', '--port', '0', '--json', '--log-level', 'warn', ...flags], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    if (said.includes('\n')) break;
  }
  if (!said.includes('\n')) throw new Error(`the server ended before it was ready: ${log}`);
  return { ...JSON.parse(said), process: child, log: () => log };
}

async function end(served: Served, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const exit = once(served.process, 'exit');
  served.process.kill(signal);
  const [code] = await exit;
  return code as number | null; // the first argument of 'exit'
}

function commandsOf(home: Home, url: string): (...argv: readonly string[]) => Promise<CommandResult> {
  const environment = { ...home.environment, AMAAS_URL: url };
  return (...argv) => runCommand(argv, { environment, cwd: home.folder });
}

test('serve keeps the admin key for the other verbs, shows it once, and drains on SIGTERM', async (t) => {
  const home = makeHome(t);
  const first = await serve(t, home);
  assert.match(first.adminKey ?? '', /^amaas_/);
  assert.ok(first.models.includes('iris@1'), first.models.join());
  const amaas = commandsOf(home, first.url);
  const list = await amaas('models', 'list');
  assert.match(list.stdout, /iris +1 +READY +[\d.]+ kB +bundled/);
  const busy = await amaas('keys', 'reset-admin');
  assert.match(busy.stderr, /in use by process \d+[\s\S]*Stop that server first/);
  assert.equal(await end(first), 0);
  assert.match(first.log(), /finishing what is under way/);
  assert.doesNotMatch(first.log(), /ExperimentalWarning/);

  const reset = await amaas('keys', 'reset-admin', '--json');
  const { key, keptIn } = JSON.parse(reset.stdout);
  const credentials = join(home.folder, 'credentials.json');
  assert.equal(keptIn, credentials);
  assert.equal(JSON.parse(readFileSync(credentials, 'utf8'))[first.url], key);
  const second = await serve(t, home, ['--bundled-models', 'off']);
  assert.equal(second.adminKey, null);
  const again = commandsOf(home, second.url);
  assert.equal((await again('models', 'list', '--api-key', key)).code, 0);
  const old = await again('models', 'list', '--api-key', first.adminKey ?? '');
  assert.deepEqual([old.code, old.stdout], [1, '']);
  assert.equal(await end(second, 'SIGINT'), 0);
});

test('serve ends at once at the second signal, a request under way or not', async (t) => {
  const home = makeHome(t);
  const served = await serve(t, home);
  const { hostname, port } = new URL(served.url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  // A request whose body never comes keeps the server draining.
  socket.write(
    `POST /v2/models/iris/infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${served.adminKey}\r\nContent-Length: 9\r\n\r\n{`,
  );
  socket.on('error', () => undefined);
  await sleep(200);
  served.process.kill('SIGTERM');
  await once(served.process.stderr, 'data');
  served.process.kill('SIGTERM'); // as npm repeats the terminal's signal: counts as the same
  await sleep(700);
  assert.equal(served.process.exitCode, null);
  const exit = once(served.process, 'exit');
  served.process.kill('SIGTERM');
  assert.deepEqual(await exit, [null, 'SIGKILL']);
});

test('deploy, predict, label, bench, unload, delete on a real server', async (t) => {
  const home = makeHome(t);
  const served = await serve(t, home, ['--bundled-models', 'off']);
  const amaas = commandsOf(home, served.url);
  for (const version of [1, 2]) {
    const deployed = await amaas('deploy', irisModel, '--name', 'flowers', '--json');
    assert.equal(deployed.stderr, '');
    const detail = JSON.parse(deployed.stdout);
    assert.deepEqual([detail.version, detail.state], [version, 'READY']);
  }
  assert.equal((await amaas('models', 'label', 'flowers', 'production', '1')).stderr, '');
  const predicted = await amaas('predict', 'flowers:production', '--data', '[[5.1, 3.5, 1.4, 0.2]]', '--json');
  assert.equal(predicted.stderr, '');
  const { version, outputs } = JSON.parse(predicted.stdout);
  assert.equal(version, 1);
  assert.deepEqual(outputs[0].data, [0]);
  const wrong = await amaas('predict', 'flowers', '--data', '[[5.1, 3.5]]');
  assert.deepEqual(wrong.code, 1);
  assert.match(wrong.stderr, /float_input.*float32 \[.*4\], got float32 \[1,2\]/);

  const bench = await amaas('bench', 'flowers@2', '--duration', '0.5', '--warmup', '0.1', '--json');
  assert.equal(bench.stderr, '');
  assert.ok(JSON.parse(bench.stdout).succeeded > 0);

  assert.equal((await amaas('models', 'policy', 'flowers', 'latest:2')).stdout, 'flowers serves latest 2\n');
  assert.equal((await amaas('models', 'unload', 'flowers')).code, 0);
  assert.match((await amaas('predict', 'flowers', '--data', '[[1, 2, 3, 4]]')).stderr, /flowers/);
  assert.equal((await amaas('models', 'load', 'flowers')).code, 0);
  assert.equal((await amaas('predict', 'flowers', '--data', '[[1, 2, 3, 4]]')).code, 0);
  assert.equal((await amaas('models', 'unlabel', 'flowers', 'production')).stderr, '');
  assert.equal((await amaas('models', 'delete', 'flowers@1')).stderr, '');
  assert.equal((await amaas('models', 'delete', 'flowers')).stderr, '');
  assert.match((await amaas('models', 'list')).stdout, /No models yet/);

  writeFileSync(join(home.folder, 'cut.onnx'), readFileSync(irisModel).subarray(0, 2000));
  const broken = await amaas('deploy', 'cut.onnx', '--name', 'cut');
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /^amaas: onnx: /);
});

test('keys limit what their holders may do', async (t) => {
  const home = makeHome(t);
  const served = await serve(t, home);
  const amaas = commandsOf(home, served.url);
  const created = await amaas(
    'keys',
    'create',
    'reader',
    '--scope',
    'infer',
    '--model',
    'iris',
    '--expires',
    '1h',
    '--json',
  );
  const { key, id } = JSON.parse(created.stdout);
  const asReader = (...argv: readonly string[]) => amaas(...argv, '--api-key', key);
  const data = ['--data', '[[6.3, 3.3, 6.0, 2.5]]'];
  assert.match((await asReader('predict', 'iris', ...data)).stdout, /2 {2}virginica/);
  assert.equal((await asReader('predict', 'mnist', '--data', '[1]')).code, 1);
  assert.equal((await asReader('keys', 'list')).code, 1);
  assert.equal((await asReader('deploy', irisModel, '--name', 'iris2')).code, 1);
  assert.equal((await amaas('keys', 'revoke', id)).stderr, '');
  assert.equal((await asReader('predict', 'iris', ...data)).code, 1);
});

test('predict prepares pictures so that the face detector finds the face, and its example requests work', async (t) => {
  const home = makeHome(t);
  const served = await serve(t, home);
  const amaas = commandsOf(home, served.url);
  const faces = await amaas(
    'predict',
    'face-detector',
    '--image',
    join(bundled, 'face-detector', '1', 'example.jpg'),
    '--json',
  );
  assert.equal(faces.stderr, '');
  const scores: readonly (readonly [number, number])[] = JSON.parse(faces.stdout).outputs[0].data[0];
  assert.ok(Math.max(...scores.map(([, face]) => face)) > 0.9);
  for (const model of ['iris', 'mnist', 'magika', 'silero-vad']) {
    const result = await amaas('predict', model, `@${join(bundled, model, '1', 'example.json')}`);
    assert.deepEqual([model, result.code, result.stderr], [model, 0, '']);
  }
});

test('backup of a running server and restore give the same models', async (t) => {
  const home = makeHome(t);
  const served = await serve(t, home, ['--bundled-models', 'off']);
  const amaas = commandsOf(home, served.url);
  await amaas('deploy', irisModel, '--name', 'flowers', '--label', 'production');
  const backup = await amaas('backup', 'all.tar');
  assert.equal(backup.stderr, '');
  assert.match(backup.stdout, /all\.tar holds 1 versions/);
  assert.match((await amaas('backup', 'all.tar')).stderr, /exists/);
  assert.equal(await end(served), 0);
  const restored = await amaas('restore', 'all.tar', '--data-dir', 'again');
  assert.equal(restored.stderr, '');
  const second = await serve(t, home, ['--bundled-models', 'off', '--data-dir', 'again']);
  const { stdout } = await commandsOf(home, second.url)('models', 'list', '--api-key', served.adminKey ?? '');
  assert.match(stdout, /flowers +1 +READY +production/);
  assert.match((await amaas('restore', 'all.tar', '--data-dir', 'again')).stderr, /^amaas: /);
  assert.match((await amaas('backup', 'x.tar', '--data-dir', 'absent')).stderr, /there is no data directory at/);
});

test('serve refuses a wrong setting and a data directory in use with a clear message', async (t) => {
  const home = makeHome(t);
  const start = (...flags: readonly string[]) =>
    runCommand(['serve', ...flags], { environment: home.environment, cwd: home.folder });
  const wrong = await start('--port', 'eighty');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /--port \(flag\) is "eighty"; expected a whole number from 0 to 65535/);
  const open = await start('--no-auth', '--host', '0.0.0.0');
  assert.match(open.stderr, /loopback/);
  await serve(t, home, ['--bundled-models', 'off']);
  const second = await start('--port', '0', '--log-level', 'silent');
  assert.equal(second.code, 1);
  assert.match(second.stderr, /in use by process \d+[\s\S]*Stop that server first, or use another folder/);
});
