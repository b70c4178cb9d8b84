// Recordings with what they say: in a table of transcripts in their folder, or in a text file beside each.
import { readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { AmaasError } from '@amaas/core';
import {
  createLabelledMedia,
  decodeAudio,
  decodeText,
  type LabelledMedia,
  type MediaFile,
  readLabelsCsv,
} from '@amaas/learn/data';
import type { AudioFolderOptions } from './folders.ts';
import { AUDIO_EXTENSIONS, listMediaFiles, listNames } from './media-files.ts';

export interface SpeechFolderOptions
  extends Pick<AudioFolderOptions, 'sampleRateHz' | 'maxSeconds' | 'maxFileBytes' | 'signal'> {}

/** Tables of transcripts, as they are called at the top of the folder. */
export const TRANSCRIPT_TABLES: readonly string[] = ['transcripts.csv', 'transcripts.tsv'];

/** What their columns may be called: the recording's path below the folder, with or without its ending, and its text. */
const FILE_COLUMNS: readonly string[] = ['file', 'name', 'path'];
const TEXT_COLUMNS: readonly string[] = ['text', 'transcript', 'sentence'];

/** Recordings (WAV) as samples of one channel, their transcripts as labels. @throws as {@link listSpeechFiles} */
export async function openSpeechFolder(
  path: string,
  options: SpeechFolderOptions,
): Promise<LabelledMedia<Float32Array>> {
  return createLabelledMedia({
    kind: 'audio',
    files: await listSpeechFiles(path, options),
    decode: (bytes, name) => decodeAudio(bytes, name, options),
  });
}

/**
 * The recordings of a folder with their transcripts: those that its table names, else all, each with a `.txt` file beside it.
 * @throws INVALID_DATA when there are none, a transcript is missing or empty, or the table does not fit; what reading throws
 */
export async function listSpeechFiles(
  path: string,
  { signal, maxFileBytes }: Pick<SpeechFolderOptions, 'signal' | 'maxFileBytes'> = {},
): Promise<readonly MediaFile[]> {
  const limits = {
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
    ...(signal === undefined ? {} : { signal }),
  };
  const files = await listMediaFiles(path, { extensions: AUDIO_EXTENSIONS, classOf: () => 'unknown', ...limits });
  const texts = await listNames(path, { isWanted: (name) => /\.(txt|csv|tsv)$/i.test(name), signal });
  const table = texts.find((name) => TRANSCRIPT_TABLES.includes(name.toLowerCase()));
  if (table !== undefined) return namedByTable(files, await readTable(path, table));
  const beside = new Set(texts);
  const without = files.filter(({ name }) => !beside.has(transcriptOf(name)));
  const [first] = without;
  if (first !== undefined) {
    const more = without.length > 1 ? ` and ${without.length - 1} more` : '';
    throw new AmaasError(
      'INVALID_DATA',
      `speech: ${first.name}${more} has no transcript; write what is said into ${transcriptOf(first.name)}, ` +
        `or give the folder a ${TRANSCRIPT_TABLES[0]} with the columns file and text`,
    );
  }
  const labelled: MediaFile[] = [];
  for (const file of files) {
    const name = transcriptOf(file.name);
    labelled.push({ ...file, label: decodeText(await readFile(join(path, name)), name) });
  }
  return labelled;
}

function transcriptOf(recording: string): string {
  return `${recording.slice(0, -extname(recording).length)}.txt`;
}

async function readTable(path: string, table: string): Promise<ReadonlyMap<string, string>> {
  const text = decodeText(await readFile(join(path, table)), table);
  const header = (/^\uFEFF?([^\r\n]*)/.exec(text)?.[1] ?? '').split(/[,;\t]/).map((cell) => cell.replaceAll('"', ''));
  const columnOf = (known: readonly string[]): string => known.find((name) => header.includes(name)) ?? known[0] ?? '';
  return readLabelsCsv(text, basename(table), {
    fileColumn: columnOf(FILE_COLUMNS),
    labelColumn: columnOf(TEXT_COLUMNS),
  });
}

function namedByTable(files: readonly MediaFile[], transcripts: ReadonlyMap<string, string>): readonly MediaFile[] {
  const byName = new Map(
    files.flatMap((file) => [[file.name, file] as const, [file.name.slice(0, -4), file] as const]),
  );
  return Array.from(transcripts, ([name, label]) => {
    const file = byName.get(name);
    if (file !== undefined) return { ...file, label };
    throw new AmaasError(
      'INVALID_DATA',
      `speech: the table of transcripts names "${name}", which is not among the ${files.length} recordings`,
    );
  });
}
