// Looks at single entries of a models folder: what they are, with symbolic links followed only inside the folder.
import type { Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { errorCode } from '../../artifacts/index.ts';

export type FolderEntry =
  | { readonly kind: 'file'; readonly path: string; readonly stats: Stats }
  | { readonly kind: 'directory'; readonly path: string; readonly stats: Stats }
  /** Something else, or a link that must not be followed. */
  | { readonly kind: 'refused'; readonly path: string; readonly problem: string };

/**
 * Says what `path` is; null when it is not there (any more). `root` is the models folder, without symbolic links.
 * The path of what is given back has none either.
 */
export async function inspectEntry(root: string, path: string): Promise<FolderEntry | null> {
  try {
    const own = await lstat(path);
    if (!own.isSymbolicLink()) return describe(path, own);
    const target = await realpath(path);
    if (target !== root && !target.startsWith(root + sep)) {
      return { kind: 'refused', path, problem: `${show(root, path)} is a link that leaves the models folder` };
    }
    return describe(target, await stat(target));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ELOOP')
      return { kind: 'refused', path, problem: `${show(root, path)} is a link that leads to itself` };
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    return (await isDangling(path))
      ? { kind: 'refused', path, problem: `${show(root, path)} is a link to something that does not exist` }
      : null;
  }
}

/** Names in a directory, sorted, hidden ones left out: tools write unfinished files under such names. Empty when it is gone. */
export async function listNames(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.')).sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** A path as people see it: relative to the models folder, with `/`. */
export function show(root: string, path: string): string {
  return relative(root, path).replaceAll(sep, '/');
}

function describe(path: string, stats: Stats): FolderEntry {
  if (stats.isFile()) return { kind: 'file', path, stats };
  if (stats.isDirectory()) return { kind: 'directory', path, stats };
  return { kind: 'refused', path, problem: `${path} is neither a file nor a folder` };
}

async function isDangling(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false;
  }
}

/** Every regular file below a directory, with its path from there. */
export interface FoundFile {
  readonly path: string;
  readonly source: string;
  readonly stats: Stats;
}

/** Deep enough for any export, shallow enough to end where links form a ring. */
const MAX_DEPTH = 8;

/**
 * Collects the files below `directory`, and its folders into `directories`.
 * @throws FolderProblem for links that leave the models folder, too deep nesting or more than `maxFiles` files.
 */
export async function collectFiles(
  root: string,
  directory: string,
  options: { readonly maxFiles: number; readonly directories: Map<string, Stats> },
): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const walk = async (current: string, prefix: string, depth: number): Promise<void> => {
    if (depth > MAX_DEPTH)
      throw new FolderProblem(`${show(root, directory)} is nested more than ${MAX_DEPTH} folders deep`);
    for (const name of await listNames(current)) {
      const entry = await inspectEntry(root, join(current, name));
      if (entry === null) continue;
      if (entry.kind === 'refused') throw new FolderProblem(entry.problem);
      if (entry.kind === 'directory') {
        options.directories.set(entry.path, entry.stats);
        await walk(entry.path, `${prefix}${name}/`, depth + 1);
      } else {
        found.push({ path: prefix + name, source: entry.path, stats: entry.stats });
        if (found.length > options.maxFiles) {
          throw new FolderProblem(`${show(root, directory)} holds more than ${options.maxFiles} files`);
        }
      }
    }
  };
  await walk(directory, '', 1);
  return found;
}

/** A reason why a candidate cannot be served; caught where the candidate is made. */
export class FolderProblem extends Error {}
