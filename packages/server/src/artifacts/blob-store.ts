// The port of every store of immutable, content-addressed byte strings. Knows nothing of models; a blob has no name
// but its digest. The contract suite is testing/blob-store-contract.ts.
import type { Digest } from './digest.ts';

export interface PutOptions {
  /** What the bytes must hash to. */
  readonly expectedDigest?: Digest;
  /** Most bytes accepted. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export interface StoredBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export interface ListedBlob extends StoredBlob {
  /** When it was last put or touched, by wall time. */
  readonly touchedAt: Date;
}

export interface BlobStore {
  /**
   * Stores bytes; once the promise resolves they survive a crash. Storing what is there already keeps one copy.
   * Whatever goes wrong, nothing is left behind, and a source that was being read is closed.
   * @throws DIGEST_MISMATCH, REQUEST_TOO_LARGE beyond `maxBytes`, STORAGE_FULL, CANCELLED when `signal` fires; what the source throws.
   */
  put(source: AsyncIterable<Uint8Array> | Uint8Array, options?: PutOptions): Promise<StoredBlob>;
  /** Marks a blob as wanted now, which keeps it from collections that spare what is young. False when it is not there. */
  touch(digest: Digest): Promise<boolean>;
  has(digest: Digest): Promise<boolean>;
  /** Absolute path of a local, read-only file holding the blob. @throws ARTIFACT_NOT_FOUND */
  path(digest: Digest): Promise<string>;
  /** The bytes, in pieces; closing the iteration early closes the file. @throws ARTIFACT_NOT_FOUND */
  openRead(digest: Digest): Promise<AsyncIterable<Uint8Array>>;
  /** Reads the whole blob and says whether it still hashes to its digest. @throws ARTIFACT_NOT_FOUND */
  verify(digest: Digest): Promise<boolean>;
  /**
   * Removes a blob. With `unlessTouchedSince`, one touched at or after that moment stays.
   * @returns whether it was there and is gone.
   */
  delete(digest: Digest, options?: { readonly unlessTouchedSince?: Date }): Promise<boolean>;
  /** Every blob, in no particular order. */
  list(): AsyncIterable<ListedBlob>;
  /** Removes what interrupted puts left behind. Only for the owner of the store, before it puts anything. */
  sweepTemporary(): Promise<void>;
}
