// The watcher on a real folder. The rescan interval is an hour here, so whatever is noticed, file events woke it.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { appendFile, mkdir, mkdtemp, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type AmaasError, type Clock, systemClock } from '@amaas/core';
import { FolderMemory, type KnownVersion, SETTLE_MS } from './folder-memory.ts';
import { FolderWatcher, type FolderWatcherOptions } from './folder-watcher.ts';
import { scanFolder } from './scan-models-folder.ts';

const HOUR_MS = 60 * 60 * 1000;

interface Fixture {
  readonly folder: string;
  readonly watcher: FolderWatcher;
  /** What was reported so far, in order. */
  readonly told: string[];
  readonly errors: unknown[];
  /** Resolves when this has been reported, counting from the last call that returned. */
  until(text: string): Promise<void>;
  put(path: string, contents?: string): Promise<void>;
}

async function createFixture(context: TestContext, options: Partial<FolderWatcherOptions> = {}): Promise<Fixture> {
  const parent = await realpath(await mkdtemp(join(tmpdir(), 'amaas-watch-')));
  const folder = join(parent, 'models');
  const told: string[] = [];
  const errors: unknown[] = [];
  const news = new EventEmitter();
  const tell = (text: string): void => {
    told.push(text);
    news.emit('news');
  };
  const watcher = new FolderWatcher({
    directory: folder,
    clock: systemClock,
    rescanIntervalMs: HOUR_MS,
    onCandidate: (candidate) =>
      tell(`${candidate.location} ${candidate.files.map((file) => file.sizeBytes).join('+')}`),
    onRemoved: (model, version) => tell(`removed ${model}@${version}`),
    onProblem: (candidate) => tell(`problem ${candidate.location}`),
    onError: (error) => errors.push(error),
    ...options,
  });
  context.after(async () => {
    await watcher.stop();
    await rm(parent, { recursive: true, force: true });
  });
  let from = 0;
  return {
    folder,
    watcher,
    told,
    errors,
    async until(text) {
      while (!told.includes(text, from)) await once(news, 'news');
      from = told.indexOf(text, from) + 1;
    },
    async put(path, contents = 'model') {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), contents);
    },
  };
}

test('FolderWatcher creates the folder, hands out what comes, and what changes, and what goes', async (t) => {
  const { watcher, folder, put, until, told, errors } = await createFixture(t);
  await watcher.start();
  assert((await stat(folder)).isDirectory());
  await put('resnet/1/model.onnx');
  await until('resnet/1 5');
  await put('resnet/2/model.onnx', 'longer model');
  await until('resnet/2 12');
  await put('iris.onnx', 'abc');
  await until('iris.onnx 3');
  await put('resnet/1/model.onnx', 'changed');
  await until('resnet/1 7');
  await put('resnet/amaas.json', '{}'); // belongs to both versions
  await until('resnet/2 2+12');
  await rm(join(folder, 'resnet/1'), { recursive: true });
  await until('removed resnet@1');
  await rm(join(folder, 'iris.onnx'));
  await until('removed iris@null');
  await put('resnet/x/model.onnx');
  await until('problem resnet/x');
  assert.equal(told.filter((text) => text.startsWith('resnet/1 ')).length <= 3, true, told.join('\n'));
  assert.deepEqual(errors, []);
});

test('FolderWatcher.start resolves when what was complete has been handled', async (t) => {
  const handled: string[] = [];
  const { watcher, put } = await createFixture(t, {
    // The files were made just now; a clock ahead of them makes them old.
    clock: { ...systemClock, wallTime: () => new Date(Date.now() + HOUR_MS) },
    async onCandidate(candidate) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      handled.push(candidate.location);
    },
  });
  const names = Array.from({ length: 9 }, (_, i) => `m${i}`);
  for (const name of names) await put(`${name}/1/model.onnx`);
  await watcher.start();
  assert.deepEqual(
    handled.toSorted(),
    names.map((name) => `${name}/1`),
  );
});

test('FolderWatcher notices a model folder that was removed and made again', async (t) => {
  const { watcher, put, until, folder } = await createFixture(t);
  await put('m/1/model.onnx');
  await watcher.start();
  await until('m/1 5');
  for (const contents of ['second', 'the third']) {
    await rm(join(folder, 'm'), { recursive: true });
    await until('removed m@1');
    await put('m/1/model.onnx', contents);
    await until(`m/1 ${contents.length}`);
    await put('m/1/model.onnx', `${contents}, changed`); // the new folder is watched, too
    await until(`m/1 ${contents.length + 9}`);
  }
});

test('FolderWatcher follows a folder that was replaced between two looks', async (t) => {
  const { watcher, put, until, folder } = await createFixture(t);
  await put('m/1/model.onnx');
  await watcher.start();
  await until('m/1 5');
  for (let length = 10; length < 13; length++) {
    await rm(join(folder, 'm'), { recursive: true });
    await put('m/1/model.onnx', 'x'.repeat(length));
    await until(`m/1 ${length}`);
    await put('m/1/model.onnx', 'x'.repeat(10 * length)); // seen only by a watch on the new folder
    await until(`m/1 ${10 * length}`);
  }
});

test('FolderWatcher makes a models folder again that was removed, and follows it', async (t) => {
  const { watcher, put, until, folder } = await createFixture(t);
  await put('m/1/model.onnx');
  await watcher.start();
  await until('m/1 5');
  await rm(folder, { recursive: true });
  await until('removed m@1');
  await put('n/1/model.onnx');
  await until('n/1 5');
});

test('FolderWatcher takes a version that appears by a rename', async (t) => {
  const { watcher, put, until, folder } = await createFixture(t);
  await watcher.start();
  await put('.uploading/model.onnx');
  await put('.uploading/weights.bin', 'www');
  await mkdir(join(folder, 'm'));
  await rename(join(folder, '.uploading'), join(folder, 'm/1'));
  await until('m/1 5+3');
});

test('FolderWatcher hands the events of one model out in order, and goes on after a handler failed', async (t) => {
  const log: string[] = [];
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { watcher, put, folder, errors } = await createFixture(t, {
    async onCandidate({ location }) {
      log.push(`${location} +`);
      if (location === 'slow/1') {
        await rm(join(folder, 'slow/1'), { recursive: true });
        await new Promise((resolve) => setTimeout(resolve, 2 * SETTLE_MS));
      }
      log.push(`${location} -`);
      if (location === 'bad/1') throw new Error('handler failed');
    },
    onRemoved(model) {
      log.push(`removed ${model}`);
      finish();
    },
  });
  await put('slow/1/model.onnx');
  await put('bad/1/model.onnx');
  await watcher.start();
  await finished;
  assert.deepEqual(
    log.filter((text) => text.includes('slow')),
    ['slow/1 +', 'slow/1 -', 'removed slow'],
  );
  assert.deepEqual(errors.map(String), ['Error: handler failed']);
});

test('FolderWatcher.stop ends handlers by their signal and hands out nothing more', async (t) => {
  let started = () => {};
  const isStarted = new Promise<void>((resolve) => {
    started = resolve;
  });
  let calls = 0;
  const { watcher, put } = await createFixture(t, {
    async onCandidate(_candidate, signal) {
      calls++;
      started();
      await once(signal, 'abort');
    },
  });
  await watcher.start();
  await put('m/1/model.onnx');
  await isStarted;
  await put('m/2/model.onnx');
  await watcher.stop();
  await watcher.stop();
  await put('n/1/model.onnx');
  await new Promise((resolve) => setTimeout(resolve, 2 * SETTLE_MS));
  assert.equal(calls, 1);
});

test('FolderWatcher reports versions that went while it was not there, unless the folder is empty', async (t) => {
  const known: KnownVersion[] = [
    { model: 'm', version: 1 },
    { model: 'm', version: 2 },
  ];
  const { watcher, put, until, told, errors } = await createFixture(t, { known });
  await watcher.start();
  assert.match((errors[0] as AmaasError).message, /is empty, but 2 versions were registered/); // all errors here are AmaasError
  await put('m/2/model.onnx');
  await until('removed m@1');
  if (!told.includes('m/2 5')) await until('m/2 5');
  assert.equal(told.includes('removed m@2'), false);
});

test('FolderWatcher looks again after the rescan interval when nothing happens', async (t) => {
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    schedule(delayMs, action) {
      delays.push(delayMs);
      return systemClock.schedule(delayMs, action);
    },
  };
  const { watcher } = await createFixture(t, { clock, rescanIntervalMs: 1234 });
  await watcher.start();
  assert.deepEqual(delays, [1234]);
});

test('FolderWatcher survives a folder it cannot read', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'amaas-watch-'));
  t.after(() => rm(parent, { recursive: true }));
  await writeFile(join(parent, 'file'), 'not a folder');
  const { watcher, errors } = await createFixture(t, { directory: join(parent, 'file') });
  await watcher.start();
  assert.match(String(errors[0]), /EEXIST|ENOTDIR/);
});

test('FolderMemory and scanFolder never hand out a file that is still being written', async (t) => {
  // Real files, simulated time: the writer pauses up to the limit, and looks come at any moment.
  const { folder, put } = await createFixture(t);
  let seed = 12345;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 15; round++) {
    const path = `m/${round + 1}/model.onnx`;
    const memory = new FolderMemory();
    const chunks = 2 + random(6);
    let nowMs = 0;
    let nextWriteMs = 0;
    let written = 0;
    let isHandedOut = false;
    while (!isHandedOut) {
      nowMs += 1 + random(120);
      while (written < chunks && nextWriteMs <= nowMs) {
        if (written === 0) await put(path, 'chunk');
        else await appendFile(join(folder, path), 'chunk');
        written++;
        nextWriteMs += random(SETTLE_MS);
      }
      const { candidates } = await scanFolder(folder);
      const mine = candidates.filter((candidate) => candidate.location === `m/${round + 1}`);
      for (const event of memory.look(mine, { nowMs, wallMs: Date.now() }).events) {
        assert.equal(written, chunks, `round ${round}: handed out after ${written} of ${chunks} chunks`);
        assert(event.kind === 'candidate' && event.candidate.files[0]?.sizeBytes === 5 * chunks);
        isHandedOut = true;
      }
    }
  }
});
