// What the room keeps: files and batches, and who may see them.
import { AmaasError } from '@amaas/core';
import type { DescribedBatch, DescribedFile } from '@amaas/protocols/openai-files';
import type { Digest } from '../artifacts/index.ts';

/** Who asks: what a key made is for that key alone, and for those who administer the server. */
export interface Viewer {
  /** null where there are no keys. */
  readonly keyId: string | null;
  readonly seesAll: boolean;
}

export interface FileRecord extends DescribedFile {
  readonly sequence: number;
  readonly owner: string | null;
  readonly digest: Digest;
}

export interface BatchRecord extends DescribedBatch {
  readonly sequence: number;
  readonly owner: string | null;
  readonly inputDigest: Digest;
  readonly inputBytes: number;
}

/** Which part of a list is wanted. */
export interface PageRequest {
  /** Id of the last item of the page before. */
  readonly after?: string;
  readonly limit: number;
  /** By creation; default `desc`, the newest first. */
  readonly order?: 'asc' | 'desc';
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

export function mayView(viewer: Viewer, { owner }: { readonly owner: string | null }): boolean {
  return viewer.seesAll || (owner !== null && owner === viewer.keyId);
}

export function fileNotFound(id: string): AmaasError {
  return new AmaasError('ARTIFACT_NOT_FOUND', `there is no file ${JSON.stringify(id.slice(0, 80))}`, {
    details: { file: id.slice(0, 80) },
  });
}

export function batchNotFound(id: string): AmaasError {
  return new AmaasError('JOB_NOT_FOUND', `there is no batch ${JSON.stringify(id.slice(0, 80))}`, {
    details: { batch: id.slice(0, 80) },
  });
}
