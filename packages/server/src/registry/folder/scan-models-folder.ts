// Reads a models folder: `<name>/<version>/model.onnx` and `<name>.onnx`, or `.gguf`, with what lies beside. Looks only at names,
// sizes and times; contents are read by whoever takes a candidate. Nothing a user puts there makes it throw.
import type { Stats } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { AmaasError, isName, NAME_RULE } from '@amaas/core';
import { assertTreePath, MAX_TREE_FILES } from '../../artifacts/index.ts';
import { CONFIG_FILE, type FolderCandidate, type FolderFile, MANIFEST_FILE, MODEL_FILES } from './folder-candidate.ts';
import {
  collectFiles,
  type FolderEntry,
  FolderProblem,
  type FoundFile,
  inspectEntry,
  listNames,
  show,
} from './folder-entries.ts';

/** What a look at the folder found. */
export interface FolderScan {
  readonly candidates: readonly FolderCandidate[];
  /** Every folder that was looked into, by path without links. */
  readonly directories: ReadonlyMap<string, Stats>;
}

/** Beside the versions of a model lie manifests and lists of labels, which are small; anything larger is something else. */
const MAX_SHARED_BYTES = 1 << 20;

const MODEL_SUFFIX = /\.(onnx|gguf)$/i;

/** Names of files beside the versions that belong to each of them. */
const SHARED_FILE = /\.(json|pbtxt|txt|jinja)$/;

/**
 * Lists what is in a models folder, by name and version.
 * @throws what the file system says when the folder itself cannot be read.
 */
export async function scanModelsFolder(directory: string): Promise<readonly FolderCandidate[]> {
  return (await scanFolder(directory)).candidates;
}

/** As {@link scanModelsFolder}, and says which folders that took. */
export async function scanFolder(directory: string): Promise<FolderScan> {
  const root = await realpath(directory);
  const directories = new Map<string, Stats>();
  const rootEntry = await inspectEntry(root, root);
  if (rootEntry?.kind === 'directory') directories.set(root, rootEntry.stats);
  const names = await listNames(root);
  const scan = new Scan(root, directories);
  const found = await Promise.all(names.map((name) => scan.topEntry(name, names)));
  return { candidates: found.flat(), directories };
}

class Scan {
  readonly #root: string;
  readonly #directories: Map<string, Stats>;

  constructor(root: string, directories: Map<string, Stats>) {
    this.#root = root;
    this.#directories = directories;
  }

  async topEntry(name: string, siblings: readonly string[]): Promise<FolderCandidate[]> {
    const path = join(this.#root, name);
    const stem = stemOf(name);
    try {
      const entry = await inspectEntry(this.#root, path);
      if (entry === null) return [];
      if (entry.kind === 'refused') return [this.#problem({ location: name, model: stem, problem: entry.problem })];
      if (entry.kind === 'directory') return await this.#modelDirectory(name, entry);
      return stem === name ? [] : [await this.#singleFile(name, entry, siblings)];
    } catch (error) {
      return [this.#unreadable(name, stem, error)];
    }
  }

  async #singleFile(
    name: string,
    entry: FolderEntry & { kind: 'file' },
    siblings: readonly string[],
  ): Promise<FolderCandidate> {
    const stem = stemOf(name);
    const model = nameFrom(stem);
    if (model === null) return this.#problem({ location: name, model: stem, problem: badName(name, stem) });
    const about = { location: name, model };
    const others = siblings.filter((other) => other !== name);
    const exact = others.find((other) => stemOf(other) === model);
    const twin = exact ?? others.find((other) => stemOf(other) !== other && nameFrom(stemOf(other)) === model);
    if (twin !== undefined && (stem !== model || twin === exact)) {
      const other = twin === model ? `the folder ${model}/` : twin;
      const problem = `${name} and ${other} cannot both be the model "${model}"`;
      // Whoever has the very name keeps it: what is wrong here is no version of that model.
      return this.#problem({ location: name, model: twin === exact ? stem : model, problem });
    }
    const files: FoundFile[] = [
      { path: `model${extname(name).toLowerCase()}`, source: entry.path, stats: entry.stats },
    ];
    // Exporters name external data after the model file, and the model file refers to it by that name.
    const beside = [`${name}.data`, `${name}_data`, `${stem}.data`, `${stem}.${MANIFEST_FILE}`];
    for (const other of beside.filter((candidate) => siblings.includes(candidate))) {
      const found = await inspectEntry(this.#root, join(this.#root, other));
      if (found?.kind === 'refused') return this.#problem({ ...about, problem: found.problem });
      if (found?.kind !== 'file') continue;
      files.push({
        path: other.endsWith(MANIFEST_FILE) ? MANIFEST_FILE : other,
        source: found.path,
        stats: found.stats,
      });
    }
    return this.#candidate({ ...about, version: null, directory: dirname(entry.path), files });
  }

  async #modelDirectory(name: string, entry: FolderEntry & { kind: 'directory' }): Promise<FolderCandidate[]> {
    this.#directories.set(entry.path, entry.stats);
    if (!isName(name)) return [this.#problem({ location: name, model: name, problem: badName(name, name) })];
    const shared: FoundFile[] = [];
    const versions: { readonly folder: string; readonly version: number; readonly path: string }[] = [];
    const candidates: FolderCandidate[] = [];
    for (const child of await listNames(entry.path)) {
      const location = `${name}/${child}`;
      const refuse = (problem: string): number => candidates.push(this.#problem({ location, model: name, problem }));
      const found = await inspectEntry(this.#root, join(entry.path, child));
      if (found === null) continue;
      if (found.kind === 'refused') refuse(found.problem);
      else if (found.kind === 'directory') {
        const version = readVersion(child);
        const twin = versions.find((other) => other.version === version);
        if (version === null) refuse(`${location}/ is not a version: expected a folder named by a whole number ≥ 1`);
        else if (twin !== undefined) refuse(`${location}/ and ${name}/${twin.folder}/ are the same version`);
        else {
          this.#directories.set(found.path, found.stats);
          versions.push({ folder: child, version, path: found.path });
        }
      } else if (MODEL_SUFFIX.test(child)) {
        refuse(`${location} is in no version folder: expected ${name}/1/model${extname(child).toLowerCase()}`);
      } else if (SHARED_FILE.test(child) && found.stats.size <= MAX_SHARED_BYTES) {
        shared.push({ path: child, source: found.path, stats: found.stats });
      }
    }
    for (const version of versions) {
      const candidate = await this.#versionDirectory(name, version, shared);
      if (candidate !== null) candidates.push(candidate);
    }
    return candidates;
  }

  /** null for a folder that is (still) empty. */
  async #versionDirectory(
    model: string,
    { folder, version, path }: { readonly folder: string; readonly version: number; readonly path: string },
    shared: readonly FoundFile[],
  ): Promise<FolderCandidate | null> {
    const about = { location: `${model}/${folder}`, model, version };
    try {
      const own = await collectFiles(this.#root, path, {
        maxFiles: MAX_TREE_FILES - shared.length,
        directories: this.#directories,
      });
      if (own.length === 0) return null;
      const names = new Set(own.map((file) => file.path));
      const files = [...own, ...shared.filter((file) => !names.has(file.path))];
      const models = MODEL_FILES.filter((file) => names.has(file));
      if (models.length > 1) {
        return this.#problem({
          ...about,
          problem: `${about.location}/ holds ${models.join(' and ')}: one is a version`,
          files,
        });
      }
      if (models.length === 0) {
        const shown = [...names].slice(0, 3).join(', ');
        const problem = `${about.location}/ holds no ${MODEL_FILES.join(' or ')}, only ${shown}${names.size > 3 ? ', …' : ''}`;
        return this.#problem({ ...about, problem, files });
      }
      for (const file of files) assertTreePath(file.path);
      return this.#candidate({ ...about, directory: path, files });
    } catch (error) {
      if (error instanceof FolderProblem || error instanceof AmaasError) {
        return this.#problem({ ...about, problem: error.message });
      }
      return { ...this.#unreadable(about.location, model, error), version };
    }
  }

  #candidate(about: {
    readonly location: string;
    readonly model: string;
    readonly version: number | null;
    readonly directory: string;
    readonly files: readonly FoundFile[];
  }): FolderCandidate {
    const files = about.files.map(toFolderFile).sort((a, b) => (a.path < b.path ? -1 : 1));
    const pathOf = (name: string): string | null => (files.some((file) => file.path === name) ? name : null);
    return {
      ...about,
      files,
      modelFile: MODEL_FILES.find((name) => pathOf(name) !== null) ?? MODEL_FILES[0],
      manifestFile: pathOf(MANIFEST_FILE),
      configFile: pathOf(CONFIG_FILE),
    };
  }

  #problem(about: {
    readonly location: string;
    readonly model: string;
    readonly version?: number;
    readonly problem: string;
    readonly files?: readonly FoundFile[];
  }): FolderCandidate {
    const { location, model, version = null, problem, files = [] } = about;
    const directory = join(this.#root, location);
    return { ...this.#candidate({ location, model, version, directory, files }), problem };
  }

  #unreadable(location: string, model: string, error: unknown): FolderCandidate {
    const why = error instanceof Error ? error.message : String(error);
    const problem = `${show(this.#root, join(this.#root, location))} cannot be read: ${why}`;
    return { ...this.#problem({ location, model, problem }), isUnreadable: true };
  }
}

function toFolderFile({ path, source, stats }: FoundFile): FolderFile {
  const { size, mtimeMs, ctimeMs, ino } = stats;
  return { path, source, sizeBytes: size, mtimeMs, ctimeMs, inode: ino };
}

function readVersion(folder: string): number | null {
  const version = /^[0-9]{1,16}$/.test(folder) ? Number(folder) : 0;
  return Number.isSafeInteger(version) && version >= 1 ? version : null;
}

/** Of a file without the suffix that says it is a model. */
function stemOf(name: string): string {
  return name.replace(MODEL_SUFFIX, '');
}

/**
 * The name of the model in a file: downloads are called `Qwen2-0.5B.gguf`, which is the model `qwen2-0.5b`. Accents go, other
 * characters that names have none of become `-`; null where nothing is left.
 */
function nameFrom(stem: string): string | null {
  const plain = stem
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();
  const name = plain
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[._-]+|-+$/g, '');
  return isName(stem) ? stem : isName(name) ? name : null;
}

function badName(shown: string, model: string): string {
  return `${JSON.stringify(shown)}: ${JSON.stringify(model)} is not a model name; expected ${NAME_RULE}`;
}
