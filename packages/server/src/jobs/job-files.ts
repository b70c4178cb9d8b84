// What lies where in a job's folder, `<data dir>/jobs/<id>`, and when it goes.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../artifacts/index.ts';
import type { FinalState, Json } from './types.ts';

export interface JobPaths {
  readonly folder: string;
  /** The child's own: checkpoints, and what it made. */
  readonly work: string;
  /** What the child returned, written before it was said. */
  readonly result: string;
  readonly events: string;
  readonly log: string;
  /** The log before the last rotation. */
  readonly oldLog: string;
  /** Number of the child's process. */
  readonly pid: string;
}

export class JobFiles {
  readonly #root: string;

  /** Does not touch the disk. */
  constructor(root: string) {
    this.#root = root;
  }

  of(id: string): JobPaths {
    const folder = join(this.#root, id);
    return {
      folder,
      work: join(folder, 'work'),
      result: join(folder, 'result.json'),
      events: join(folder, 'events.jsonl'),
      log: join(folder, 'log.txt'),
      oldLog: join(folder, 'log.1.txt'),
      pid: join(folder, 'pid'),
    };
  }

  /** Makes the folder and the child's place in it. Others have no business with the data a job works on. */
  async make(id: string): Promise<JobPaths> {
    const paths = this.of(id);
    await mkdir(paths.work, { recursive: true, mode: 0o700 });
    return paths;
  }

  /** What the child of an earlier attempt returned, undefined when it did not. */
  async readResult(id: string): Promise<Json | undefined> {
    try {
      const { result } = JSON.parse(await readFile(this.of(id).result, 'utf8')) as { readonly result: Json }; // the child's runtime wrote it, in one piece
      return result;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Takes away what an ended job needs no more: all but log and events; of a failed one nothing yet. */
  async tidy(id: string, state: FinalState): Promise<void> {
    const { work, result, pid } = this.of(id);
    await rm(pid, { force: true });
    if (state === 'failed') return;
    await this.removeWork(id);
    await rm(result, { force: true });
    await rm(work, { recursive: true, force: true });
  }

  async removeWork(id: string): Promise<void> {
    await rm(this.of(id).work, { recursive: true, force: true });
  }

  async remove(id: string): Promise<void> {
    await rm(this.of(id).folder, { recursive: true, force: true });
  }

  /** The jobs that have a folder. */
  async list(): Promise<readonly string[]> {
    try {
      return await readdir(this.#root);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }
}
