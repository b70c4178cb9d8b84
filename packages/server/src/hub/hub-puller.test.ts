import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { systemClock } from '@amaas/core';
import type { AdmissionRequest } from '../admission/index.ts';
import { FileBlobStore } from '../artifacts/index.ts';
import type { ModelRecord, VersionRecord } from '../registry/index.ts';
import { HubClient } from './hub-client.ts';
import { HubPuller, type HubPullerParts, type PullEnd } from './hub-puller.ts';
import type { PullEvent } from './pull-events.ts';
import { commitOf, patternBytes, startTestHub, type TestHub, type TestRepository } from './testing/test-hub.ts';

const WEIGHTS = patternBytes(500_000);
const REPOSITORY: TestRepository = { files: new Map([['m.gguf', { bytes: WEIGHTS, isLarge: true }]]), license: 'mit' };

let hub: TestHub;
let directory: string;
let admitted: AdmissionRequest[];
let models: Map<string, ModelRecord>;
let ends: PullEnd[];

before(async () => {
  hub = await startTestHub();
});
after(() => hub.close());

beforeEach(async () => {
  hub.repositories.clear();
  hub.repositories.set('owner/Repo-GGUF', REPOSITORY);
  for (const list of [hub.requests, hub.cdnRequests, hub.hubFaults, hub.cdnFaults]) list.length = 0;
  directory = await mkdtemp(join(tmpdir(), 'amaas-test-'));
  [admitted, models, ends] = [[], new Map(), []];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function versionOf(request: AdmissionRequest): VersionRecord {
  return {
    model: request.model,
    version: (models.get(request.model)?.versions.length ?? 0) + 1,
    digest: `sha256:${'0'.repeat(64)}`,
    format: 'gguf',
    sizeBytes: 0,
    signatures: new Map(),
    manifest: {},
    lineage: request.lineage ?? {},
    files: request.files,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

function puller(changes: Partial<HubPullerParts> = {}): HubPuller {
  const policy = { allowPrivate: true, maxBytes: 10_000_000, timeoutMs: 60_000, stallTimeoutMs: 60_000 };
  return new HubPuller({
    client: new HubClient({ hubUrl: hub.url, token: null, policy, clock: systemClock }),
    directory: join(directory, 'pulls'),
    blobs: new FileBlobStore(directory, systemClock),
    admission: {
      async admit(request) {
        admitted.push(request);
        const version = versionOf(request);
        const known = models.get(request.model);
        const rest = { name: request.model, owner: 'api', policy: { kind: 'all' }, labels: new Map() } as const;
        models.set(request.model, { ...rest, versions: [...(known?.versions ?? []), version], createdAt: '' });
        return version;
      },
    },
    registry: {
      async assertOwner() {},
      getModel: async (name) => models.get(name) ?? null,
      async setLabel() {},
    },
    settle: async () => {},
    onEnd: (_reference, end) => ends.push(end),
    clock: systemClock,
    random: () => 0,
    limits: { maxModelBytes: 10_000_000, maxFileBytes: 10_000_000 },
    isOffline: false,
    ...changes,
  });
}

async function all(events: AsyncIterable<PullEvent>): Promise<readonly PullEvent[]> {
  const heard: PullEvent[] = [];
  for await (const event of events) heard.push(event);
  return heard;
}

test('HubPuller admits what came with where it is from', async () => {
  const events = await all(puller().pull('hf:owner/Repo-GGUF', { labels: ['production'], deployedBy: 'me' }));
  const source = `hf:owner/Repo-GGUF@${commitOf(REPOSITORY)}:m.gguf`;
  assert.deepEqual(
    events.filter(({ type }) => type !== 'progress').map(({ type }) => type),
    ['started', 'done'],
  );
  const [request] = admitted;
  assert.deepEqual([request?.model, request?.owner, request?.labels], ['repo', 'api', ['production']]);
  assert.deepEqual(request?.lineage, { source, license: 'mit', deployedBy: 'me' });
  assert.equal(ends[0]?.type, 'done');
});

test('HubPuller refuses what does not fit, with the numbers, before it asks for a byte', async () => {
  const spare = 64 * 1024 * 1024;
  const need = 2 * WEIGHTS.byteLength + spare;
  const full = puller({ freeBytes: async () => need - 1 });
  await assert.rejects(all(full.pull('hf:owner/Repo-GGUF')), {
    reason: 'STORAGE_FULL',
    message: /500 kB are to be downloaded and need 68.1 MB of disk space on the way; 68.1 MB are free/,
    details: { missingBytes: 500_000, neededBytes: need, availableBytes: need - 1 },
  });
  const small = { maxModelBytes: 499_999, maxFileBytes: 10_000_000 };
  await assert.rejects(all(puller({ limits: small }).pull('hf:owner/Repo-GGUF')), {
    reason: 'REQUEST_TOO_LARGE',
    message: /500000 bytes; at most 499999 \(maxModelBytes\)/,
  });
  const smallFile = { maxModelBytes: 10_000_000, maxFileBytes: 499_999 };
  await assert.rejects(all(puller({ limits: smallFile }).pull('hf:owner/Repo-GGUF')), {
    reason: 'REQUEST_TOO_LARGE',
    message: /m.gguf has 500000 bytes; at most 499999 \(urlMaxBytes\)/,
  });
  assert.equal(hub.cdnRequests.length, 0);
  assert.deepEqual(
    ends.map(({ type }) => type),
    ['failed', 'failed', 'failed'],
  );
  await all(puller({ freeBytes: async () => need }).pull('hf:owner/Repo-GGUF'));
});

test('HubPuller brings the same content once for two who ask at the same time', async () => {
  hub.repositories.set('other/copy', REPOSITORY);
  const shared = puller();
  hub.cdnFaults.push({ kind: 'break', afterBytes: 200_000 });
  const both = await Promise.all([all(shared.pull('hf:owner/Repo-GGUF')), all(shared.pull('hf:other/copy'))]);
  assert.deepEqual(
    both.map((events) => events.at(-1)?.type),
    ['done', 'done'],
  );
  assert.deepEqual(admitted.map(({ model }) => model).toSorted(), ['copy', 'repo']);
  assert.equal(hub.cdnRequests.length, 2); // the second goes on where the first broke
});

test('HubPuller brings three files at a time and ends the others when one fails', async () => {
  const names = ['m.gguf', 'amaas.json', 'chat.jinja', 'chat_template.jinja'];
  const files = new Map(names.map((name, index) => [name, { bytes: patternBytes(1_000, index + 1), isLarge: true }]));
  hub.repositories.set('owner/Repo-GGUF', { files });
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 10 }, { kind: 'stall', afterBytes: 10 }, { kind: 'corrupt' });
  await assert.rejects(all(puller().pull('hf:owner/Repo-GGUF')), { reason: 'DIGEST_MISMATCH' });
  assert.equal(hub.cdnRequests.length, 3);
  assert.equal(admitted.length, 0);
});

test('HubPuller does not ask the hub about a commit it knows, nor about anything when it is offline', async () => {
  await all(puller().pull('hf:owner/Repo-GGUF'));
  hub.requests.length = 0;
  const pinned = await all(puller().pull(`hf:owner/Repo-GGUF@${commitOf(REPOSITORY)}`));
  const last = pinned.at(-1);
  assert.deepEqual([last?.type === 'done' && last.unchanged, hub.requests.length], [true, 0]);
  await all(puller({ isOffline: true }).pull('hf:owner/Repo-GGUF', { name: 'copy' }));
  await assert.rejects(all(puller({ isOffline: true }).pull('hf:owner/Repo-GGUF@v2')), {
    reason: 'FETCH_FAILED',
    message: /offline \(AMAAS_OFFLINE\), and what owner\/Repo-GGUF holds at v2 was never asked for/,
  });
  await rm(join(directory, 'blobs'), { recursive: true });
  await assert.rejects(all(puller({ isOffline: true }).pull('hf:owner/Repo-GGUF')), {
    reason: 'FETCH_FAILED',
    message: /these files are not here: m.gguf/,
  });
  assert.equal(hub.requests.length, 0);
});

test('HubPuller ends its pulls when the server stops, and begins none', async () => {
  const stopped = puller();
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 1_000 });
  const ended = assert.rejects(
    async () => {
      for await (const event of stopped.pull('hf:owner/Repo-GGUF')) if (event.type === 'progress') stopped.stop();
    },
    { reason: 'SHUTTING_DOWN' },
  );
  await ended;
  await assert.rejects(all(stopped.pull('hf:owner/Repo-GGUF')), { reason: 'SHUTTING_DOWN' });
  assert.equal(hub.cdnRequests.length, 1);
});

test('HubPuller asks whether the name is allowed before it asks the hub', async () => {
  const authorize = (model: string): void => {
    throw new RangeError(model);
  };
  await assert.rejects(all(puller().pull('hf:owner/Repo-GGUF', { authorize })), new RangeError('repo'));
  assert.equal(hub.requests.length, 0);
});

test('HubPuller follows no redirect out of the policy, and does not try again', async () => {
  hub.hubFaults.push(null, { kind: 'status', status: 302, headers: { location: 'http://user:word@127.0.0.1/x' } });
  await assert.rejects(all(puller().pull('hf:owner/Repo-GGUF')), {
    reason: 'URL_REFUSED',
    message: /user name or password/,
  });
  assert.equal(hub.requests.length, 2);
});

test('HubPuller says what to do about a hub that cannot be reached', async () => {
  const gone = await startTestHub();
  await gone.close();
  const policy = { allowPrivate: true, maxBytes: 10_000_000, timeoutMs: 60_000, stallTimeoutMs: 60_000 };
  // Pauses between tries pass at once.
  const impatient = { ...systemClock, schedule: (_delayMs: number, run: () => void) => systemClock.schedule(0, run) };
  const tried = (hubUrl: string, resolveHost?: () => Promise<never>) => {
    const parts = { hubUrl, token: null, policy, clock: systemClock };
    const client = new HubClient({ ...parts, ...(resolveHost === undefined ? {} : { resolveHost }) });
    return all(puller({ client, clock: impatient }).pull('hf:owner/Repo-GGUF'));
  };
  const { host } = new URL(gone.url);
  await assert.rejects(tried(gone.url), {
    reason: 'FETCH_FAILED',
    message: new RegExp(
      `^hub: nothing came from ${host}: .*ECONNREFUSED.*\\. The server .*AMAAS_HUB_URL.*AMAAS_HUB_TOKEN.*AMAAS_OFFLINE=on`,
    ),
    details: { host },
  });
  const unknown = () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
  await assert.rejects(tried('https://hub.example', unknown), {
    message: /^hub: nothing came from hub\.example: the host "hub\.example" cannot be resolved/,
  });
});
