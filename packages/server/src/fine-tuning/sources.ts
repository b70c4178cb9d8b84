// Where the files of a fine-tuning come from: what callers have uploaded, or datasets of the registry.
import { constants } from 'node:fs';
import { copyFile, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AmaasError, MAX_VERSION } from '@amaas/core';
import { type BlobStore, type Digest, syncDirectory } from '../artifacts/index.ts';
import type { Principal } from '../gateway/index.ts';
import type { Registry } from '../registry/index.ts';
import type { ResultFiles } from './kind.ts';
import type { FineTuningFile } from './store.ts';

/** Files that callers have brought. */
export interface CallersFiles extends ResultFiles {
  /** @throws ARTIFACT_NOT_FOUND, also for what is another's */
  get(
    id: string,
    viewer: { readonly keyId: string | null; readonly seesAll: boolean },
  ): Promise<{ readonly digest: Digest; readonly fileName: string; readonly purpose: string }>;
}

export interface FileSources {
  readonly registry: Pick<Registry, 'datasets'>;
  readonly blobs: Pick<BlobStore, 'path'>;
  readonly files: CallersFiles;
  readonly principal: Principal;
}

export interface WantedFile {
  /** Of a file, or `dataset:name@version`. */
  readonly id: string;
  /** Of the request. */
  readonly field: string;
  /** Where it is put. */
  readonly path: string;
}

/** Files are read whole; as OpenAI's. */
const MOST_BYTES = 512 * 1024 * 1024;

const DATASET = 'dataset:';
const DATASET_REFERENCE = /^[a-z0-9][a-z0-9._-]{0,127}(@[1-9][0-9]{0,15})?$/;

/**
 * Copies a file, so that it is there for as long as it takes, whatever becomes of the caller's; on disk when it resolves.
 * @throws ARTIFACT_NOT_FOUND, DATASET_NOT_FOUND, REQUEST_TOO_LARGE, INVALID_ARGUMENT naming the field
 */
export async function takeFile(sources: FileSources, wanted: WantedFile): Promise<FineTuningFile> {
  const found = wanted.id.startsWith(DATASET) ? await findDataset(sources, wanted) : await findFile(sources, wanted);
  const source = await sources.blobs.path(found.digest);
  const { size } = await stat(source);
  if (size > MOST_BYTES) {
    const message = `${wanted.field}: takes at most ${MOST_BYTES} bytes, and "${found.name}" has ${size}`;
    throw new AmaasError('REQUEST_TOO_LARGE', message, { details: { field: wanted.field } });
  }
  await copyFile(source, wanted.path, constants.COPYFILE_FICLONE);
  const handle = await open(wanted.path, 'r+');
  await handle.sync();
  await handle.close();
  await syncDirectory(dirname(wanted.path));
  return found;
}

async function findDataset({ registry }: FileSources, { id, field }: WantedFile): Promise<FineTuningFile> {
  const text = id.slice(DATASET.length);
  if (!DATASET_REFERENCE.test(text)) throw invalid(field, 'expected dataset:name or dataset:name@version');
  const [asked = '', number] = text.split('@');
  const numbered = number === undefined ? undefined : Number(number);
  if (numbered !== undefined && numbered > MAX_VERSION) throw invalid(field, `there is no dataset version ${number}`);
  const { name, version, digest, fileName } = await registry.datasets.get(asked, numbered);
  return { name: fileName ?? `${name}@${version}`, digest, dataset: { name, version } };
}

async function findFile({ files, principal }: FileSources, { id, field }: WantedFile): Promise<FineTuningFile> {
  const { keyId, scopes } = principal;
  const { purpose, fileName, digest } = await files.get(id, { keyId, seesAll: scopes.includes('admin') });
  if (purpose === 'fine-tune') return { name: fileName, digest, dataset: null };
  throw invalid(field, `expected a file uploaded with the purpose "fine-tune", got "${purpose}"`);
}

function invalid(field: string, problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `${field}: ${problem}`, { details: { field } });
}
