import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { createClient } from './client.ts';
import type { DeployFile, DeployProgress } from './deploy.ts';
import { startTestServer } from './testing/http-server.ts';

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function bytesOf(length: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 255);
}

/** A server that keeps blobs by digest and answers a deployment. */
async function startStore(t: TestContext, already: readonly Uint8Array[] = []) {
  const blobs = new Map(already.map((bytes) => [digestOf(bytes), bytes]));
  let failuresLeft = 0;
  const server = await startTestServer(t, ({ method, path, body }) => {
    const digest = decodeURIComponent(path.split('/').at(-1) ?? '');
    if (method === 'HEAD') return { status: blobs.has(digest) ? 200 : 404 };
    if (method === 'PUT') {
      if (failuresLeft-- > 0) return 'drop';
      if (digestOf(body) !== digest) return { status: 500, body: { error: 'digest mismatch' } };
      blobs.set(digest, body);
      return { status: 201, body: { digest, sizeBytes: body.length } };
    }
    return { status: 201, body: { model: 'm', version: 4, state: 'READY' } };
  });
  const client = createClient({ url: server.url, apiKey: 'k', retry: { baseDelayMs: 1 } });
  const failNext = (count: number) => {
    failuresLeft = count;
  };
  return { server, client, blobs, failNext };
}

test('deploy uploads bytes, blobs and streams under their digests, then asks for the version', async (t) => {
  const { server, client, blobs } = await startStore(t);
  const [a, b, c] = [bytesOf(1000, 1), bytesOf(200_000, 2), bytesOf(300_001, 3)];
  const version = await client.deploy({
    name: 'm',
    files: [
      { path: 'model.onnx', content: a },
      { path: 'weights/b.bin', content: new Blob([b]) },
      { path: 'weights/c.bin', content: () => new Blob([c]).stream() },
    ],
    manifest: { instances: 2 },
    labels: ['canary'],
    lineage: { from: 'a test' },
  });
  assert.equal(version.version, 4);
  assert.deepEqual([...blobs.keys()], [digestOf(a), digestOf(b), digestOf(c)]);
  const last = server.asked.at(-1);
  assert.deepEqual([last?.method, last?.path], ['POST', '/admin/v1/models/m/versions']);
  assert.deepEqual(JSON.parse(String(last?.body)), {
    files: [
      { path: 'model.onnx', digest: digestOf(a) },
      { path: 'weights/b.bin', digest: digestOf(b) },
      { path: 'weights/c.bin', digest: digestOf(c) },
    ],
    manifest: { instances: 2 },
    labels: ['canary'],
    lineage: { from: 'a test' },
  });
});

test('deploy does not send what the server has, and trusts a digest it is given', async (t) => {
  const [known, fresh] = [bytesOf(5000, 7), bytesOf(6000, 8)];
  const { server, client } = await startStore(t, [known]);
  let opened = 0;
  const content = () => {
    opened++;
    return new Blob([known]).stream();
  };
  await client.deploy({
    name: 'm',
    files: [
      { path: 'model.onnx', content, digest: digestOf(known), sizeBytes: known.length },
      { path: 'x.bin', content: fresh },
    ],
  });
  assert.equal(opened, 0);
  assert.deepEqual(
    server.asked.map(({ method, body }) => [method, method === 'PUT' ? body.length : 0]),
    [
      ['HEAD', 0],
      ['HEAD', 0],
      ['PUT', 6000],
      ['POST', 0],
    ],
  );
});

test('deploy opens a stream again when its upload was cut', async (t) => {
  const { client, blobs, failNext } = await startStore(t);
  const bytes = bytesOf(50_000, 5);
  failNext(2);
  await client.deploy({ name: 'm', files: [{ path: 'model.onnx', content: () => new Blob([bytes]).stream() }] });
  assert.ok(blobs.has(digestOf(bytes)));
});

test('deploy reports progress that never goes back and ends complete', async (t) => {
  const known = bytesOf(70_000, 1);
  const { client } = await startStore(t, [known]);
  const files: readonly DeployFile[] = [
    { path: 'known', content: new Blob([known]) },
    { path: 'fresh', content: () => new Blob([bytesOf(300_000, 2)]).stream(), sizeBytes: 300_000 },
  ];
  const seen: DeployProgress[] = [];
  await client.deploy({ name: 'm', files, onProgress: (progress) => seen.push(progress) });
  for (const phase of ['digest', 'upload'] as const) {
    const done = seen.filter((progress) => progress.phase === phase).map((progress) => progress.doneBytes);
    assert.deepEqual(
      done,
      done.toSorted((left, right) => left - right),
      phase,
    );
    assert.equal(done.at(-1), 370_000, phase);
    assert.ok(done.length >= 2, phase);
  }
  assert.ok(seen.every((progress) => progress.totalBytes === 370_000));
  assert.equal(seen.at(-1)?.phase, 'admit');
});

test('deploy refuses to send nothing, and stops when its signal fires', async (t) => {
  const { server, client } = await startStore(t);
  await assert.rejects(client.deploy({ name: 'm', files: [] }), { reason: 'INVALID_ARGUMENT' });
  const files = [{ path: 'model.onnx', content: () => new Blob([bytesOf(10, 1)]).stream() }];
  await assert.rejects(client.deploy({ name: 'm', files, signal: AbortSignal.abort() }), { reason: 'CANCELLED' });
  assert.equal(server.asked.length, 0);
});

test('deployUrl asks the server to fetch', async (t) => {
  const { server, client } = await startStore(t);
  await client.deployUrl({ name: 'm', url: 'https://example.com/m.onnx', labels: ['production'] });
  assert.deepEqual(JSON.parse(String(server.asked[0]?.body)), {
    url: 'https://example.com/m.onnx',
    labels: ['production'],
  });
});

test('deploy says what the key may not do, though the reply to HEAD cannot', async (t) => {
  const refusal = {
    code: 'PERMISSION_DENIED',
    reason: 'FORBIDDEN',
    message: 'key "app" may not deploy',
    retryable: false,
  };
  const server = await startTestServer(t, ({ method }) =>
    method === 'HEAD' ? { status: 403 } : { status: 403, body: { error: refusal } },
  );
  const client = createClient({ url: server.url, apiKey: 'k' });
  const said = { reason: 'FORBIDDEN', message: 'key "app" may not deploy' };
  await assert.rejects(client.deploy({ name: 'm', files: [{ path: 'model.onnx', content: bytesOf(9, 1) }] }), said);
  assert.equal(server.asked.at(-1)?.body.length, 0);
  await assert.rejects(client.checkDeploy('m'), said);
});

test('checkDeploy takes the refusal of an empty deployment as leave', async (t) => {
  const error = { code: 'INVALID_ARGUMENT', reason: 'MALFORMED_REQUEST', message: 'files or url', retryable: false };
  const server = await startTestServer(t, () => ({ status: 400, body: { error } }));
  await createClient({ url: server.url }).checkDeploy('a b');
  const [asked] = server.asked;
  assert.deepEqual(
    [asked?.method, asked?.path, String(asked?.body)],
    ['POST', '/admin/v1/models/a%20b/versions', '{}'],
  );
});
