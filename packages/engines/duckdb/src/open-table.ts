// Opens files as a source of tables: finds them, tells their format, settles the columns, and hands out the source.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AmaasError } from '@amaas/core';
import { type DataSource, refuseUnknownColumn } from '@amaas/learn/data';
import { type Connection, type Database, openDatabase } from './binding.ts';
import type { TextRules } from './cell-sql.ts';
import { createCsvRelation, planCsv } from './csv-relation.ts';
import { combineDigests, digestFile, findFiles, type InputFile, readSample } from './files.ts';
import { createJsonRelation } from './json-relation.ts';
import { CSV_MISSING, checkOptions, type OpenTableOptions, type TableFormat } from './options.ts';
import { createParquetRelation } from './parquet-relation.ts';
import type { RawRelation, TypedRelation } from './relation.ts';
import { createDuckDbSource, explainFailure } from './table-source.ts';
import { typeColumns } from './typing.ts';

/** The same on every machine, so that what works on one works on all. */
const DEFAULT_MEMORY_BYTES = 2 ** 30;

const DEFAULT_THREADS = 2;

/**
 * Opens a CSV, Parquet or JSON lines file (also gzipped), or all files a pattern matches as one table, for reading in
 * batches. Rows come in the files' order, files in the order of their paths. All cells are read once to settle the
 * kinds of columns; what was decided and why is in the source's findings.
 *
 * The digest is the SHA-256 of the file; of several, the SHA-256 of theirs in hex, one a line. Times without a zone are
 * UTC. The caller closes the source.
 * @throws DATASET_NOT_FOUND, INVALID_ARGUMENT (an option), INVALID_DATA (what is wrong in which line, and what to do),
 * MEMORY_LIMIT, ENGINE_MISSING, CANCELLED.
 */
export async function openTable(pathOrGlob: string, options: OpenTableOptions = {}): Promise<DataSource> {
  checkOptions(options);
  const files = await findFiles(pathOrGlob);
  const name = files.length === 1 ? (files[0]?.label ?? pathOrGlob) : pathOrGlob;
  const temporaryFolder = options.temporaryFolder ?? join(tmpdir(), `amaas-duckdb-${randomUUID()}`);
  const dispose = async (): Promise<void> => {
    // A folder the caller named is the caller's.
    if (options.temporaryFolder === undefined) await rm(temporaryFolder, { recursive: true, force: true });
  };
  const format = options.format ?? (await detectFormat(files));
  const digests: string[] = [];
  const plan = format === 'csv' ? await planCsv(files, options) : undefined;
  if (plan !== undefined) digests.push(...plan.digests);
  else for (const file of files) digests.push(await digestFile(file, undefined, options.signal));
  const database = await openDatabase({
    memoryLimitBytes: options.memoryLimitBytes ?? DEFAULT_MEMORY_BYTES,
    threads: options.threads ?? DEFAULT_THREADS,
    temporaryFolder,
    readablePaths: files.map(({ path }) => path),
  });
  try {
    const relation = await withConnection(database, { name, signal: options.signal }, async (connection) => {
      const kinds = options.kinds ?? new Map();
      let raw: RawRelation;
      if (plan !== undefined) raw = createCsvRelation(files, { plan, ragged: options.ragged ?? 'refuse' });
      else if (format === 'jsonl') raw = await createJsonRelation(connection, files);
      else raw = await createParquetRelation(connection, files, { columns: options.columns, kinds });
      const chosen = chooseColumns(raw, { name, options });
      const rules = rulesOf(format, { options, decimal: plan?.dialect.decimal ?? '.' });
      const typed = await typeColumns(connection, chosen, {
        name,
        kinds,
        badValues: options.badValues ?? 'refuse',
        rules,
      });
      checkRowCount(name, chosen, typed);
      return typed;
    });
    return createDuckDbSource(relation, { name, digest: combineDigests(digests), database, dispose });
  } catch (error) {
    database.close();
    await dispose();
    throw error;
  }
}

async function withConnection<T>(
  database: Database,
  { name, signal }: { readonly name: string; readonly signal: AbortSignal | undefined },
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await database.connect();
  const interrupt = (): void => connection.interrupt();
  signal?.addEventListener('abort', interrupt);
  const check = (): void => {
    if (signal?.aborted) throw new AmaasError('CANCELLED', `openTable ${name}: the caller went away`);
  };
  try {
    check();
    return await work(connection);
  } catch (cause) {
    check();
    throw explainFailure(`openTable ${name}`, cause);
  } finally {
    signal?.removeEventListener('abort', interrupt);
    connection.close();
  }
}

const FORMAT_BY_EXTENSION: readonly (readonly [RegExp, TableFormat])[] = [
  [/\.parquet$/i, 'parquet'],
  [/\.(jsonl|ndjson|json)(\.gz)?$/i, 'jsonl'],
  [/\.(csv|tsv|tab|txt|data)(\.gz)?$/i, 'csv'],
];

/** By the first bytes where they tell, then by the name; what neither tells is CSV. */
async function detectFormat(files: readonly InputFile[]): Promise<TableFormat> {
  const [file] = files;
  if (file === undefined) throw new AmaasError('INVALID_ARGUMENT', 'detectFormat: expects at least one file');
  const { bytes } = await readSample(file);
  const magic = bytes.subarray(0, 4).toString('latin1');
  if (magic === 'PAR1') return 'parquet';
  if (magic === 'PK\x03\x04') {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: ${file.label} is a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV`,
    );
  }
  const byName = FORMAT_BY_EXTENSION.find(([extension]) => extension.test(file.path))?.[1];
  if (byName !== undefined) return byName;
  const start = bytes.subarray(0, 1024).toString('utf8').trimStart();
  return /^\{\s*"|^\[\s*\{/.test(start) ? 'jsonl' : 'csv';
}

function chooseColumns(
  raw: RawRelation,
  { name, options }: { readonly name: string; readonly options: OpenTableOptions },
): RawRelation {
  const find = (column: string): RawRelation['columns'][number] =>
    raw.columns.find((other) => other.name === column) ?? refuseUnknownColumn(`openTable ${name}`, column, raw.columns);
  for (const column of options.kinds?.keys() ?? []) find(column);
  return options.columns === undefined ? raw : { ...raw, columns: options.columns.map(find) };
}

function rulesOf(
  format: TableFormat,
  { options, decimal }: { readonly options: OpenTableOptions; readonly decimal: '.' | ',' },
): TextRules {
  const isCsv = format === 'csv';
  return {
    missing: options.missing ?? (isCsv ? CSV_MISSING : []),
    isBlankMissing: isCsv,
    isTrimmed: isCsv && options.trim !== false,
    decimal,
    thousands: options.thousands,
    timestampFormat: options.timestampFormat,
  };
}

/** Two readers that count differently read differently; nothing may get lost in silence. */
function checkRowCount(name: string, raw: RawRelation, typed: TypedRelation): void {
  if (raw.expectedRows === undefined || raw.expectedRows === typed.rowCount) return;
  throw new AmaasError(
    'INVALID_DATA',
    `openTable: ${name} has ${raw.expectedRows} rows by its line ends and quotes, but ${typed.rowCount} could be read; ` +
      'give separator, quote, header and skipLines, or save it anew with equal line ends and quotes',
  );
}
