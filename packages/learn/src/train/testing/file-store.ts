// A checkpoint store in a file for tests that kill processes: the new file takes the old one's name when it is complete.
import { open, readFile, rename } from 'node:fs/promises';
import type { CheckpointStore } from '../index.ts';

export function fileStore(path: string): CheckpointStore {
  return {
    async load() {
      try {
        return await readFile(path);
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
    async save(bytes) {
      const file = await open(`${path}.new`, 'w');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    },
  };
}
