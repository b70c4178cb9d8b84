// What a user may say about a file, and the checks that need no file.
import { AmaasError } from '@amaas/core';
import type { ColumnKind } from '@amaas/learn/data';

export type TableFormat = 'csv' | 'parquet' | 'jsonl';

export type CsvEncoding = 'utf-8' | 'utf-16' | 'latin-1';

/**
 * What becomes of CSV lines with too few or too many cells: 'refuse' the file; 'drop' them; 'pad' short ones with
 * missing cells; 'join' short ones to the line before them, as text broken over lines needs it.
 */
export type RaggedPolicy = 'refuse' | 'drop' | 'pad' | 'join';

export interface OpenTableOptions {
  /** Told from the file's first bytes, then its name, when left out. */
  readonly format?: TableFormat;
  /** Use these columns in this order; all when left out. */
  readonly columns?: readonly string[];
  /** Kinds by column, where what the cells look like is not what they are (a zip code is a string). */
  readonly kinds?: ReadonlyMap<string, ColumnKind>;
  /** Cells that do not fit a kind given in `kinds`: 'refuse' (default) the file, or make them 'missing'. */
  readonly badValues?: 'refuse' | 'missing';
  /**
   * Texts that mean "no value", compared exactly, blanks around them ignored. Default for CSV
   * {@link CSV_MISSING}, else none; an empty or blank cell of a CSV file is missing in any case.
   */
  readonly missing?: readonly string[];
  /** How times are written, in strptime's language such as '%d.%m.%Y'; ISO 8601 when left out. */
  readonly timestampFormat?: string;

  /** CSV: names of the columns, one for each, in place of a header's or of "column1", "column2" … */
  readonly names?: readonly string[];
  /** CSV: one ASCII character between cells; detected when left out. */
  readonly separator?: string;
  /** CSV: the character around cells that hold separators or line ends, doubled inside; '' for none; detected. */
  readonly quote?: '"' | "'" | '';
  /** CSV: whether the first line names the columns; detected when left out. */
  readonly header?: boolean;
  /** CSV: lines before the header or first row that are no part of the table; default 0. */
  readonly skipLines?: number;
  /** CSV: the decimal sign; detected when left out. */
  readonly decimal?: '.' | ',';
  /** CSV: the sign between thousands, which nothing can tell from a decimal sign safely; default none. */
  readonly thousands?: '.' | ',' | ' ' | "'";
  /** CSV: default UTF-8, or UTF-16 where a byte order mark says so. */
  readonly encoding?: CsvEncoding;
  /** CSV: whether blanks around cells are cut off; default true, because files align cells with blanks. */
  readonly trim?: boolean;
  /** CSV: default 'refuse'. */
  readonly ragged?: RaggedPolicy;
  /** CSV: columns of one name: 'refuse' (default) or 'rename' to "name_2", "name_3" … */
  readonly duplicateNames?: 'refuse' | 'rename';

  /** What DuckDB may hold in memory; default 1 GiB, on any machine the same. At least 128 MiB. */
  readonly memoryLimitBytes?: number;
  /** Default 2. */
  readonly threads?: number;
  /** Where DuckDB may write what does not fit; default a folder of its own below the system's. */
  readonly temporaryFolder?: string;
  readonly signal?: AbortSignal;
}

/** Cells that mean "no value" in CSV files unless told otherwise. "None" and "-" are left out: they may be answers. */
export const CSV_MISSING: readonly string[] = [
  '?',
  'NA',
  'N/A',
  'n/a',
  '#N/A',
  '<NA>',
  'null',
  'NULL',
  'Null',
  'NaN',
  'nan',
];

/** DuckDB reads CSV in buffers of 32 MB, of which it holds several. */
const MIN_MEMORY_BYTES = 128 * 2 ** 20;

/** @throws INVALID_ARGUMENT naming the option that is not allowed. */
export function checkOptions(options: OpenTableOptions): void {
  const refuse = (message: string): never => {
    throw new AmaasError('INVALID_ARGUMENT', `openTable: ${message}`);
  };
  const { separator, skipLines, memoryLimitBytes, threads } = options;
  if (separator !== undefined && !isAsciiCharacter(separator)) {
    refuse(`separator must be one ASCII character, got ${JSON.stringify(separator)}`);
  }
  if (separator !== undefined && (/[\r\n]/.test(separator) || separator === options.quote)) {
    refuse(`separator must be neither a line end nor the quote, got ${JSON.stringify(separator)}`);
  }
  if (skipLines !== undefined && !(Number.isInteger(skipLines) && skipLines >= 0)) {
    refuse(`skipLines must be a whole number from 0, got ${skipLines}`);
  }
  if (memoryLimitBytes !== undefined && !(memoryLimitBytes >= MIN_MEMORY_BYTES)) {
    refuse(`memoryLimitBytes must be at least ${MIN_MEMORY_BYTES} (128 MiB), got ${memoryLimitBytes}`);
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    refuse(`threads must be a whole number from 1, got ${threads}`);
  }
  if (options.thousands !== undefined && options.thousands === options.decimal) {
    refuse(`thousands and decimal must differ, both are ${JSON.stringify(options.decimal)}`);
  }
  for (const [option, names] of [
    ['columns', options.columns],
    ['names', options.names],
  ] as const) {
    const twice = names?.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) refuse(`${option} holds "${twice}" twice`);
    if (names?.length === 0) refuse(`${option} must not be empty`);
  }
}

function isAsciiCharacter(text: string): boolean {
  const code = text.charCodeAt(0);
  return text.length === 1 && code > 0 && code < 0x80;
}
