// The launcher, as a process of its own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';

const launcher = join(import.meta.dirname, '..', 'bin', 'amaas.mjs');

/** Makes the process that starts believe to be an old Node; the one it starts in turn is not affected. */
const pretendOld = `data:text/javascript,${encodeURIComponent("Object.defineProperty(process.versions, 'node', { value: '20.11.1' })")}`;

function run(argv: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, argv, { encoding: 'utf8', env: { ...process.env, ...environment } });
}

test('amaas.mjs runs the command, keeps compiled code where caches live, and prints no experimental warning', (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'amaas-cache-'));
  t.after(() => rmSync(cache, { recursive: true, force: true }));
  const { NODE_COMPILE_CACHE: _unset, ...environment } = process.env;
  const result = spawnSync(process.execPath, [launcher, '--version'], {
    encoding: 'utf8',
    env: { ...environment, XDG_CACHE_HOME: cache },
  });
  assert.deepEqual([result.status, result.stdout, result.stderr], [0, '0.1.0\n', '']);
  if (process.platform === 'linux') assert.ok(readdirSync(join(cache, 'amaas', 'compile')).length > 0);
});

test('amaas.mjs passes exit codes on', () => {
  assert.equal(run([launcher, 'frobnicate']).status, 2);
  assert.equal(run([launcher, 'models', 'list'], { AMAAS_URL: 'http://127.0.0.1:9', AMAAS_API_KEY: 'k' }).status, 1);
});

test('amaas.mjs ends quietly when whoever reads its output has gone', {
  skip: process.platform === 'win32' && 'needs a shell',
}, () => {
  // The reader ends before the command writes.
  const script = `{ sleep 1; exec '${process.execPath}' '${launcher}' --help; } | true`;
  const result = spawnSync('bash', ['-c', `set -o pipefail; ${script}`], { encoding: 'utf8' });
  assert.deepEqual([result.status, result.stderr], [0, '']);
});

test('amaas.mjs on an old Node starts the one installed beside it', () => {
  const result = run(['--import', pretendOld, launcher, 'frobnicate']);
  assert.equal(result.status, 2);
  assert.match(result.stderr, /unknown command 'frobnicate'/);
});

test('amaas.mjs on an old Node without a newer one says what to do', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'amaas-launcher-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'bin'));
  copyFileSync(launcher, join(folder, 'bin', 'amaas.mjs'));
  const result = run(['--import', pretendOld, join(folder, 'bin', 'amaas.mjs'), 'serve']);
  assert.equal(result.status, 1);
  assert.match(result.stderr, /needs Node\.js 24 or newer; this is 20\.11\.1[\s\S]*npm ci/);
});
