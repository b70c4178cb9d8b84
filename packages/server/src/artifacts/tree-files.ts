// A tree: the files of one version by relative path. Pure: checks paths and computes the tree's digest.
import { AmaasError } from '@amaas/core';
import { computeDigest, type Digest, isDigest } from './digest.ts';

/** One file of a tree. */
export interface TreeFile {
  /** Relative, `/` between folders. */
  readonly path: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Bytes of the longest path; file systems allow 4096 for the absolute one. */
const MAX_PATH_BYTES = 1024;

/** Bytes of the longest name in a path, as common file systems have it. */
const MAX_SEGMENT_BYTES = 255;

/** Models with external data in thousands of files exist; more than this is a mistake. */
export const MAX_TREE_FILES = 10_000;

/**
 * Returns `path` when it is safe to create below any folder: relative, no `..`, no empty name, nothing a file system
 * would read differently (NUL, backslash, drive letter, control characters).
 * @throws INVALID_ARGUMENT
 */
export function assertTreePath(path: string): string {
  const problem = findPathProblem(path);
  if (problem === null) return path;
  throw new AmaasError('INVALID_ARGUMENT', `file path ${JSON.stringify(path.slice(0, 200))}: ${problem}`);
}

function findPathProblem(path: string): string | null {
  if (path === '') return 'expected a relative path, got nothing';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `expected at most ${MAX_PATH_BYTES} bytes`;
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) return 'expected a relative path, got an absolute one';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return 'control characters and backslashes are not allowed';
  if (!path.isWellFormed()) return 'expected well-formed Unicode';
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') return 'empty names, "." and ".." are not allowed';
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `expected names of at most ${MAX_SEGMENT_BYTES} bytes`;
  }
  return null;
}

/**
 * Checks a list of files: at least one, paths safe and different, none of them a folder of another.
 * @throws INVALID_ARGUMENT naming the first file that is wrong.
 */
export function assertTreeFiles(files: readonly TreeFile[]): void {
  if (files.length === 0 || files.length > MAX_TREE_FILES) {
    throw new AmaasError('INVALID_ARGUMENT', `files: expected 1 to ${MAX_TREE_FILES}, got ${files.length}`);
  }
  const seen = new Set<string>();
  for (const { path, digest, sizeBytes } of files) {
    assertTreePath(path);
    if (seen.has(path)) throw new AmaasError('INVALID_ARGUMENT', `files: ${JSON.stringify(path)} is listed twice`);
    seen.add(path);
    if (!isDigest(digest) || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
      throw new AmaasError('INVALID_ARGUMENT', `files: ${JSON.stringify(path)} has no valid digest and size`);
    }
  }
  for (const { path } of files) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash);
      if (seen.has(folder)) {
        throw new AmaasError('INVALID_ARGUMENT', `files: ${JSON.stringify(folder)} is both a file and a folder`);
      }
    }
  }
}

/** The digest of a tree: SHA-256 over the JSON list of `[path, digest, size]`, sorted by path (UTF-16 code units). */
export function computeTreeDigest(files: readonly TreeFile[]): Digest {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return computeDigest(JSON.stringify(sorted.map(({ path, digest, sizeBytes }) => [path, digest, sizeBytes])));
}
