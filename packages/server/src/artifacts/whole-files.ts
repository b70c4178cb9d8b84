// Files that are there whole or not at all, whoever is killed when.
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, explainFullDisk, syncDirectory } from './durable-files.ts';

/** Puts a file in place of the one of this name, or where none is. @throws STORAGE_FULL */
export async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  try {
    const handle = await open(`${path}.partial`, 'w', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${path}.partial`, path);
    await syncDirectory(dirname(path));
  } catch (thrown) {
    throw explainFullDisk(thrown, `write ${path}`);
  }
}

export async function readFileOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return null;
    throw thrown;
  }
}
