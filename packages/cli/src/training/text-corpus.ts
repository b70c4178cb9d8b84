// Text files as the corpus of a language model: read piece by piece, anew for every pass, so that they may be larger than
// memory. Plain text is cut into documents where it holds <|endoftext|>; JSON lines hold a document each.
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { AmaasError } from '@amaas/core';
import { type Corpus, END_OF_TEXT } from '@amaas/learn/language';

export interface TextFiles {
  readonly corpus: Corpus;
  readonly files: number;
  readonly bytes: number;
  /** Files of other kinds in the folder, by name. */
  readonly others: readonly string[];
}

const TEXT_ENDINGS: ReadonlySet<string> = new Set(['.txt', '.text', '.md']);
const LINE_ENDINGS: ReadonlySet<string> = new Set(['.jsonl', '.ndjson']);

/** Longer documents are handed over in pieces, cut between lines: a tokenizer needs many times the memory of its text. */
const PIECE_CHARACTERS = 2 ** 20;

/**
 * Lists the text files there are; they are read when the corpus is.
 * @param given - file or folder as the user names it, for messages
 * @throws INVALID_DATA when there are none; the corpus throws it for files that are no UTF-8 and lines that are no documents
 */
export async function openTextFiles(path: string, given: string): Promise<TextFiles> {
  const paths = (await stat(path)).isDirectory() ? await listFiles(path) : [path];
  const isFolder = paths[0] !== path;
  const readable = paths.filter((file) => !isFolder || isText(file) || isLines(file));
  if (readable.length === 0) {
    throw new AmaasError('INVALID_DATA', `train: ${given} holds no text: .txt and .md files, or .jsonl with "text"`);
  }
  let bytes = 0;
  for (const file of readable) bytes += (await stat(file)).size;
  return {
    files: readable.length,
    bytes,
    others: paths.filter((file) => !readable.includes(file)).map((file) => basename(file)),
    corpus: {
      async *read() {
        for (const file of readable) yield* isLines(file) ? readJsonLines(file) : readPlainText(file);
      },
    },
  };
}

/** All files below a folder in the order of their paths, hidden ones left out. */
async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/[\\/]\./.test(path.slice(folder.length)))
    .toSorted();
}

const isText = (path: string): boolean => TEXT_ENDINGS.has(extname(path).toLowerCase());
const isLines = (path: string): boolean => LINE_ENDINGS.has(extname(path).toLowerCase());

async function* readPlainText(path: string): AsyncGenerator<string, void> {
  let text = '';
  let isMarked = false;
  const documentOf = (part: string): string => (isMarked ? part.trim() : part);
  for await (const chunk of decodeFile(path)) {
    text += chunk;
    isMarked ||= text.includes(END_OF_TEXT);
    if (isMarked) {
      const parts = text.split(END_OF_TEXT);
      text = parts.pop() ?? '';
      yield* parts.map(documentOf).filter((part) => part !== '');
    }
    while (text.length > PIECE_CHARACTERS) {
      const end = endOfPiece(text);
      yield text.slice(0, end);
      text = text.slice(end);
    }
  }
  const last = documentOf(text);
  if (last !== '') yield last;
}

/** Behind a line, else behind a space, else not between the halves of a surrogate pair. */
function endOfPiece(text: string): number {
  const line = text.lastIndexOf('\n', PIECE_CHARACTERS - 1);
  const end = (line === -1 ? text.lastIndexOf(' ', PIECE_CHARACTERS - 1) : line) + 1;
  if (end > 0) return end;
  return /[\ud800-\udbff]/.test(text[PIECE_CHARACTERS - 1] ?? '') ? PIECE_CHARACTERS - 1 : PIECE_CHARACTERS;
}

async function* readJsonLines(path: string): AsyncGenerator<string, void> {
  let rest = '';
  let line = 0;
  for await (const chunk of decodeFile(path)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const each of lines) yield* documentOf(each);
  }
  yield* documentOf(rest);

  function* documentOf(source: string): Generator<string, void> {
    line++;
    if (source.trim() === '') return;
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch {
      throw new AmaasError('INVALID_DATA', `train: line ${line} of ${basename(path)} is not JSON`);
    }
    const text = typeof value === 'object' && value !== null && 'text' in value ? value.text : undefined;
    if (typeof text !== 'string') {
      throw new AmaasError('INVALID_DATA', `train: line ${line} of ${basename(path)} has no "text" that is a string`);
    }
    if (text !== '') yield text;
  }
}

async function* decodeFile(path: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const bytes of createReadStream(path)) {
      // Without an encoding a stream of a file gives Buffers.
      yield decoder.decode(bytes as Buffer, { stream: true });
    }
    yield decoder.decode();
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw new AmaasError('INVALID_DATA', `train: ${basename(path)} is not UTF-8 text`, { cause: thrown });
  }
}
