// What a hub says about a repository at one commit, read from its answer. Opens no connection.
// Source: huggingface_hub, `HfApi.model_info(files_metadata=True)`.
import { AmaasError } from '@amaas/core';
import { assertTreePath } from '../artifacts/index.ts';

/** What the bytes of a file must hash to: large files (LFS) by SHA-256, the others as git names blobs. */
export interface FileIdentity {
  readonly kind: 'sha256' | 'git';
  /** 64 or 40 hexadecimal digits. */
  readonly hex: string;
}

export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly identity: FileIdentity;
}

export interface HubListing {
  readonly repository: string;
  readonly commit: string;
  /** As the repository's card has it; null where it has none. */
  readonly license: string | null;
  readonly files: readonly HubFile[];
}

/** Repositories of models have tens of files, those of data a hundred thousand. */
const MAX_FILES = 100_000;

/** @throws FETCH_FAILED naming what the answer lacks */
export function readListing(repository: string, body: unknown): HubListing {
  const model = asRecord(body);
  const commit = model['sha'];
  if (typeof commit !== 'string' || !/^[0-9a-f]{40,64}$/.test(commit)) throw unusable(repository, 'no commit ("sha")');
  const siblings = model['siblings'];
  if (!Array.isArray(siblings)) throw unusable(repository, 'no list of files ("siblings")');
  if (siblings.length > MAX_FILES) throw unusable(repository, `${siblings.length} files, more than ${MAX_FILES}`);
  const files = siblings.map((sibling: unknown) => readFile(repository, asRecord(sibling)));
  return { repository, commit, license: readLicense(model), files };
}

function readFile(repository: string, sibling: Readonly<Record<string, unknown>>): HubFile {
  const { rfilename: path, blobId } = sibling;
  if (typeof path !== 'string') throw unusable(repository, 'a file without a name ("rfilename")');
  try {
    assertTreePath(path);
  } catch (cause) {
    throw unusable(repository, `a file that cannot be written here: ${JSON.stringify(path.slice(0, 200))}`, cause);
  }
  const lfs = sibling['lfs'] === undefined || sibling['lfs'] === null ? null : asRecord(sibling['lfs']);
  const size = lfs?.['size'] ?? sibling['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw unusable(repository, `no size for ${JSON.stringify(path)}`);
  }
  const digest = lfs === null ? null : String(lfs['sha256'] ?? lfs['oid'] ?? '').replace(/^sha256:/, '');
  const hex = digest ?? (typeof blobId === 'string' ? blobId : '');
  if (!(digest === null ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/).test(hex)) {
    throw unusable(repository, `nothing to check ${JSON.stringify(path)} against`);
  }
  return { path, sizeBytes: size, identity: { kind: digest === null ? 'git' : 'sha256', hex } };
}

function readLicense(model: Readonly<Record<string, unknown>>): string | null {
  const said = asRecord(model['cardData'])['license'];
  const first: unknown = Array.isArray(said) ? said[0] : said;
  if (typeof first === 'string' && first !== '') return first.slice(0, 100);
  const tags: readonly unknown[] = Array.isArray(model['tags']) ? model['tags'] : [];
  const tag = tags.find((candidate) => typeof candidate === 'string' && candidate.startsWith('license:'));
  return typeof tag === 'string' ? tag.slice('license:'.length, 100) : null;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  // An object's own fields, each of them still unknown.
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function unusable(repository: string, problem: string, cause?: unknown): AmaasError {
  return new AmaasError('FETCH_FAILED', `hub: what it says about ${repository} cannot be used: ${problem}`, {
    retryable: false,
    cause,
  });
}
