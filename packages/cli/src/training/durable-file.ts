// Files that are there whole or not at all, whoever is killed when.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Replaces a file: a temporary one beside it is written to disk and takes its name. */
export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  await writeTemporary(path, content);
  await putInPlace(path);
}

/** Replaces files of a folder, which is made where it is not there; none before all are on disk. */
export async function replaceFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const paths = [...files].map(([name, content]) => ({ path: join(folder, name), content }));
  try {
    for (const { path, content } of paths) await writeTemporary(path, content);
  } catch (thrown) {
    for (const { path } of paths) await rm(temporaryOf(path), { force: true });
    throw thrown;
  }
  for (const { path } of paths) await putInPlace(path);
}

async function writeTemporary(path: string, content: Uint8Array | string): Promise<void> {
  const handle = await open(temporaryOf(path), 'w');
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function putInPlace(path: string): Promise<void> {
  await rename(temporaryOf(path), path);
  if (process.platform === 'win32') return; // a folder cannot be opened there: the rename is what is relied on
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function temporaryOf(path: string): string {
  return `${path}.partial`;
}
