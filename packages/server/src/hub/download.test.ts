import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type AmaasError, type Clock, systemClock } from '@amaas/core';
import { FileBlobStore, type StoredBlob } from '../artifacts/index.ts';
import { downloadFile } from './download.ts';
import { type FileAddress, HubClient } from './hub-client.ts';
import { PartialFiles } from './partial-files.ts';
import {
  commitOf,
  patternBytes,
  sha256Of,
  startTestHub,
  type TestHub,
  type TestRepository,
} from './testing/test-hub.ts';

const LARGE = patternBytes(300_000);
const SMALL = patternBytes(4_000, 7);
const REPOSITORY: TestRepository = {
  files: new Map([
    ['large.gguf', { bytes: LARGE, isLarge: true }],
    ['config.json', { bytes: SMALL, isLarge: false }],
  ]),
};

let hub: TestHub;
let directory: string;
/** Pauses there were, in milliseconds; none takes any time. */
let pauses: number[];
let notes: string[];

before(async () => {
  hub = await startTestHub();
});
after(() => hub.close());

beforeEach(async () => {
  hub.repositories.set('owner/repo', REPOSITORY);
  for (const list of [hub.requests, hub.cdnRequests, hub.hubFaults, hub.cdnFaults]) list.length = 0;
  directory = await mkdtemp(join(tmpdir(), 'amaas-test-'));
  pauses = [];
  notes = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const STALL_MS = 12_345;
/** What watches for silence; fires when a test says so. */
const stalls = new Set<() => void>();

/** Pauses take no time; silence lasts until a test ends it. */
const clock: Clock = {
  ...systemClock,
  schedule(delayMs, action) {
    if (delayMs === STALL_MS) {
      stalls.add(action);
      return () => void stalls.delete(action);
    }
    pauses.push(delayMs);
    return systemClock.schedule(0, action);
  },
};

/** Lets the silence that has begun, or begins next, be too long. */
function endSilence(): void {
  const timer = setInterval(() => {
    if (stalls.size === 0) return;
    clearInterval(timer);
    for (const action of [...stalls]) action();
  }, 5);
}

function client(token: string | null = null): HubClient {
  const policy = {
    allowPrivate: true,
    maxBytes: 1_000_000,
    timeoutMs: Number.POSITIVE_INFINITY,
    stallTimeoutMs: STALL_MS,
  };
  return new HubClient({ hubUrl: hub.url, token, policy, clock });
}

async function addressOf(path: string): Promise<FileAddress> {
  const { files, commit, repository } = await client().list('owner/repo', 'main', new AbortController().signal);
  const file = files.find((candidate) => candidate.path === path) ?? assert.fail(path);
  return { repository, commit, file };
}

/** A break of the next answer once the client has all bytes that came before it; to be given to `download`. */
function breakAfter(afterBytes: number): { readonly onBytes: (haveBytes: number) => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  hub.cdnFaults.push({ kind: 'break', afterBytes, when: promise });
  return { onBytes: (haveBytes) => haveBytes >= afterBytes && resolve() };
}

interface DownloadOptions {
  readonly signal?: AbortSignal;
  readonly onBytes?: (haveBytes: number, cameBytes: number) => void;
}

async function download(path: string, options: DownloadOptions = {}): Promise<StoredBlob> {
  const parts = {
    client: client(),
    blobs: new FileBlobStore(directory, systemClock),
    partials: new PartialFiles(join(directory, 'partial'), systemClock),
    clock,
    random: () => 0.5,
    signal: options.signal ?? new AbortController().signal,
    onPause: (error: AmaasError) => notes.push(error.message),
    onBytes: options.onBytes ?? (() => {}),
  };
  return downloadFile(parts, await addressOf(path));
}

/** Ranges the other server was asked for, and what it sent. */
function exchanges(): readonly (readonly [string, number])[] {
  return hub.cdnRequests.map(({ headers, sentBytes }) => [headers.range ?? 'all', sentBytes]);
}

async function assertNothingLeft(): Promise<void> {
  assert.deepEqual(await readdir(join(directory, 'partial')), []);
}

test('downloadFile stores large and small files, checked, and leaves nothing behind', async () => {
  let cameBytes = 0;
  const large = await download('large.gguf', {
    onBytes: (_have, came) => {
      cameBytes += came;
    },
  });
  assert.deepEqual(large, { digest: `sha256:${sha256Of(LARGE)}`, sizeBytes: 300_000 });
  assert.equal(cameBytes, 300_000);
  const small = await download('config.json');
  assert.equal(small.digest, `sha256:${sha256Of(SMALL)}`);
  await assertNothingLeft();
  assert.deepEqual(notes, []);
});

test('downloadFile goes on where a broken connection and a silent one ended', async () => {
  const broken = breakAfter(100_000);
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 50_000 });
  const onBytes = (have: number, came: number): void => {
    broken.onBytes(have);
    if (have === 150_000 && came > 0) endSilence();
  };
  const { digest } = await download('large.gguf', { onBytes });
  assert.equal(digest, `sha256:${sha256Of(LARGE)}`);
  assert.deepEqual(exchanges(), [
    ['all', 100_000],
    ['bytes=100000-', 50_000],
    ['bytes=150000-', 150_000],
  ]);
  assert.equal(hub.cdnRequests[1]?.headers['if-range'], `"cdn-${sha256Of(LARGE).slice(0, 16)}"`);
  assert.match(notes.join('\n'), /connection broke.*nothing came for 12345 ms/s);
});

test('downloadFile starts over where ranges are not served, and where the entity tag has changed', async () => {
  const broken = breakAfter(100_000);
  hub.cdnFaults.push({ kind: 'whole' });
  await download('large.gguf', broken);
  assert.deepEqual(exchanges(), [
    ['all', 100_000],
    ['bytes=100000-', 300_000],
  ]);
  hub.cdnRequests.length = 0;
  await rm(join(directory, 'blobs'), { recursive: true });
  const brokenAgain = breakAfter(120_000);
  hub.cdnFaults.push({ kind: 'etag', etag: '"another"' });
  const { digest } = await download('large.gguf', brokenAgain);
  assert.equal(digest, `sha256:${sha256Of(LARGE)}`);
  assert.deepEqual(exchanges(), [
    ['all', 120_000],
    ['bytes=120000-', 300_000],
  ]);
});

test('downloadFile asks for parts without a condition where the tag is weak', async () => {
  const { file } = await addressOf('large.gguf');
  const partial = await new PartialFiles(join(directory, 'partial'), systemClock).open(file);
  await partial.setEtag('W/"weak"');
  await partial.append(LARGE.subarray(0, 1_000));
  await partial.close();
  hub.cdnFaults.push({ kind: 'etag', etag: 'W/"weak"' });
  await download('large.gguf');
  assert.deepEqual(exchanges(), [['bytes=1000-', 299_000]]);
  assert.equal(hub.cdnRequests[0]?.headers['if-range'], undefined);
});

test('downloadFile waits as long as it is asked to and grows its pauses by itself', async () => {
  hub.cdnFaults.push({ kind: 'status', status: 429, headers: { 'retry-after': '7' } });
  hub.cdnFaults.push({ kind: 'status', status: 503 }, { kind: 'status', status: 500 });
  await download('large.gguf');
  assert.deepEqual(pauses, [7_000, 750, 1_500]); // half a second doubled each time, three quarters of it by the random number
});

test('downloadFile gets a new address where the old one has expired', async () => {
  hub.cdnFaults.push({ kind: 'status', status: 403 });
  const { digest } = await download('large.gguf');
  assert.equal(digest, `sha256:${sha256Of(LARGE)}`);
  assert.equal(hub.requests.filter(({ path }) => path.includes('/resolve/')).length, 2);
});

test('downloadFile gives up after six tries that bring nothing, and at once where it is asked to wait for hours', async () => {
  for (let count = 0; count < 6; count++) hub.cdnFaults.push({ kind: 'status', status: 502 });
  await assert.rejects(download('large.gguf'), { reason: 'FETCH_FAILED', message: /status 502/ });
  assert.equal(hub.cdnRequests.length, 6);
  hub.cdnFaults.push({ kind: 'status', status: 429, headers: { 'retry-after': '7200' } });
  await assert.rejects(download('large.gguf'), { reason: 'FETCH_FAILED', message: /status 429/ });
  assert.equal(hub.cdnRequests.length, 7);
});

test('downloadFile counts tries anew as long as each brings something', async () => {
  const breaks = Array.from({ length: 12 }, () => Promise.withResolvers<void>());
  for (const { promise } of breaks) hub.cdnFaults.push({ kind: 'break', afterBytes: 20_000, when: promise });
  const onBytes = (_have: number, came: number): void => {
    if (came > 0) breaks[hub.cdnRequests.length - 1]?.resolve();
  };
  await download('large.gguf', { onBytes });
  assert.equal(hub.cdnRequests.length, 13);
});

test('downloadFile refuses bytes with another hash and keeps none of them', async () => {
  hub.cdnFaults.push({ kind: 'corrupt' });
  await assert.rejects(download('large.gguf'), { reason: 'DIGEST_MISMATCH' });
  await assertNothingLeft();
  hub.hubFaults.push(null, { kind: 'corrupt' }); // the list, then the file
  await assert.rejects(download('config.json'), {
    reason: 'DIGEST_MISMATCH',
    message: /config.json should be git blob/,
  });
  await assertNothingLeft();
  assert.deepEqual(notes, []); // not tried again: it would be the same
});

test('downloadFile starts over once where an earlier part does not fit', async () => {
  hub.cdnFaults.push({ kind: 'stall', afterBytes: 100_000 });
  const stop = new AbortController();
  const first = download('large.gguf', { signal: stop.signal, onBytes: (have) => have === 100_000 && stop.abort() });
  await assert.rejects(first, { reason: 'CANCELLED' });
  const [part] = (await readdir(join(directory, 'partial'))).filter((name) => name.endsWith('.part'));
  const path = join(directory, 'partial', part ?? '');
  const torn = await readFile(path);
  assert.equal(torn.byteLength, 100_000);
  await writeFile(path, torn.fill(0, 90_000)); // as a power cut may leave it
  hub.cdnRequests.length = 0;
  const { digest } = await download('large.gguf');
  assert.equal(digest, `sha256:${sha256Of(LARGE)}`);
  assert.deepEqual(exchanges(), [
    ['bytes=100000-', 200_000],
    ['all', 300_000],
  ]);
});

test('downloadFile refuses a file that is longer or shorter than listed, or of another commit', async () => {
  const address = await addressOf('large.gguf');
  const grown = { files: new Map([['large.gguf', { bytes: patternBytes(300_001), isLarge: true }]]) };
  hub.repositories.set('owner/repo', grown);
  const open = client().open(
    { ...address, commit: commitOf(grown) },
    { byte: 0, etag: null },
    new AbortController().signal,
  );
  await assert.rejects(open, {
    reason: 'FETCH_FAILED',
    message: /contradicts itself.*300001 bytes, its list says 300000/,
  });
});

test('PartialFiles removes what did not grow for a week, unless somebody is at it', async () => {
  const partials = new PartialFiles(join(directory, 'partial'), systemClock);
  const { file } = await addressOf('large.gguf');
  const partial = await partials.open(file);
  await partial.setEtag('"tag"');
  await partial.append(LARGE.subarray(0, 10));
  await partial.close();
  const names = await readdir(join(directory, 'partial'));
  assert.equal(names.length, 2);
  await partials.removeStale(new Set());
  assert.deepEqual(await readdir(join(directory, 'partial')), names);
  const old = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  for (const name of names) await utimes(join(directory, 'partial', name), old, old);
  await partials.removeStale(new Set(names));
  assert.deepEqual(await readdir(join(directory, 'partial')), names);
  await partials.removeStale(new Set());
  await assertNothingLeft();
});
