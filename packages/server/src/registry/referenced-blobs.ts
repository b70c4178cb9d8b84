// Which blobs datasets, runs, uploaded files and open batches keep alive: for the collection of garbage.
import type { Transaction } from 'kysely';
import { type Digest, parseDigest } from '../artifacts/index.ts';
import { OPEN_BATCHES, type Schema } from '../storage/index.ts';
import { parseRunFiles } from './training-rows.ts';

export async function loadReferencedBlobs(trx: Transaction<Schema>): Promise<readonly Digest[]> {
  const datasets = await trx.selectFrom('datasets').select('digest').execute();
  const runs = await trx.selectFrom('runs').select('files').execute();
  const files = await trx.selectFrom('files').select('digest').execute();
  const batches = await trx.selectFrom('batches').select('input_digest').where('state', 'in', OPEN_BATCHES).execute();
  return [
    ...files.map(({ digest }) => parseDigest(digest)),
    ...batches.map(({ input_digest }) => parseDigest(input_digest)),
    ...datasets.map(({ digest }) => parseDigest(digest)),
    ...runs.flatMap(({ files }) => parseRunFiles(files).map(({ digest }) => digest)),
  ];
}
