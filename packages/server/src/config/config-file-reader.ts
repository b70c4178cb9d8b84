// The configuration file reader over the real file system and module loader.
import { readdir, readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { ConfigFileReader } from './config-file.ts';

export const fileSystemReader: ConfigFileReader = {
  async list(folder) {
    try {
      return await readdir(folder);
    } catch {
      return []; // no such folder, or one we may not read: then there is no configuration in it
    }
  },
  readText: (path) => readFile(path, 'utf8'),
  async importDefault(path) {
    // A module namespace is an object with string keys; `default` is absent when nothing is exported by default.
    const module = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
    return module['default'];
  },
};
