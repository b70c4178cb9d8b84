// What lies where in a fine-tuning's folder, `<data dir>/fine-tuning/<id>`: it outlives the jobs that work on it one after the
// other, since pausing ends one and resuming begins the next. It goes when the fine-tuning ends.
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DescribedEvent } from '@amaas/protocols/fine-tuning';
import { readFileOrNull, replaceFile } from '../artifacts/index.ts';

export interface FineTuningPaths {
  readonly folder: string;
  readonly events: string;
  /** What has been measured of every epoch. */
  readonly epochs: string;
  /** What was chosen where the caller left it open. */
  readonly plan: string;
  readonly training: string;
  readonly validation: string;
  /** The examples as tokens. */
  readonly examples: string;
  readonly checkpoint: string;
}

export function fineTuningPaths(folder: string): FineTuningPaths {
  return {
    folder,
    events: join(folder, 'events.jsonl'),
    epochs: join(folder, 'epochs.json'),
    plan: join(folder, 'plan.json'),
    training: join(folder, 'training.jsonl'),
    validation: join(folder, 'validation.jsonl'),
    examples: join(folder, 'examples.safetensors'),
    checkpoint: join(folder, 'checkpoint.safetensors'),
  };
}

/** What was chosen, and how much there is to learn from. */
export interface FineTuningPlan {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRateMultiplier: number;
  readonly examples: number;
  /** Of the training file, once over. */
  readonly tokens: number;
}

/** An epoch as it was measured; losses are nats per learned token. */
export interface MeasuredEpoch {
  readonly epoch: number;
  readonly step: number;
  readonly atMs: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
}

export type FineTuningNote = Pick<DescribedEvent, 'level' | 'type' | 'message' | 'data'>;

/**
 * Adds an event. Server and job write into one file; each line begins with its break, so that half a line spoils no other.
 * Never rejects: a full disk loses the event and nothing else.
 */
export async function noteEvent(paths: FineTuningPaths, atMs: number, note: FineTuningNote): Promise<void> {
  const line = `\n${JSON.stringify({ createdAtMs: atMs, ...note })}`;
  await appendFile(paths.events, line, { mode: 0o600 }).catch(() => {});
}

/** In the order in which they happened. @param id - of the fine-tuning, `ftjob-…` */
export async function loadEvents(paths: FineTuningPaths, id: string): Promise<readonly DescribedEvent[]> {
  const bytes = await readFileOrNull(paths.events);
  const lines = Buffer.from(bytes ?? [])
    .toString('utf8')
    .split('\n')
    .slice(1);
  return lines.flatMap((line, index) => {
    const event = parseOrNull<Omit<DescribedEvent, 'id'>>(line);
    return event === null ? [] : [{ ...event, id: `${id.replace('ftjob', 'ftevent')}-${index}` }];
  });
}

export async function loadJson<Value>(path: string): Promise<Value | null> {
  const bytes = await readFileOrNull(path);
  return bytes === null ? null : parseOrNull<Value>(Buffer.from(bytes).toString('utf8'));
}

export async function keepJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, new TextEncoder().encode(JSON.stringify(value)));
}

/** The files here are this program's own; a line that a crash cut is none. */
function parseOrNull<Value>(text: string): Value | null {
  try {
    return JSON.parse(text) as Value;
  } catch {
    return null;
  }
}
