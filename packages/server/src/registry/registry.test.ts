// The registry's contract, on SQLite and on PostgreSQL.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AmaasError, type ErrorReason } from '@amaas/core';
import { computeTreeDigest } from '../artifacts/index.ts';
import { mountTinyDisk } from '../artifacts/testing/tiny-disk.ts';
import { DATABASE_KINDS } from '../storage/testing/databases.ts';
import { selectVersions } from './select-versions.ts';
import { createRegistryFixture, SIGNATURE } from './testing/registry-fixture.ts';
import type { QuarantineVerdict, VerdictKey, VersionRecord } from './types.ts';

const NOW = '2026-01-02T03:04:05.678Z';

function rejectsWith(promise: Promise<unknown>, reason: ErrorReason, message: RegExp = /./): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const numbers = (versions: readonly VersionRecord[]): number[] => versions.map(({ version }) => version);

for (const { dialect, skip } of DATABASE_KINDS) {
  const check = (behaviour: string, body: (context: TestContext) => Promise<void>): void => {
    test(`Registry(${dialect}) ${behaviour}`, { skip }, body);
  };

  check('registerVersion gives back every field, and so does every later read', async (t) => {
    const { registry, registration, store } = await createRegistryFixture(t, dialect);
    const [model] = await store('the model');
    const [weights] = await store('weights');
    assert(model !== undefined && weights !== undefined);
    const files = [model, { ...weights, path: 'data/w.bin' }];
    const manifest = { task: 'ünïcode', batching: { maxSize: 8 }, labels: ['a', '"b"'], preprocess: {} };
    const lineage = { parent: { model: 'base', version: 3 }, seed: 42, metrics: { accuracy: 0.975 }, source: 'x.onnx' };
    const signatures = new Map([
      ['2', SIGNATURE],
      ['1', { ...SIGNATURE, method: 'classify' as const }],
      ['__proto__', SIGNATURE],
    ]);
    const { record, isNew } = await registry.registerVersion(
      await registration('', { files, manifest, lineage, signatures }),
    );
    assert.equal(isNew, true);
    const expected: VersionRecord = {
      model: 'resnet',
      version: 1,
      digest: computeTreeDigest(files),
      format: 'onnx',
      sizeBytes: 'the model'.length + 'weights'.length,
      signatures,
      manifest,
      lineage,
      files,
      createdAt: NOW,
    };
    assert.deepEqual(record, expected);
    assert.deepEqual(await registry.getVersion('resnet', 1), expected);
    assert.deepEqual([...(await registry.getVersion('resnet', 1)).signatures.keys()], ['2', '1', '__proto__']);
    assert.deepEqual(await registry.listVersions('resnet'), [expected]);
    assert.deepEqual(await registry.getModel('resnet'), {
      name: 'resnet',
      owner: 'api',
      policy: { kind: 'latest', count: 1 },
      labels: new Map(),
      versions: [expected],
      createdAt: NOW,
    });
    assert.deepEqual(await registry.listModels(), [await registry.getModel('resnet')]);
  });

  check('registerVersion numbers versions upwards and never uses a number twice', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    const deploy = async (contents: string) =>
      (await registry.registerVersion(await registration(contents))).record.version;
    assert.deepEqual([await deploy('a'), await deploy('b'), await deploy('b')], [1, 2, 3]); // the API means a new one
    await registry.deleteVersion('resnet', 3);
    await registry.deleteVersion('resnet', 1);
    assert.equal(await deploy('c'), 4);
    await registry.deleteModel('resnet');
    assert.equal(await registry.getModel('resnet'), null);
    assert.equal(await deploy('d'), 5);
    await registry.registerVersion(await registration('e', { version: 1_700_000_000_000 }));
    assert.equal(await deploy('f'), 1_700_000_000_001);
    await registry.registerVersion(await registration('g', { version: 17 })); // lower than the greatest: allowed
    assert.equal(await deploy('h'), 1_700_000_000_002);
    assert.deepEqual(
      numbers(await registry.listVersions('resnet')),
      [5, 17, 1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002],
    );
    await registry.registerVersion(await registration('i', { version: Number.MAX_SAFE_INTEGER }));
    await rejectsWith(deploy('j'), 'INVALID_ARGUMENT', /greatest version number/);
  });

  check('registerVersion gives simultaneous deployments different numbers', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    const registrations = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        registration(`contents ${i}`, { model: i % 2 === 0 ? 'even' : 'odd', labels: ['newest'] }),
      ),
    );
    const results = await Promise.all(registrations.map((each) => registry.registerVersion(each)));
    for (const name of ['even', 'odd']) {
      const mine = results.filter(({ record }) => record.model === name).map(({ record }) => record.version);
      assert.deepEqual(mine.toSorted(), [1, 2, 3, 4, 5, 6]);
      assert.equal((await registry.getModel(name))?.versions.length, 6);
    }
  });

  check('registerVersion of a taken number is refused with other contents and repeated with the same', async (t) => {
    const { registry, registration, advance } = await createRegistryFixture(t, dialect);
    const first = await registry.registerVersion(await registration('same', { version: 7, owner: 'folder' }));
    advance(5000);
    const second = await registry.registerVersion(
      await registration('same', { version: 7, owner: 'folder', labels: ['production'], manifest: { task: 'other' } }),
    );
    assert.deepEqual(second, { record: first.record, isNew: false });
    assert.deepEqual((await registry.getModel('resnet'))?.labels, new Map([['production', 7]]));
    await rejectsWith(
      registry.registerVersion(await registration('other', { version: 7, owner: 'folder', labels: ['canary'] })),
      'VERSION_EXISTS',
      /version 7 of model "resnet" exists with other contents \(sha256:[0-9a-f]{64}, not sha256:[0-9a-f]{64}\)/,
    );
    assert.deepEqual((await registry.getModel('resnet'))?.labels, new Map([['production', 7]])); // nothing of it happened
    assert.deepEqual(numbers(await registry.listVersions('resnet')), [7]);
  });

  check('registerVersion without a number repeats the newest version of the folder, as each start does', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    const scan = async (contents: string, owner: 'folder' | 'bundled') => {
      const { record, isNew } = await registry.registerVersion(await registration(contents, { owner, model: owner }));
      return [record.version, isNew];
    };
    for (const owner of ['folder', 'bundled'] as const) {
      assert.deepEqual(await scan('a', owner), [1, true]);
      assert.deepEqual(await scan('a', owner), [1, false]);
      assert.deepEqual(await scan('b', owner), [2, true]);
      assert.deepEqual(await scan('a', owner), [3, true]); // back again: what is served must be a
    }
  });

  check('registerVersion keeps a name to its owner', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    const owners = ['folder', 'api', 'bundled'] as const;
    const words = { folder: /the watched models folder/, api: /the management API/, bundled: /come with amaas/ };
    for (const owner of owners) await registry.registerVersion(await registration('a', { model: owner, owner }));
    for (const name of owners) {
      for (const owner of owners) {
        if (name === owner) continue;
        const attempt = registry.registerVersion(await registration('b', { model: name, owner, labels: ['l'] }));
        await rejectsWith(attempt, 'NAME_TAKEN', words[name]);
        await rejectsWith(registry.deleteModel(name, { owner }), 'NAME_TAKEN', words[owner]);
        await rejectsWith(registry.deleteVersion(name, 1, { owner }), 'NAME_TAKEN');
      }
      const model = await registry.getModel(name);
      assert.deepEqual([model?.versions.length, model?.labels.size], [1, 0]);
    }
    await registry.deleteModel('folder', { owner: 'folder' });
    await registry.registerVersion(await registration('b', { model: 'folder', owner: 'api' })); // a freed name may change hands
    assert.equal((await registry.getModel('folder'))?.owner, 'api');
  });

  check(
    'registerVersion refuses names, numbers, files and policies that make no sense, and changes nothing',
    async (t) => {
      const { registry, registration, store } = await createRegistryFixture(t, dialect);
      const [file] = await store('x');
      assert(file !== undefined);
      const refused: [Parameters<typeof registration>[1], ErrorReason][] = [
        [{ model: 'Resnet' }, 'INVALID_NAME'],
        [{ model: '../x' }, 'INVALID_NAME'],
        [{ labels: ['ok', 'not ok'] }, 'INVALID_NAME'],
        [{ version: 0 }, 'INVALID_ARGUMENT'],
        [{ version: -1 }, 'INVALID_ARGUMENT'],
        [{ version: 1.5 }, 'INVALID_ARGUMENT'],
        [{ version: Number.NaN }, 'INVALID_ARGUMENT'],
        [{ version: 2 ** 53 }, 'INVALID_ARGUMENT'],
        [{ files: [] }, 'INVALID_ARGUMENT'],
        [{ files: [{ ...file, path: '../x' }] }, 'INVALID_ARGUMENT'],
        [{ files: [file, { ...file, path: 'b', digest: `sha256:${'0'.repeat(64)}` }] }, 'ARTIFACT_NOT_FOUND'],
        [{ policy: { kind: 'latest', count: 0 } }, 'INVALID_ARGUMENT'],
        [{ policy: { kind: 'specific', versions: [] } }, 'INVALID_ARGUMENT'],
      ];
      for (const [more, reason] of refused) {
        await rejectsWith(registry.registerVersion(await registration('x', more)), reason);
      }
      assert.deepEqual(await registry.listModels(), []);
    },
  );

  check('setLabel moves a label, removeLabel takes it away, and both say what is missing', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    for (const contents of ['a', 'b']) await registry.registerVersion(await registration(contents));
    const labels = async () => Object.fromEntries((await registry.getModel('resnet'))?.labels ?? []);
    await registry.setLabel({ model: 'resnet', label: 'production', version: 1 });
    await registry.setLabel({ model: 'resnet', label: 'canary', version: 2 });
    assert.deepEqual(await labels(), { canary: 2, production: 1 });
    await registry.setLabel({ model: 'resnet', label: 'production', version: 2 });
    assert.deepEqual(await labels(), { canary: 2, production: 2 });
    await registry.removeLabel('resnet', 'canary');
    assert.deepEqual(await labels(), { production: 2 });
    const set = (model: string, label: string, version: number) => registry.setLabel({ model, label, version });
    await rejectsWith(set('resnet', 'production', 3), 'VERSION_NOT_FOUND', /no version 3; its versions are 1, 2$/);
    await rejectsWith(set('resnet', 'production', Number.NaN), 'VERSION_NOT_FOUND');
    await rejectsWith(set('other', 'production', 1), 'MODEL_NOT_FOUND', /"other"/);
    await rejectsWith(set('a\0b', 'production', 1), 'MODEL_NOT_FOUND');
    await rejectsWith(set('resnet', 'Not OK', 1), 'INVALID_NAME');
    await rejectsWith(registry.removeLabel('resnet', 'canary'), 'LABEL_NOT_FOUND', /its labels are "production"/);
    await rejectsWith(registry.removeLabel('other', 'canary'), 'MODEL_NOT_FOUND');
    assert.deepEqual(await labels(), { production: 2 });
  });

  check('registerVersion moves labels together with the version', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    await registry.registerVersion(await registration('a', { labels: ['production', 'canary'] }));
    await registry.registerVersion(await registration('b', { labels: ['production'] }));
    assert.deepEqual(
      (await registry.getModel('resnet'))?.labels,
      new Map([
        ['canary', 1],
        ['production', 2],
      ]),
    );
  });

  check('deleteVersion keeps labelled versions unless forced', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    for (const contents of ['a', 'b', 'c']) await registry.registerVersion(await registration(contents));
    await registry.setLabel({ model: 'resnet', label: 'production', version: 2 });
    await registry.setLabel({ model: 'resnet', label: 'canary', version: 2 });
    await registry.setLabel({ model: 'resnet', label: 'stable', version: 1 });
    await rejectsWith(registry.deleteVersion('resnet', 2), 'LABEL_IN_USE', /labels "canary", "production"; move/);
    await rejectsWith(registry.deleteVersion('resnet', 1), 'LABEL_IN_USE', /label "stable"; move/);
    await registry.deleteVersion('resnet', 3);
    await registry.deleteVersion('resnet', 2, { force: true });
    const model = await registry.getModel('resnet');
    assert.deepEqual(numbers(model?.versions ?? []), [1]);
    assert.deepEqual(model?.labels, new Map([['stable', 1]]));
    await rejectsWith(registry.deleteVersion('resnet', 2), 'VERSION_NOT_FOUND', /its versions are 1$/);
    await rejectsWith(registry.deleteVersion('other', 2), 'MODEL_NOT_FOUND');
    await registry.deleteVersion('resnet', 1, { force: true, owner: 'api' });
    assert.deepEqual((await registry.getModel('resnet'))?.versions, []);
    await rejectsWith(registry.getVersion('resnet', 1), 'VERSION_NOT_FOUND', /it has no versions/);
  });

  check('setPolicy and registerVersion set the policy; nothing else does', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    const policy = async () => (await registry.getModel('resnet'))?.policy;
    await registry.registerVersion(await registration('a', { policy: { kind: 'all' } }));
    assert.deepEqual(await policy(), { kind: 'all' });
    await registry.registerVersion(await registration('b'));
    assert.deepEqual(await policy(), { kind: 'all' });
    await registry.setPolicy('resnet', { kind: 'specific', versions: [2, 9] });
    assert.deepEqual(await policy(), { kind: 'specific', versions: [2, 9] });
    await registry.registerVersion(await registration('c', { policy: { kind: 'latest', count: 3 } }));
    assert.deepEqual(await policy(), { kind: 'latest', count: 3 });
    await rejectsWith(registry.setPolicy('resnet', { kind: 'latest', count: 0.5 }), 'INVALID_ARGUMENT');
    await rejectsWith(registry.setPolicy('other', { kind: 'all' }), 'MODEL_NOT_FOUND');
    assert.deepEqual(await policy(), { kind: 'latest', count: 3 });
  });

  check('suspend serves nothing until resume brings the policy back', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    await registry.registerVersion(
      await registration('a', { policy: { kind: 'latest', count: 4 }, labels: ['production'] }),
    );
    const served = async () => {
      const model = await registry.getModel('resnet');
      return model === null ? null : selectVersions(model);
    };
    assert.deepEqual(await served(), [1]);
    await registry.suspend('resnet');
    await registry.suspend('resnet');
    assert.deepEqual(await served(), []);
    await registry.registerVersion(await registration('b'));
    assert.deepEqual(await served(), []);
    await registry.resume('resnet');
    await registry.resume('resnet');
    assert.deepEqual((await registry.getModel('resnet'))?.policy, { kind: 'latest', count: 4 });
    assert.deepEqual(await served(), [1, 2]);
    await rejectsWith(registry.suspend('other'), 'MODEL_NOT_FOUND');
    await rejectsWith(registry.resume('other'), 'MODEL_NOT_FOUND');
  });

  check('assertOwner lets a new name and the owner through', async (t) => {
    const { registry, registration } = await createRegistryFixture(t, dialect);
    await registry.assertOwner('resnet', 'folder');
    await registry.registerVersion(await registration('a'));
    await registry.assertOwner('resnet', 'api');
    await rejectsWith(registry.assertOwner('resnet', 'folder'), 'NAME_TAKEN', /belongs to the management API/);
  });

  check('onChange is called after the commit, once per change, and not for what failed', async (t) => {
    const { registry, registration, listenerErrors } = await createRegistryFixture(t, dialect);
    const heard: string[] = [];
    const seen: Promise<unknown>[] = [];
    registry.onChange(() => {
      throw new Error('a broken listener');
    });
    const stop = registry.onChange((model) => {
      heard.push(model);
      seen.push(registry.getModel(model).then((record) => record?.versions.length)); // must not see the state before
    });
    await registry.registerVersion(await registration('a'));
    await registry.setLabel({ model: 'resnet', label: 'x', version: 1 });
    await registry.setPolicy('resnet', { kind: 'all' });
    await registry.removeLabel('resnet', 'x');
    await rejectsWith(registry.removeLabel('resnet', 'x'), 'LABEL_NOT_FOUND');
    await registry.deleteVersion('resnet', 1);
    await registry.deleteModel('resnet');
    stop();
    await registry.registerVersion(await registration('b', { model: 'other' }));
    assert.deepEqual(heard, Array(6).fill('resnet'));
    assert.deepEqual((await Promise.all(seen)).slice(0, 1), [1]);
    assert.equal(listenerErrors.length, 7);
  });

  check('getVerdict gives back what was put under exactly the same key', async (t) => {
    const { registry } = await createRegistryFixture(t, dialect);
    const key: VerdictKey = {
      digest: `sha256:${'a'.repeat(64)}`,
      engine: 'onnxruntime',
      engineVersion: '1.30.0',
      machine: 'x64 avx512',
      optionsDigest: `sha256:${'b'.repeat(64)}`,
    };
    const admitted: QuarantineVerdict = {
      kind: 'admitted',
      report: {
        signature: SIGNATURE,
        memoryBytes: 123_456_789,
        loadMs: 12.5,
        runMs: 0.25,
        msPerRow: null,
        batching: { sound: true, rowsTried: 3 },
        warmupSkipped: null,
      },
    };
    const rejected: QuarantineVerdict = {
      kind: 'rejected',
      error: { reason: 'MODEL_REJECTED', message: 'it crashed\0', details: { signal: 'SIGSEGV' }, retryable: false },
    };
    assert.equal(await registry.getVerdict(key), null);
    await registry.putVerdict(key, admitted);
    assert.deepEqual(await registry.getVerdict(key), admitted);
    const others: VerdictKey[] = [
      { ...key, digest: `sha256:${'c'.repeat(64)}` },
      { ...key, engine: 'other' },
      { ...key, engineVersion: '1.30.1' },
      { ...key, machine: 'arm64' },
      { ...key, optionsDigest: `sha256:${'d'.repeat(64)}` },
    ];
    for (const other of others) assert.equal(await registry.getVerdict(other), null);
    await registry.putVerdict(key, rejected);
    assert.deepEqual(await registry.getVerdict(key), rejected);
  });

  check('collectGarbage removes what no version refers to, and spares what is young or in use', async (t) => {
    const { registry, registration, blobs, trees, store, advance } = await createRegistryFixture(t, dialect);
    const shared = await registration('shared by 1 and 2');
    await registry.registerVersion(shared);
    await registry.registerVersion({ ...shared, model: 'second' });
    const doomed = await registration('doomed');
    await registry.registerVersion(doomed);
    const inUse = await trees.materialise(doomed.files);
    const wanted = await trees.materialise(shared.files);
    wanted.release();
    const [orphan] = await store('never registered');
    assert(orphan !== undefined);
    await registry.deleteVersion('resnet', 2);
    await registry.deleteVersion('resnet', 1);
    assert.deepEqual(await registry.collectGarbage(), { blobs: 0, bytes: 0, trees: 0 }); // all of it is young
    advance(2 * 60 * 60 * 1000);
    const [young] = await store('young');
    assert.deepEqual(await registry.collectGarbage(), {
      blobs: 2,
      bytes: 'doomed'.length + 'never registered'.length,
      trees: 0,
    });
    assert.equal(await blobs.has(shared.files[0]?.digest ?? orphan.digest), true);
    assert.equal(await blobs.has(young?.digest ?? orphan.digest), true);
    assert.equal(await blobs.has(orphan.digest), false);
    inUse.release();
    assert.deepEqual(await registry.collectGarbage({ graceMs: 0 }), { blobs: 0, bytes: 0, trees: 1 });
    advance(1);
    assert.deepEqual(await registry.collectGarbage({ graceMs: 0 }), { blobs: 1, bytes: 'young'.length, trees: 0 });
    assert.equal(await blobs.verify(shared.files[0]?.digest ?? orphan.digest), true);
  });

  check('collectGarbage spares an old blob that a version is about to refer to', async (t) => {
    const { registry, registration, blobs, advance } = await createRegistryFixture(t, dialect);
    const again = await registration('old');
    advance(2 * 60 * 60 * 1000);
    await Promise.all([registry.registerVersion(again), registry.collectGarbage()]).catch((error: unknown) => {
      assert(error instanceof AmaasError && error.reason === 'ARTIFACT_NOT_FOUND'); // collected first: refused, not broken
    });
    for (const version of (await registry.getModel('resnet'))?.versions ?? []) {
      for (const file of version.files) assert.equal(await blobs.has(file.digest), true);
    }
  });
}

test('Registry.registerVersion on a full disk says STORAGE_FULL and leaves nothing half visible', async (t) => {
  const disk = mountTinyDisk(t, 600);
  if (disk === null) return;
  const filler = join(disk, 'filler');
  await writeFile(filler, Buffer.alloc(150_000));
  const { registry, registration } = await createRegistryFixture(t, 'sqlite', join(disk, 'amaas.db'));
  const lineage = { configuration: { text: 'x'.repeat(20_000) } };
  let registered = 0;
  await rejectsWith(
    (async () => {
      for (;;) {
        await registry.registerVersion(await registration('x', { lineage, labels: ['newest'] }));
        registered++;
      }
    })(),
    'STORAGE_FULL',
  );
  assert(registered > 3);
  const model = await registry.getModel('resnet');
  assert.equal(model?.versions.length, registered);
  assert.deepEqual(model?.labels, new Map([['newest', registered]]));
  await rm(filler);
  assert.equal((await registry.registerVersion(await registration('x', { lineage }))).record.version, registered + 1);
});
