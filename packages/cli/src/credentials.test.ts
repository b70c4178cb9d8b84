import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { credentialsPath, readCredential, writeCredential } from './credentials.ts';

test('credentialsPath follows AMAAS_CREDENTIALS_FILE, XDG_CONFIG_HOME, HOME', () => {
  assert.equal(credentialsPath({ AMAAS_CREDENTIALS_FILE: '/x/c.json', HOME: '/h' }), '/x/c.json');
  assert.equal(credentialsPath({ XDG_CONFIG_HOME: '/cfg', HOME: '/h' }), '/cfg/amaas/credentials.json');
  assert.equal(credentialsPath({ HOME: '/h' }), '/h/.config/amaas/credentials.json');
});

test('writeCredential and readCredential keep one key per server, loopback names being one, mode 0600', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-credentials-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'new', 'credentials.json');
  assert.equal(await readCredential(path, 'http://127.0.0.1:8080'), null);
  await writeCredential(path, 'http://127.0.0.1:8080', 'first');
  await writeCredential(path, 'https://models.example.com', 'other');
  await writeCredential(path, 'http://localhost:8080', 'second');
  for (const url of ['http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost:8080', 'http://0.0.0.0:8080']) {
    assert.equal(await readCredential(path, url), 'second');
  }
  assert.equal(await readCredential(path, 'https://models.example.com'), 'other');
  assert.equal(await readCredential(path, 'http://127.0.0.1:8081'), null);
  assert.equal(await readCredential(path, 'https://127.0.0.1:8080'), null);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, 'new'))).mode & 0o777, 0o700);
  assert.deepEqual(Object.keys(JSON.parse(await readFile(path, 'utf8'))), [
    'https://models.example.com',
    'http://localhost:8080',
  ]);
});

test('readCredential refuses a file others can read, or that holds something else', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-credentials-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'credentials.json');
  await writeFile(path, '{"http://127.0.0.1:8080": "k"}');
  await chmod(path, 0o644);
  await assert.rejects(readCredential(path, 'http://127.0.0.1:8080'), { reason: 'FORBIDDEN', message: /chmod 600/ });
  await chmod(path, 0o600);
  for (const text of ['', '[]', '{"a": 1}', 'secret-looking']) {
    await writeFile(path, text);
    await assert.rejects(readCredential(path, 'a'), (error: Error) => {
      assert.match(error.message, /must hold a JSON object of keys/);
      assert.doesNotMatch(error.message, /secret-looking/);
      return true;
    });
  }
});
