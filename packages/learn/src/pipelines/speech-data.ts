// Recordings with their transcripts, read and cut into parts. What a recording says is its file's label.
import { AmaasError } from '@amaas/core';
import {
  countOf,
  type DataFinding,
  type MediaFile,
  type SkippedFile,
  splitRows,
  tableFromColumns,
} from '../data/index.ts';
import type { MediaRows } from './media-data.ts';
import { classesByCharacter, type SpeechSymbols, tidyTranscript } from './speech-symbols.ts';

/** One recording and what it says. */
export interface Recording {
  readonly file: MediaFile;
  readonly samples: Float32Array;
  readonly text: string;
}

export interface SpeechParts {
  readonly train: readonly Recording[];
  readonly validation: readonly Recording[];
  readonly test: readonly Recording[];
  readonly findings: readonly DataFinding[];
}

/** What was read. */
export interface SpeechSummary {
  readonly files: number;
  readonly seconds: number;
  /** Of all transcripts. */
  readonly words: number;
  readonly characters: number;
  readonly skipped: readonly SkippedFile[];
  /** SHA-256 over names, transcripts and contents, as hex. */
  readonly digest: string;
}

/** @throws INVALID_DATA naming recordings without a transcript, or too short to hear anything in */
export function recordingsOf({ values, files }: MediaRows<Float32Array>, minSamples: number): readonly Recording[] {
  const recordings = values.flatMap((samples, at): Recording[] => {
    const file = files[at];
    return file === undefined ? [] : [{ file, samples, text: tidyTranscript(file.label) }];
  });
  refuse(
    recordings.filter(({ text }) => text === ''),
    (names, count) => `the transcript of ${names} is empty; write down what ${count === 1 ? 'it says' : 'they say'}`,
  );
  refuse(
    recordings.filter(({ samples }) => samples.length < minSamples),
    (names, count) =>
      `${names} ${count === 1 ? 'is' : 'are'} shorter than ${minSamples} samples, too short to hear a word`,
  );
  return recordings;
}

/** Recordings named in one message. */
const MAX_NAMED = 3;

/** @throws INVALID_DATA when there are any */
export function refuse(found: readonly Recording[], say: (names: string, count: number) => string): void {
  if (found.length === 0) return;
  throw new AmaasError('INVALID_DATA', `train: ${say(namesOf(found), found.length)}`, {
    details: { files: found.map(({ file }) => file.name) },
  });
}

function namesOf(recordings: readonly Recording[]): string {
  const names = recordings.slice(0, MAX_NAMED).map(({ file }) => file.name);
  const more = recordings.length > names.length ? ` and ${recordings.length - names.length} more` : '';
  return names.join(', ') + more;
}

export interface SpeechSplit {
  readonly seed: string | number;
  /** Share or number of recordings held out for the report, or these themselves. */
  readonly test: number | readonly Recording[];
  readonly validation: number;
  readonly groupOf?: ((file: MediaFile) => string) | undefined;
}

/** Recordings by transcript, so that every part has of each, where each comes at least so often. */
const MIN_REPEATED = 5;

/** Cuts recordings into parts: whole groups together; else transcripts that repeat evenly; else by chance. */
export function splitRecordings(recordings: readonly Recording[], options: SpeechSplit): SpeechParts {
  const { seed, test, validation, groupOf } = options;
  const texts = recordings.map(({ text }) => text);
  const isRepeated = new Set(texts).size * MIN_REPEATED <= texts.length;
  const split = splitRows(recordings.length, {
    seed,
    strategy:
      groupOf !== undefined
        ? {
            kind: 'grouped',
            by: columnOf(
              'group',
              recordings.map(({ file }) => groupOf(file)),
            ),
          }
        : isRepeated
          ? { kind: 'stratified', by: columnOf('text', texts) }
          : { kind: 'random' },
    test: typeof test === 'number' ? test : 0,
    validation,
  });
  const take = (rows: Uint32Array): readonly Recording[] =>
    Array.from(rows).flatMap((row) => recordings.slice(row, row + 1));
  const parts = {
    train: take(split.train),
    validation: take(split.validation),
    test: typeof test === 'number' ? take(split.test) : test,
  };
  for (const part of ['train', 'test'] as const) {
    if (parts[part].length > 0) continue;
    throw new AmaasError(
      'INVALID_DATA',
      `train: of ${countOf(recordings.length, 'recording')} none is left ${part === 'train' ? 'to learn from' : 'to test with'}`,
    );
  }
  return { ...parts, findings: split.findings };
}

/** Warnings of characters that held-out transcripts have and the recogniser cannot write: each counts as a mistake. */
export function findUnknownCharacters(
  { test, validation }: SpeechParts,
  symbols: SpeechSymbols,
): readonly DataFinding[] {
  const known = classesByCharacter(symbols);
  return Object.entries({ test, validation }).flatMap(([part, recordings]): DataFinding[] => {
    const strange = recordings.filter(({ text }) => [...text].some((character) => !known.has(character)));
    if (strange.length === 0) return [];
    const unknown = new Set(strange.flatMap(({ text }) => [...text].filter((character) => !known.has(character))));
    const characters = [...unknown]
      .slice(0, 10)
      .map((character) => JSON.stringify(character))
      .join(' ');
    const message = `${countOf(strange.length, 'transcript')} of the ${part} part (${namesOf(strange)}) have characters that none of training has: ${characters}`;
    return [{ severity: 'warning', code: 'rare-class', message }];
  });
}

function columnOf(name: string, cells: readonly string[]) {
  const [column] = tableFromColumns({ [name]: cells }).columns;
  if (column === undefined) throw new AmaasError('INTERNAL', 'train: a table without columns');
  return column;
}
