// A backup made while a server writes, brought back; and everything that may be wrong with an archive.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { AmaasError, type ErrorReason, systemClock } from '@amaas/core';
import { sql } from 'kysely';
import { ArtifactTrees, computeTreeDigest, FileBlobStore } from '../artifacts/index.ts';
import { mountTinyDisk } from '../artifacts/testing/tiny-disk.ts';
import { noteEvent } from '../fine-tuning/folder.ts';
import { FineTuningStore } from '../fine-tuning/store.ts';
import { addFineTuning, openQueue } from '../fine-tuning/testing/open-queue.ts';
import { UNAUTHENTICATED_PRINCIPAL } from '../gateway/index.ts';
import { type ModelRecord, Registry, scanModelsFolder } from '../registry/index.ts';
import { type Database, dataDirLayout, lockDataDir, openDatabase } from '../storage/index.ts';
import { createTestDirectory } from '../storage/testing/databases.ts';
import { createBackup } from './create-backup.ts';
import { restoreBackup } from './restore-backup.ts';

interface OpenDataDir {
  readonly database: Database;
  readonly blobs: FileBlobStore;
  readonly registry: Registry;
}

async function openDataDir(dataDir: string): Promise<OpenDataDir> {
  const layout = dataDirLayout(dataDir);
  const database = await openDatabase({ path: layout.databasePath });
  const blobs = new FileBlobStore(layout.artifactsDirectory, systemClock);
  const trees = new ArtifactTrees(join(layout.artifactsDirectory, 'trees'), blobs);
  const registry = new Registry({ database, blobs, trees, clock: systemClock, onListenerError: () => {} });
  return { database, blobs, registry };
}

async function register({ registry, blobs }: OpenDataDir, model: string, contents: readonly string[]): Promise<void> {
  const files = await Promise.all(
    contents.map(async (text, i) => ({
      path: i === 0 ? 'model.onnx' : `data/${i}.bin`,
      ...(await blobs.put(Buffer.from(text))),
    })),
  );
  await registry.registerVersion({
    model,
    owner: 'api',
    files,
    signatures: new Map(),
    manifest: {},
    labels: ['newest'],
  });
}

/** A data directory with two models, three versions, a shared blob, one nobody refers to, and a models folder. */
async function createDataDir(context: TestContext): Promise<string> {
  const dataDir = join(await createTestDirectory(context), 'data');
  const open = await openDataDir(dataDir);
  await register(open, 'one', ['model one', 'shared weights']);
  await register(open, 'one', ['model one, better', 'shared weights']);
  await register(open, 'two', ['x'.repeat(100_000)]);
  await open.blobs.put(Buffer.from('nobody refers to this'));
  await open.database.db.insertInto('settings').values({ key: 'a', value: 'b' }).execute();
  await open.database.close();
  await writeFile(join(dataDir, 'something-else'), 'not backed up');
  const models = {
    'iris/1/model.onnx': 'model one',
    'iris/1/data/w.bin': 'not among the blobs',
    'iris/.hidden': 'x',
    'flat.onnx': '',
  };
  for (const [path, text] of Object.entries(models)) {
    await mkdir(dirname(join(dataDir, 'models', path)), { recursive: true });
    await writeFile(join(dataDir, 'models', path), text);
  }
  await utimes(join(dataDir, 'models/flat.onnx'), 1_600_000_000.5, 1_600_000_000.5);
  return dataDir;
}

interface Acknowledged {
  readonly model: string;
  readonly version: number;
  readonly digest: string;
}

interface Described {
  readonly models: readonly ModelRecord[];
  readonly settings: unknown;
}

/** Everything a data directory means; fails when a file of a version is not whole. */
async function describe(dataDir: string): Promise<Described> {
  const { registry, blobs, database } = await openDataDir(dataDir);
  const models = await registry.listModels();
  for (const { files, digest } of models.flatMap((model) => model.versions)) {
    assert.equal(computeTreeDigest(files), digest);
    for (const file of files) assert.equal(await blobs.verify(file.digest), true);
  }
  const settings = (await database.db.selectFrom('settings').selectAll().execute()).map((row) => ({ ...row }));
  await database.close();
  return { models, settings };
}

test('createBackup and restoreBackup carry datasets, runs, their reports, the queue of jobs, files and the input of open batches', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const open = await openDataDir(dataDir);
  const dataset = await open.blobs.put(Buffer.from('a,b\n1,2\n'));
  const report = await open.blobs.put(Buffer.from('<html>a report'));
  const { datasets, runs } = open.registry;
  await datasets.add({ name: 'heart', blob: dataset, mediaType: 'text/csv', createdBy: 'admin' });
  const use = { role: 'train', name: 'heart', version: 1 };
  const start = { kind: 'train', configuration: {}, datasets: [use], codeVersion: '1', createdBy: 'admin' };
  await runs.start({ id: 'run_1', ...start });
  const files = [{ name: 'report.html', mediaType: 'text/html', ...report }];
  const run = await runs.end('run_1', { state: 'succeeded', files });
  const job = {
    id: 'job_1',
    sequence: 1,
    kind: 'train',
    state: 'queued',
    priority: 0,
    model: null,
    configuration: '{}',
    attempt: 0,
    crashes: 0,
    progress: null,
    result: null,
    error: null,
    created_at: '2026-01-01',
    started_at: null,
    ended_at: null,
    created_by: 'admin',
  };
  await open.database.db.insertInto('jobs').values(job).execute();
  const uploaded = await open.blobs.put(Buffer.from('uploaded'));
  const input = await open.blobs.put(Buffer.from('input of a batch'));
  const done = await open.blobs.put(Buffer.from('input of one that has ended'));
  const file = { id: 'file-1', sequence: 1, owner: 'a', purpose: 'batch', file_name: 'a.jsonl' };
  const when = { created_at: '2026-01-01', expires_at: '2026-01-02' };
  const blob = { digest: uploaded.digest, size_bytes: uploaded.sizeBytes };
  await open.database.db
    .insertInto('files')
    .values({ ...file, ...blob, ...when })
    .execute();
  for (const [sequence, state, { digest, sizeBytes }] of [
    [1, 'in_progress', input],
    [2, 'completed', done],
  ] as const) {
    const batch = { id: `batch_${sequence}`, sequence, owner: null, state, model: null, input_file: 'file-2' };
    const rest = { input_digest: digest, input_bytes: sizeBytes, output_file: null, error_file: null };
    const values = { ...batch, ...rest, ...when, request: '{}', progress: '{}' };
    await open.database.db.insertInto('batches').values(values).execute();
  }
  await open.database.close();

  const archive = join(elsewhere, 'backup.tar');
  assert.equal((await createBackup({ dataDir, destination: archive })).blobs, 10);
  const restored = join(elsewhere, 'restored');
  await restoreBackup({ archive, dataDir: restored });
  const copy = await openDataDir(restored);
  assert.deepEqual(await copy.registry.runs.list(), [run]);
  const [found] = await copy.registry.datasets.versions('heart');
  assert.deepEqual([found?.digest, found?.sizeBytes], [dataset.digest, 8]);
  const kept = [dataset, report, uploaded, input];
  for (const { digest } of kept) assert.equal(await copy.blobs.verify(digest), true);
  assert.deepEqual({ ...(await copy.database.db.selectFrom('jobs').selectAll().executeTakeFirst()) }, job);
  await copy.registry.collectGarbage({ graceMs: -60_000 });
  for (const { digest } of kept) assert.equal(await copy.blobs.has(digest), true);
  await copy.database.close();

  const bytes = await readFile(archive);
  const at = bytes.lastIndexOf('a,b\n1,2\n');
  bytes.write('a,b\n1,3\n', at);
  await writeFile(archive, bytes);
  await rejectsWith(restoreBackup({ archive, dataDir: join(elsewhere, 'damaged') }), 'DIGEST_MISMATCH');
});

test('restoreBackup brings back fine-tunings with what happened to them; those under way fail, since their files are not in it', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const open = await openDataDir(dataDir);
  const store = await FineTuningStore.open(open.database, dataDirLayout(dataDir).fineTuningDirectory);
  const [done, underWay] = ['ftjob-0000000000000001', 'ftjob-0000000000000002'] as const;
  const result = await open.blobs.put(Buffer.from('step,train_loss'));
  const resultFile = { id: 'file-1', sequence: 1, owner: null, purpose: 'fine-tune-results', file_name: 'a.csv' };
  const blob = { digest: result.digest, size_bytes: result.sizeBytes, created_at: '2026-01-01', expires_at: null };
  await open.database.db
    .insertInto('files')
    .values({ ...resultFile, ...blob })
    .execute();
  for (const id of [done, underWay]) {
    await addFineTuning(store, id);
    await noteEvent(store.pathsOf(id), 7000, { level: 'info', type: 'message', message: 'begun', data: {} });
  }
  await store.end(done, { state: 'succeeded', atMs: 8000, trainedTokens: 3, resultFiles: ['file-1'], error: null });
  await open.database.close();
  const archive = join(elsewhere, 'backup.tar');
  await createBackup({ dataDir, destination: archive });
  const restored = join(elsewhere, 'restored');
  await restoreBackup({ archive, dataDir: restored });

  const database = await openDatabase({ path: dataDirLayout(restored).databasePath });
  t.after(() => database.close());
  const { queue } = await openQueue(database, restored);
  const page = { after: null, limit: 10, metadata: [] };
  const { items } = await queue.list(page, UNAUTHENTICATED_PRINCIPAL);
  assert.deepEqual(
    items.map(({ id, status, fineTunedModel, resultFiles }) => [id, status, fineTunedModel, resultFiles]),
    [
      [underWay, 'failed', null, []],
      [done, 'succeeded', 'ft-a-00000000', ['file-1']],
    ],
  );
  const events = await queue.events(done, page, UNAUTHENTICATED_PRINCIPAL);
  assert.deepEqual(
    events.items.map(({ message, createdAtMs }) => [message, createdAtMs]),
    [['begun', 7000]],
  );
  const blobs = new FileBlobStore(dataDirLayout(restored).artifactsDirectory, systemClock);
  assert.equal(await blobs.verify(result.digest), true);
});

test('createBackup and restoreBackup take a data directory from before there were datasets', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const open = await openDataDir(dataDir);
  for (const table of [
    'run_datasets',
    'runs',
    'jobs',
    'datasets',
    'dataset_counters',
    'responses',
    'files',
    'batches',
    'fine_tunings',
  ]) {
    await open.database.db.schema.dropTable(table).execute();
  }
  await sql`delete from amaas_migrations where name >= '0003'`.execute(open.database.db);
  await open.database.close();
  const archive = join(elsewhere, 'backup.tar');
  assert.equal((await createBackup({ dataDir, destination: archive })).schemaVersion, 2);
  await restoreBackup({ archive, dataDir: join(elsewhere, 'restored') });
  assert.equal((await describe(join(elsewhere, 'restored'))).models.length, 2);
});

function rejectsWith(promise: Promise<unknown>, reason: ErrorReason, message: RegExp = /./): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  });
}

test('restoreBackup brings back what createBackup saw, into a new and into an empty directory', async (t) => {
  const dataDir = await createDataDir(t);
  const lock = lockDataDir(dataDir, systemClock); // a server is running
  const elsewhere = await createTestDirectory(t);
  const destination = join(elsewhere, 'new folder', 'backup.tar');
  const before = await describe(dataDir);
  const progress: number[] = [];
  const summary = await createBackup({
    dataDir,
    destination,
    onProgress: (done, total) => progress.push(done / total),
  });
  assert.deepEqual({ ...summary, bytes: 0 }, { destination, versions: 3, blobs: 6, bytes: 0, schemaVersion: 6 });
  assert.equal(progress.at(-1), 1);
  assert.deepEqual(
    progress,
    progress.toSorted((a, b) => a - b),
  );
  assert.equal((await stat(destination)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(dirname(destination)), ['backup.tar']);
  await mkdir(join(elsewhere, 'empty'));
  for (const name of ['new', 'empty']) {
    const restored = join(elsewhere, name);
    const told = await restoreBackup({ archive: destination, dataDir: restored });
    assert.deepEqual([told.dataDir, told.versions, told.blobs], [restored, 3, 6]);
    assert.deepEqual(
      (await readdir(restored)).filter((entry) => entry !== 'lock.db'),
      ['amaas.db', 'artifacts', 'models'],
    );
    assert.deepEqual(await describe(restored), before);
    const original = await scanModelsFolder(join(dataDir, 'models'));
    const copied = await scanModelsFolder(join(restored, 'models'));
    const told2 = (candidates: typeof original) =>
      candidates.map((each) => [each.location, each.files.map((file) => [file.path, file.sizeBytes])]);
    assert.deepEqual(told2(copied), told2(original));
    assert.equal(await readFile(join(restored, 'models/iris/1/data/w.bin'), 'utf8'), 'not among the blobs');
    assert.equal((await stat(join(restored, 'models/flat.onnx'))).mtimeMs, 1_600_000_000_500);
    await appendFile(join(restored, 'models/iris/1/model.onnx'), 'edited'); // a copy, not the blob
    assert.deepEqual(await describe(restored), before);
    lockDataDir(restored, systemClock).release();
  }
  lock.release();
});

test('createBackup of a data directory that a server is writing to holds a consistent state', async (t) => {
  const elsewhere = await createTestDirectory(t);
  const dataDir = join(elsewhere, 'data');
  const script = join(import.meta.dirname, '../registry/testing/durability-child.ts');
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    const lines: string[] = [];
    const reader = createInterface(child.stdout).on('line', (line) => lines.push(line));
    while (lines.length < 10) await once(reader, 'line');
    const acknowledged: Acknowledged[] = lines.slice(1).map((line) => JSON.parse(line));
    for (const round of [1, 2, 3]) {
      const archive = join(elsewhere, `${round}.tar`);
      const restored = join(elsewhere, `${round}`);
      const summary = await createBackup({ dataDir, destination: archive });
      await restoreBackup({ archive, dataDir: restored });
      const { models } = await describe(restored);
      const digests = new Map(
        models.flatMap((model) => model.versions.map((each) => [`${model.name}@${each.version}`, each.digest])),
      );
      assert.equal(digests.size, summary.versions);
      for (const { model, version, digest } of acknowledged) assert.equal(digests.get(`${model}@${version}`), digest);
      for (const model of models) assert.equal(model.labels.get('newest'), model.versions.at(-1)?.version);
    }
    assert.equal(child.exitCode, null, 'the writer was not disturbed');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
});

test('createBackup starts over when a blob is collected under its hands', async (t) => {
  const dataDir = await createDataDir(t);
  const destination = join(await createTestDirectory(t), 'backup.tar');
  const open = await openDataDir(dataDir);
  let isDeleted: Promise<void> | undefined;
  const summary = await createBackup({
    dataDir,
    destination,
    onProgress() {
      isDeleted ??= (async () => {
        const [file] = (await open.registry.getVersion('two', 1)).files;
        await open.registry.deleteModel('two');
        if (file !== undefined) await open.blobs.delete(file.digest);
      })();
    },
  });
  await isDeleted;
  await open.database.close();
  // Deleted before it was read (started over without it) or after (in the archive as it was): whole either way.
  const restored = join(dirname(destination), 'restored');
  await restoreBackup({ archive: destination, dataDir: restored });
  const { models } = await describe(restored);
  assert.equal(models.length, summary.versions === 2 ? 1 : 2);
});

test('createBackup refuses what it could not restore, and leaves nothing behind', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const destination = join(elsewhere, 'backup.tar');
  await rejectsWith(createBackup({ dataDir: elsewhere, destination }), 'INVALID_CONFIG', /no database in .*pg_dump/);
  const { blobs, database, registry } = await openDataDir(dataDir);
  const [file] = (await registry.getVersion('one', 1)).files;
  assert(file !== undefined);
  const path = await blobs.path(file.digest);
  const contents = await readFile(path);
  await unlink(path);
  await rejectsWith(createBackup({ dataDir, destination }), 'ARTIFACT_NOT_FOUND', new RegExp(file.digest));
  await writeFile(
    path,
    contents.map((byte) => byte ^ 1),
  );
  await rejectsWith(createBackup({ dataDir, destination }), 'DIGEST_MISMATCH', new RegExp(file.digest));
  await database.db.insertInto('settings').values({ key: 'x', value: 'y' }).execute();
  await database.close();
  const future = await openDatabase({ path: dataDirLayout(dataDir).databasePath });
  await future.db
    .insertInto('amaas_migrations' as 'settings') // not a table of the schema; only its name differs
    .values({ name: '0009-future', timestamp: '2031-01-01T00:00:00Z' } as never) // as above
    .execute();
  await future.close();
  await rejectsWith(createBackup({ dataDir, destination }), 'SCHEMA_TOO_NEW', /schema 9 \(0009-future\)/);
  assert.deepEqual(await readdir(elsewhere), []);
  await writeFile(destination, 'precious');
  await rejectsWith(createBackup({ dataDir, destination }), 'INVALID_ARGUMENT', /exists/);
  assert.equal(await readFile(destination, 'utf8'), 'precious');
});

test('createBackup and restoreBackup on a full disk say STORAGE_FULL and leave nothing', async (t) => {
  const dataDir = await createDataDir(t);
  const disk = mountTinyDisk(t, 128);
  if (disk === null) return;
  await rejectsWith(createBackup({ dataDir, destination: join(disk, 'backup.tar') }), 'STORAGE_FULL');
  assert.deepEqual(await readdir(disk), []);
  const archive = join(await createTestDirectory(t), 'backup.tar');
  await createBackup({ dataDir, destination: archive });
  await rejectsWith(restoreBackup({ archive, dataDir: join(disk, 'data') }), 'STORAGE_FULL');
  assert.deepEqual(await readdir(disk), []);
});

test('restoreBackup leaves a data directory alone that is in use or not empty', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const archive = join(elsewhere, 'backup.tar');
  await createBackup({ dataDir, destination: archive });
  const before = await describe(dataDir);
  await rejectsWith(
    restoreBackup({ archive, dataDir }),
    'INVALID_ARGUMENT',
    /is not empty: it holds amaas\.db, artifacts/,
  );
  assert.deepEqual(await describe(dataDir), before);
  const locked = join(elsewhere, 'locked');
  const lock = lockDataDir(locked, systemClock);
  await rejectsWith(restoreBackup({ archive, dataDir: locked }), 'DATA_DIR_LOCKED');
  lock.release();
  await mkdir(join(locked, '.restoring-1234')); // a restore that was killed
  await restoreBackup({ archive, dataDir: locked });
  assert.deepEqual(await describe(locked), before);
  await rejectsWith(restoreBackup({ archive, dataDir: archive }), 'INVALID_ARGUMENT', /not a directory/);
  await rejectsWith(
    restoreBackup({ archive: join(elsewhere, 'none'), dataDir: join(elsewhere, 'x') }),
    'INVALID_ARGUMENT',
    /cannot read/,
  );
  await rejectsWith(
    restoreBackup({ archive: join(dataDir, 'amaas.db'), dataDir: join(elsewhere, 'x') }),
    'INVALID_ARGUMENT',
    /not a tar/,
  );
  assert.deepEqual((await readdir(elsewhere)).toSorted(), ['backup.tar', 'locked']);
});

test('restoreBackup refuses an archive with any bit changed or its end missing, and leaves nothing', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const archive = join(elsewhere, 'backup.tar');
  await createBackup({ dataDir, destination: archive });
  const before = await describe(dataDir);
  const good = await readFile(archive);
  const damaged = join(elsewhere, 'damaged.tar');
  const restored = join(elsewhere, 'restored');
  let refused = 0;
  const step = Math.floor(good.length / 60);
  for (let position = 3; position < good.length; position += step) {
    const bytes = Buffer.from(good);
    bytes[position] = (bytes[position] ?? 0) ^ (1 << (position % 8));
    await writeFile(damaged, bytes);
    try {
      await restoreBackup({ archive: damaged, dataDir: restored });
      assert.deepEqual(await describe(restored), before, `byte ${position}`); // only padding may change unnoticed
    } catch (error) {
      assert(error instanceof AmaasError, `byte ${position}: ${error}`);
      assert(['DIGEST_MISMATCH', 'INVALID_ARGUMENT'].includes(error.reason), `byte ${position}: ${error.message}`);
      refused++;
    }
    await rm(restored, { recursive: true, force: true });
    assert.deepEqual((await readdir(elsewhere)).toSorted(), ['backup.tar', 'damaged.tar']);
  }
  assert(refused > 55, `${refused} refused`);
  for (let part = 0; part < 10; part++) {
    await cp(archive, damaged);
    await truncate(damaged, Math.floor(((good.length - 1100) * part) / 9));
    await assert.rejects(restoreBackup({ archive: damaged, dataDir: restored }), AmaasError, `${part}/9`);
  }
  assert.deepEqual((await readdir(elsewhere)).toSorted(), ['backup.tar', 'damaged.tar']);
});

test('restoreBackup refuses an archive that ends well but lacks files', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const archive = join(elsewhere, 'backup.tar');
  await createBackup({ dataDir, destination: archive });
  const good = await readFile(archive);
  const cut = join(elsewhere, 'cut.tar');
  const isStart = (name: string) => good.indexOf(`${name}\0`);
  const cases: [number, RegExp][] = [
    [isStart('amaas.db'), /lacks 6 of its blobs/],
    [good.indexOf('blobs/', isStart('amaas.db')), /lacks 6 of its blobs, such as sha256:/],
    [good.lastIndexOf('blobs/'), /lacks 1 of its blobs/],
  ];
  for (const [length, message] of cases) {
    await writeFile(cut, Buffer.concat([good.subarray(0, length), Buffer.alloc(1024)]));
    await rejectsWith(restoreBackup({ archive: cut, dataDir: join(elsewhere, 'x') }), 'DIGEST_MISMATCH', message);
  }
  assert.deepEqual((await readdir(elsewhere)).toSorted(), ['backup.tar', 'cut.tar']);
});

test('restoreBackup refuses archives whose manifest does not fit', async (t) => {
  const dataDir = await createDataDir(t);
  const elsewhere = await createTestDirectory(t);
  const archive = join(elsewhere, 'backup.tar');
  await createBackup({ dataDir, destination: archive });
  const good = await readFile(archive);
  const edited = join(elsewhere, 'edited.tar');
  // Replacements of the same length, so that the archive stays well-formed.
  const cases: [string, string, ErrorReason, RegExp][] = [
    ['"0006-fine', '"0007-fine', 'SCHEMA_TOO_NEW', /edited\.tar has schema 7 .* up to 6/],
    ['"formatVersion": 1', '"formatVersion": 9', 'INVALID_ARGUMENT', /format 9; this amaas reads up to 1/],
    ['"amaas-backup"', '"other-backup"', 'INVALID_ARGUMENT', /not one of an amaas backup/],
    ['"iris/1/data/w.bin"', '"../../../etc/w.bi"', 'INVALID_ARGUMENT', /not allowed/],
    ['"blobs": [', '"blubs": [', 'INVALID_ARGUMENT', /not one of an amaas backup/],
    ['"sizeBytes": 9', '"sizeBytes": 8', 'INVALID_ARGUMENT', /not in the manifest/],
  ];
  for (const [from, to, reason, message] of cases) {
    const bytes = Buffer.from(good);
    const at = bytes.indexOf(from);
    assert(at > 0 && from.length === to.length, from);
    bytes.write(to, at);
    await writeFile(edited, bytes);
    await rejectsWith(restoreBackup({ archive: edited, dataDir: join(elsewhere, 'restored') }), reason, message);
  }
  assert.deepEqual((await readdir(elsewhere)).toSorted(), ['backup.tar', 'edited.tar']);
});
