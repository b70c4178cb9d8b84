// Which blobs datasets and runs keep alive: for the collection of garbage.
import type { Transaction } from 'kysely';
import { type Digest, parseDigest } from '../artifacts/index.ts';
import type { Schema } from '../storage/index.ts';
import { parseRunFiles } from './training-rows.ts';

export async function loadTrainingBlobs(trx: Transaction<Schema>): Promise<readonly Digest[]> {
  const datasets = await trx.selectFrom('datasets').select('digest').execute();
  const runs = await trx.selectFrom('runs').select('files').execute();
  return [
    ...datasets.map(({ digest }) => parseDigest(digest)),
    ...runs.flatMap(({ files }) => parseRunFiles(files).map(({ digest }) => digest)),
  ];
}
