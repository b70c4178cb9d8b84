// Where a training stands, as bytes: enough to go on and end with the same weights as one that never stopped.
import { AmaasError, type NamedTensors, type Tensor } from '@amaas/core';
import type { EpochRecord } from './epoch-record.ts';
import { PLATEAU_START, type PlateauState, STOPPING_START, type StoppingState } from './monitor.ts';
import type { Weights } from './packing.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

/** Keeps the latest checkpoint of one training. `save` replaces it atomically: a reader sees the old or the new one. */
export interface CheckpointStore {
  /** The latest checkpoint, or null before the first. */
  load(): Promise<Uint8Array | null>;
  save(bytes: Uint8Array): Promise<void>;
}

/** Plain data of a checkpoint, beside its tensors. */
export interface Progress {
  /** Epochs that are complete. */
  readonly epoch: number;
  /** Steps done within the current epoch, and in all. */
  readonly stepInEpoch: number;
  readonly steps: number;
  readonly history: readonly EpochRecord[];
  /** Σ of the current epoch so far: loss, weight, rows, metrics. */
  readonly sums: Readonly<Record<string, number>>;
  readonly stopping: StoppingState;
  readonly plateau: PlateauState;
}

export const PROGRESS_START: Progress = {
  epoch: 0,
  stepInEpoch: 0,
  steps: 0,
  history: [],
  sums: {},
  stopping: STOPPING_START,
  plateau: PLATEAU_START,
};

export interface Checkpoint {
  /** What the training is of; a checkpoint goes on only with the same. */
  readonly fingerprint: string;
  readonly progress: Progress;
  readonly states: NamedTensors;
  readonly bestWeights: Weights | null;
}

const VERSION = '2';
const STATE = 'state/';
const BEST = 'best/';

export function writeCheckpoint({ fingerprint, progress, states, bestWeights }: Checkpoint): Uint8Array {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of states) tensors.set(STATE + name, tensor);
  for (const [name, tensor] of bestWeights ?? []) tensors.set(BEST + name, tensor);
  return writeSafetensors({
    tensors,
    metadata: new Map([
      ['version', VERSION],
      ['fingerprint', fingerprint],
      ['progress', JSON.stringify(progress, writeNumber)],
    ]),
  });
}

/** @throws INVALID_CHECKPOINT when the bytes are no checkpoint, or one of another training */
export function readCheckpoint(bytes: Uint8Array, fingerprint: string): Checkpoint {
  let file: ReturnType<typeof readSafetensors>;
  try {
    file = readSafetensors(bytes);
  } catch (cause) {
    throw new AmaasError('INVALID_CHECKPOINT', 'checkpoint: the file cannot be read; remove it to start over', {
      cause,
    });
  }
  const { metadata, tensors } = file;
  if (metadata.get('version') !== VERSION) {
    throw new AmaasError(
      'INVALID_CHECKPOINT',
      `checkpoint: expected version ${VERSION}, got ${metadata.get('version')}`,
    );
  }
  if (metadata.get('fingerprint') !== fingerprint) {
    throw new AmaasError(
      'INVALID_CHECKPOINT',
      'checkpoint: it belongs to a training with another model, other data or other settings; remove it to start over',
    );
  }
  const states = new Map<string, Tensor>();
  const best = new Map<string, Tensor & { readonly dtype: 'float32' }>();
  for (const [name, tensor] of tensors) {
    if (name.startsWith(STATE)) states.set(name.slice(STATE.length), tensor);
    else if (name.startsWith(BEST) && tensor.dtype === 'float32') best.set(name.slice(BEST.length), tensor);
  }
  return { fingerprint, progress: parseProgress(metadata), states, bestWeights: best.size === 0 ? null : best };
}

function parseProgress(metadata: ReadonlyMap<string, string>): Progress {
  try {
    // Written by writeCheckpoint of the same version, whose fingerprint matched.
    return JSON.parse(metadata.get('progress') ?? '', readNumber) as Progress;
  } catch (cause) {
    throw new AmaasError('INVALID_CHECKPOINT', 'checkpoint: the file is damaged; remove it to start over', { cause });
  }
}

/** JSON has no NaN and no infinities; progress has no text in the places of numbers. */
function writeNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function readNumber(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? Number(value) : value;
}
