// Content addresses: `sha256:` and 64 lower-case hex digits.
import { createHash } from 'node:crypto';
import { AmaasError } from '@amaas/core';

/** The SHA-256 of some bytes, written `sha256:<hex>`. */
export type Digest = `sha256:${string}`;

/** Whether `text` is written like a digest. */
export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** Returns `text` as a digest. @throws INVALID_ARGUMENT when it is not written like one. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `digest: expected "sha256:" and 64 lower-case hex digits, got ${JSON.stringify(text.slice(0, 80))}`,
  );
}

/** The 64 hex digits alone. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The digest of bytes held in memory. */
export function computeDigest(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
