// Brings one file of a hub into the blob store: goes on where an earlier download ended, tries again what fails, checks
// every byte before it counts. Knows nothing of models.
import { createHash } from 'node:crypto';
import { AmaasError } from '@amaas/core';
import type { BlobStore, StoredBlob } from '../artifacts/index.ts';
import type { OpenedUrl } from '../gateway/index.ts';
import { type FileAddress, failed, type HubClient } from './hub-client.ts';
import type { HubFile } from './listing.ts';
import type { PartialFile, PartialFiles } from './partial-files.ts';
import { type RetryParts, withRetries } from './retrying.ts';

export interface DownloadParts extends RetryParts {
  readonly client: HubClient;
  readonly blobs: BlobStore;
  readonly partials: PartialFiles;
  /** Hears how many bytes of the file there are, and how many of those came just now. */
  readonly onBytes: (haveBytes: number, cameBytes: number) => void;
}

/**
 * Downloads a file, or what is missing of it.
 * @throws DIGEST_MISMATCH, FETCH_FAILED after several tries, STORAGE_FULL, CANCELLED, and what the hub refuses
 */
export async function downloadFile(parts: DownloadParts, address: FileAddress): Promise<StoredBlob> {
  const { file } = address;
  const partial = await parts.partials.open(file);
  const isResumed = partial.sizeBytes > 0;
  try {
    await complete(parts, address, partial);
    try {
      return await store(parts, file, partial);
    } catch (thrown) {
      if (!isMismatch(thrown)) throw thrown;
      await partial.remove();
      parts.onBytes(0, 0);
      if (!isResumed) throw thrown;
    }
    // Bytes of two downloads, or those a power cut took, did not fit together: once more, all in one.
    await complete(parts, address, partial);
    return await store(parts, file, partial).catch(async (thrown: unknown) => {
      if (isMismatch(thrown)) await partial.remove();
      throw thrown;
    });
  } finally {
    await partial.close();
  }
}

/** Fetches until the file is as long as it should be. */
async function complete(parts: DownloadParts, address: FileAddress, partial: PartialFile): Promise<void> {
  let beforeBytes = partial.sizeBytes;
  parts.onBytes(beforeBytes, 0);
  await withRetries(
    parts,
    async () => {
      beforeBytes = partial.sizeBytes;
      await fetchRest(parts, address, partial);
    },
    () => partial.sizeBytes > beforeBytes,
  );
}

async function fetchRest(parts: DownloadParts, address: FileAddress, partial: PartialFile): Promise<void> {
  const { file } = address;
  if (partial.sizeBytes === file.sizeBytes) return;
  const answer = await parts.client.open(
    address,
    { byte: partial.sizeBytes, etag: strongTag(partial.etag) },
    parts.signal,
  );
  try {
    await prepare(answer, file, partial);
    parts.onBytes(partial.sizeBytes, 0);
    for await (const chunk of answer.body) {
      if (partial.sizeBytes + chunk.byteLength > file.sizeBytes) {
        await partial.reset();
        throw failed(`${file.path} is longer than the ${file.sizeBytes} bytes its list says`, { retryable: false });
      }
      await partial.append(chunk);
      parts.onBytes(partial.sizeBytes, chunk.byteLength);
    }
  } finally {
    answer.close();
  }
  if (partial.sizeBytes < file.sizeBytes) {
    throw failed(`${file.path} ended after ${partial.sizeBytes} of ${file.sizeBytes} bytes`);
  }
}

/** Makes the partial file end where the answer begins. */
async function prepare(answer: OpenedUrl, file: HubFile, partial: PartialFile): Promise<void> {
  const { status, headers } = answer;
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw failed(
      `${file.path} came with content-encoding ${headers['content-encoding'].slice(0, 40)}, which was not asked for`,
      {
        retryable: false,
      },
    );
  }
  const etag = headers.etag ?? null;
  if (status === 206) {
    const range = /^bytes (\d{1,16})-\d{1,16}\/(\d{1,16}|\*)$/.exec(headers['content-range'] ?? '');
    const isWanted =
      Number(range?.[1]) === partial.sizeBytes &&
      (range?.[2] === '*' || Number(range?.[2]) === file.sizeBytes) &&
      (partial.etag === null || etag === null || etag === partial.etag);
    if (isWanted) return partial.setEtag(etag ?? partial.etag);
  }
  await partial.reset();
  await partial.setEtag(etag);
  if (status !== 200)
    throw failed(`the rest of ${file.path} did not come as asked for (status ${status}); it starts over`);
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== file.sizeBytes) {
    throw failed(`${file.path} has ${length} bytes, its list says ${file.sizeBytes}`, { retryable: false });
  }
}

/** Weak tags are of no use for parts. Source: RFC 9110 section 13.1.5. */
function strongTag(etag: string | null): string | null {
  return etag?.startsWith('"') === true ? etag : null;
}

/** Moves the bytes into the blob store, checked. */
async function store(parts: DownloadParts, file: HubFile, partial: PartialFile): Promise<StoredBlob> {
  const { blobs, signal } = parts;
  await partial.close();
  const { kind, hex } = file.identity;
  const stored =
    kind === 'sha256'
      ? await blobs.put(partial.read(), { expectedDigest: `sha256:${hex}`, signal })
      : await blobs.put(checkedAsGitBlob(partial.read(), file), { signal });
  await partial.remove();
  return stored;
}

/** Source: git, "Git Internals - Git Objects". */
async function* checkedAsGitBlob(source: AsyncIterable<Uint8Array>, file: HubFile): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha1').update(`blob ${file.sizeBytes}\0`);
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest('hex');
  if (found === file.identity.hex) return;
  throw new AmaasError(
    'DIGEST_MISMATCH',
    `pull: ${file.path} should be git blob ${file.identity.hex}, and is ${found}`,
  );
}

function isMismatch(thrown: unknown): boolean {
  return thrown instanceof AmaasError && thrown.reason === 'DIGEST_MISMATCH';
}
