// A registry on a fresh database and a fresh blob store, for tests.
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Signature } from '@amaas/core';
import { ArtifactTrees, FileBlobStore, type TreeFile } from '../../artifacts/index.ts';
import { type Database, type DialectName, openDatabase } from '../../storage/index.ts';
import { createTestDatabase, createTestDirectory } from '../../storage/testing/databases.ts';
import { Registry } from '../registry.ts';
import type { VersionRegistration } from '../types.ts';

export interface RegistryFixture {
  readonly registry: Registry;
  readonly database: Database;
  readonly blobs: FileBlobStore;
  readonly trees: ArtifactTrees;
  readonly listenerErrors: unknown[];
  /** Moves the clock on; it stands still otherwise, at 2026-01-02T03:04:05.678Z. */
  advance(ms: number): void;
  /** Stores a model file with these contents and gives the list of files. */
  store(contents: string): Promise<TreeFile[]>;
  /** A registration of a model file with these contents. */
  registration(contents: string, more?: Partial<VersionRegistration>): Promise<VersionRegistration>;
}

export const SIGNATURE: Signature = {
  method: 'predict',
  inputs: [{ name: 'x', dtype: 'float32', shape: ['N', 4] }],
  outputs: [{ name: '__proto__', dtype: 'int64', shape: null }],
};

/** `databasePath` puts the SQLite file at a place of its own. */
export async function createRegistryFixture(
  context: TestContext,
  dialect: DialectName,
  databasePath?: string,
): Promise<RegistryFixture> {
  const directory = await createTestDirectory(context);
  const options = databasePath === undefined ? await createTestDatabase(context, dialect) : { path: databasePath };
  const database = await openDatabase(options);
  context.after(() => database.close());
  let nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const clock = { wallTime: () => new Date(nowMs) };
  const blobs = new FileBlobStore(directory, clock);
  const trees = new ArtifactTrees(join(directory, 'trees'), blobs);
  const listenerErrors: unknown[] = [];
  const registry = new Registry({
    database,
    blobs,
    trees,
    clock,
    onListenerError: (error) => listenerErrors.push(error),
  });
  const store = async (contents: string): Promise<TreeFile[]> => [
    { path: 'model.onnx', ...(await blobs.put(Buffer.from(contents))) },
  ];
  return {
    registry,
    database,
    blobs,
    trees,
    listenerErrors,
    advance(ms) {
      nowMs += ms;
    },
    store,
    registration: async (contents, more = {}) => ({
      model: 'resnet',
      owner: 'api',
      files: await store(contents),
      signatures: new Map([['serving_default', SIGNATURE]]),
      manifest: {},
      ...more,
    }),
  };
}
