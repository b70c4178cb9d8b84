// Tells how a CSV file is written from its first bytes: encoding, separator, quote, decimal sign. Every decision comes
// with its reason, and whatever the user said is taken as said.
import { AmaasError } from '@amaas/core';
import type { DataFinding } from '@amaas/learn/data';
import { looksLikeNumber } from './cell-looks.ts';
import type { CsvEncoding, OpenTableOptions } from './options.ts';

/** How a file is written, its header apart. */
export interface CsvDialect {
  readonly encoding: CsvEncoding;
  readonly separator: string;
  readonly quote: '"' | "'" | '';
  readonly decimal: '.' | ',';
}

export interface SniffedCsv {
  readonly dialect: CsvDialect;
  /** The first records as cells, blanks around them cut off; skipped and blank lines left out. */
  readonly records: readonly SampleRecord[];
  /** Blank lines between the skipped ones and the first record. */
  readonly blankLines: number;
  readonly findings: readonly DataFinding[];
}

export interface SampleRecord {
  /** From 1, as editors count. */
  readonly line: number;
  readonly cells: readonly string[];
}

const SEPARATORS = [',', ';', '\t', '|'] as const;

const SEPARATOR_NAMES: Readonly<Record<string, string>> = {
  ',': 'a comma',
  ';': 'a semicolon',
  '\t': 'a tab',
  '|': 'a bar',
  ' ': 'a blank',
};

/** More records would not change the decision. */
const MAX_RECORDS = 2000;

/**
 * @param sample - the file's first bytes, decompressed
 * @throws INVALID_DATA where the bytes are no text of the encoding or of any table.
 */
export function sniffCsv(
  name: string,
  sample: { readonly bytes: Uint8Array; readonly isWhole: boolean },
  options: OpenTableOptions,
): SniffedCsv {
  const encoding = options.encoding ?? detectEncoding(sample.bytes);
  const text = decodeSample(name, { ...sample, encoding });
  const findings: DataFinding[] = [];
  if (encoding !== 'utf-8') findings.push(info('encoding', `${name}: read as ${encoding.toUpperCase()}`));
  const quotes = options.quote === undefined ? (['"', ''] as const) : [options.quote];
  const separators = options.separator === undefined ? [...SEPARATORS, ' '] : [options.separator];
  const skipLines = options.skipLines ?? 0;
  const parses = quotes.flatMap((quote) =>
    separators.map((separator) => parseSample(text, { separator, quote, skipLines, isWhole: sample.isWhole })),
  );
  const chosen = choose(parses, options);
  findings.push(...explainChoice(name, chosen, options));
  const decimal = options.decimal ?? detectDecimal(chosen);
  if (decimal === ',' && options.decimal === undefined) {
    findings.push(
      info('decimal-comma', `${name}: numbers have a decimal comma (found cells such as ${firstComma(chosen)})`),
    );
  }
  const { separator, quote, records, blankLines } = chosen;
  return { dialect: { encoding, separator, quote, decimal }, records, blankLines, findings };
}

function info(code: DataFinding['code'], message: string): DataFinding {
  return { severity: 'info', code, message };
}

function detectEncoding(bytes: Uint8Array): CsvEncoding {
  return bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16' : 'utf-8';
}

function decodeSample(
  name: string,
  {
    bytes,
    isWhole,
    encoding,
  }: { readonly bytes: Uint8Array; readonly isWhole: boolean; readonly encoding: CsvEncoding },
): string {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    throw new AmaasError('INVALID_DATA', `openTable: ${name} is UTF-16 with the high byte first; save it as UTF-8`);
  }
  if (encoding !== 'utf-16' && bytes.includes(0)) {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: ${name} is no text file (it holds zero bytes); tables come as CSV, Parquet or JSON lines` +
        "; if it is UTF-16 without its mark, say encoding: 'utf-16'",
    );
  }
  const label = encoding === 'utf-16' ? 'utf-16le' : encoding === 'latin-1' ? 'latin1' : 'utf-8';
  try {
    // A cut sample may end within a character, which streaming forgives.
    return new TextDecoder(label, { fatal: encoding === 'utf-8' }).decode(bytes, { stream: !isWhole });
  } catch (cause) {
    throw refuseEncoding(name, undefined, cause);
  }
}

/** The error for bytes that are no UTF-8. */
export function refuseEncoding(name: string, line: number | undefined, cause?: unknown): AmaasError {
  const where = line === undefined ? '' : ` (line ${line})`;
  return new AmaasError(
    'INVALID_DATA',
    `openTable: ${name} is not UTF-8${where}; if it comes from an older Windows or Excel, say encoding: 'latin-1', ` +
      'else save it as UTF-8',
    cause === undefined ? {} : { cause },
  );
}

interface ParsedSample {
  readonly separator: string;
  readonly quote: '"' | "'" | '';
  readonly records: readonly SampleRecord[];
  readonly blankLines: number;
  /** First line on which quotes do not close or close in the middle of a cell. */
  readonly badQuoteLine: number | undefined;
  readonly quotedCells: number;
}

interface ParseOptions {
  readonly separator: string;
  readonly quote: '"' | "'" | '';
  readonly skipLines: number;
  readonly isWhole: boolean;
}

/** A small parser for the sample only; DuckDB reads the file. */
function parseSample(text: string, { separator, quote, skipLines, isWhole }: ParseOptions): ParsedSample {
  const records: SampleRecord[] = [];
  let cells: string[] = [];
  let cell = '';
  let line = 1;
  let recordLine = 1;
  let blankLines = 0;
  let place: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  let quoteLine = 1;
  let badQuoteLine: number | undefined;
  let quotedCells = 0;
  let at = 0;
  for (; line <= skipLines && at < text.length; at++) {
    const char = text[at];
    if (char === '\n' || (char === '\r' && text[at + 1] !== '\n')) line++;
  }
  recordLine = line;
  const endRecord = (): void => {
    cells.push(cell.trim());
    if (cells.length > 1 || cell !== '' || place === 'closed') records.push({ line: recordLine, cells });
    else if (records.length === 0) blankLines++;
    cells = [];
    cell = '';
    place = 'start';
  };
  for (; at < text.length && records.length < MAX_RECORDS; at++) {
    const char = text[at] ?? '';
    const isLineEnd = char === '\n' || (char === '\r' && text[at + 1] !== '\n');
    if (isLineEnd) line++;
    if (place === 'quoted') {
      if (char !== quote) cell += char;
      else if (text[at + 1] === quote) {
        cell += quote;
        at++;
      } else place = 'closed';
    } else if (isLineEnd) {
      endRecord();
      recordLine = line;
    } else if (char === separator) {
      cells.push(cell.trim());
      cell = '';
      place = 'start';
    } else if (char === quote && place === 'start' && cell.trim() === '') {
      place = 'quoted';
      cell = '';
      quotedCells++;
      quoteLine = line;
    } else if (char !== '\r' || text[at + 1] !== '\n') {
      if (place === 'closed' && char !== ' ') badQuoteLine ??= line;
      if (place === 'start' && char !== ' ') place = 'plain';
      cell += char;
    }
  }
  const isCut = records.length >= MAX_RECORDS || !isWhole;
  if (place === 'quoted' && (!isCut || cell.length > text.length / 2)) badQuoteLine ??= quoteLine;
  else if (!isCut && (cells.length > 0 || cell !== '')) endRecord();
  return { separator, quote, records, blankLines, badQuoteLine, quotedCells };
}

/** The most frequent number of cells and the share of records that have it. */
export function modalCellCount(records: readonly SampleRecord[]): { readonly cells: number; readonly share: number } {
  const counts = new Map<number, number>();
  for (const record of records) counts.set(record.cells.length, (counts.get(record.cells.length) ?? 0) + 1);
  let cells = 0;
  let most = 0;
  for (const [width, count] of counts) {
    if (count > most) [cells, most] = [width, count];
  }
  return { cells, share: records.length === 0 ? 0 : most / records.length };
}

/** Records agree on their cells and there is more than one; quotes that close are better than none. */
function choose(parses: readonly ParsedSample[], options: OpenTableOptions): ParsedSample {
  const scored = parses.map((parse) => ({ parse, score: scoreParse(parse, options) }));
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
  return best.parse;
}

function scoreParse(parse: ParsedSample, options: OpenTableOptions): number {
  const { cells, share } = modalCellCount(parse.records);
  if (parse.badQuoteLine !== undefined && options.quote === undefined) return -1;
  if (cells <= 1) return 0;
  // Blanks also part words: they count only where every record agrees and holds numbers alone.
  if (parse.separator === ' ' && options.separator === undefined) {
    const areNumbers = parse.records.every((record) => record.cells.every((cell) => looksLikeNumber(cell, '.')));
    return share === 1 && areNumbers ? 0.5 : -1;
  }
  // Agreement first; then, among equals, more cells: a decimal comma parts numbers too, but less often than the rest.
  return share + Math.min(cells, 100) / 1000;
}

function explainChoice(name: string, chosen: ParsedSample, options: OpenTableOptions): DataFinding[] {
  const { cells, share } = modalCellCount(chosen.records);
  const findings: DataFinding[] = [];
  if (options.separator === undefined) {
    const what = SEPARATOR_NAMES[chosen.separator] ?? JSON.stringify(chosen.separator);
    const message =
      cells <= 1
        ? `${name}: no separator found; every line is one cell`
        : `${name}: cells are separated by ${what}, which gives ${cells} cells in ${(100 * share).toFixed(share === 1 ? 0 : 1)} % of the first ${chosen.records.length} records`;
    findings.push(info('separator', message));
  }
  if (options.quote === undefined && chosen.quote === '') {
    findings.push(info('format', `${name}: quotes are taken as plain characters, because some of them do not close`));
  }
  return findings;
}

const COMMA_NUMBER = /^[+-]?\d+,\d+$/;

/** A decimal comma where cells are written with one and none with a point. */
function detectDecimal({ separator, records }: ParsedSample): '.' | ',' {
  if (separator === ',') return '.';
  let commas = 0;
  let points = 0;
  for (const record of records) {
    for (const cell of record.cells) {
      if (COMMA_NUMBER.test(cell)) commas++;
      else if (/^[+-]?\d+\.\d+$/.test(cell)) points++;
    }
  }
  return commas > points ? ',' : '.';
}

function firstComma({ records }: ParsedSample): string {
  const cells = records.flatMap((record) => record.cells.filter((cell) => COMMA_NUMBER.test(cell)));
  return cells.slice(0, 2).join(' and ');
}
