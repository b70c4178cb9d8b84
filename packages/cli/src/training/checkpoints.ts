// The folder in which a training keeps where it stands, for going on after it was ended: a checkpoint per candidate, and
// what the training was of, so that it goes on with nothing else.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AmaasError } from '@amaas/core';
import type { CheckpointStore } from '@amaas/learn/train';
import { replaceFile } from './durable-file.ts';
import type { LanguageSettings, MediaSettings, TrainingConfiguration } from './messages.ts';

/** What a training is of. */
export interface TrainingIdentity extends TrainingConfiguration {
  /** Of the data. */
  readonly digest: string | null;
}

/** What a training of a folder is of. */
export interface MediaTrainingIdentity {
  readonly settings: MediaSettings;
  readonly digest: string;
  /** Of held-out files in a folder of their own. */
  readonly testDigest?: string;
}

/** What a training of a language model is of; the text itself is compared where it is read. */
export interface LanguageTrainingIdentity {
  readonly settings: LanguageSettings;
}

const IDENTITY_FILE = 'training.json';

/**
 * Gives a store for each candidate; the folder is made ready when the first candidate asks for its checkpoint, so that data
 * which cannot be learned from leaves nothing behind. That throws INVALID_CHECKPOINT when the training is to go on and the
 * folder is of another one.
 */
export function openCheckpoints(
  folder: string,
  identity: TrainingIdentity | MediaTrainingIdentity | LanguageTrainingIdentity,
  isResumed: boolean,
): (candidate: string) => CheckpointStore {
  let ready: Promise<void> | null = null;
  return (candidate) => {
    const file = join(folder, `${candidate}.safetensors`); // candidates are named by the pipeline, not by users
    return {
      async load() {
        ready ??= prepare(folder, identity, isResumed);
        await ready;
        return readOrNull(file);
      },
      save: (bytes) => replaceFile(file, bytes),
    };
  };
}

async function prepare(folder: string, identity: object, isResumed: boolean): Promise<void> {
  const path = join(folder, IDENTITY_FILE);
  const text = JSON.stringify(identity, null, 2);
  const known = isResumed ? await readOrNull(path) : null;
  if (known !== null) return assertSame(folder, JSON.parse(new TextDecoder().decode(known)), JSON.parse(text));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await replaceFile(path, `${text}\n`);
}

function assertSame(folder: string, known: unknown, asked: unknown): void {
  if (isDeepStrictEqual(known, asked)) return;
  throw new AmaasError(
    'INVALID_CHECKPOINT',
    `train: the checkpoints in ${folder} are of a training with other data or other settings; ` +
      'repeat the command that was interrupted with --resume, or leave --resume out to start over',
    { details: { known, asked } },
  );
}

async function readOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}
