// A CSV file as a relation of text columns: sniffed, scanned, and handed to DuckDB with every option spelled out, so
// that DuckDB guesses nothing.
import { AmaasError } from '@amaas/core';
import { countOf, type DataFinding } from '@amaas/learn/data';
import { quotePath, quoteText } from './binding.ts';
import { type CsvDialect, refuseEncoding, type SniffedCsv, sniffCsv } from './csv-dialect.ts';
import { type CsvHeader, readHeader } from './csv-header.ts';
import { type CsvScan, CsvScanner } from './csv-scan.ts';
import { digestFile, type InputFile, readSample } from './files.ts';
import type { OpenTableOptions, RaggedPolicy } from './options.ts';
import type { RawRelation } from './relation.ts';

export interface CsvPlan {
  readonly dialect: CsvDialect;
  readonly names: readonly string[];
  readonly hasHeader: boolean;
  /** Lines and blank lines before the header or first row, per file. */
  readonly skipLines: readonly number[];
  readonly scan: CsvScan;
  readonly digests: readonly string[];
  readonly findings: readonly DataFinding[];
}

/**
 * Looks at the files: how they are written, what their columns are called, whether every line has as many cells.
 * @throws INVALID_DATA where they cannot be read as one table.
 */
export async function planCsv(files: readonly InputFile[], options: OpenTableOptions): Promise<CsvPlan> {
  const [first] = files;
  if (first === undefined) throw new AmaasError('INVALID_ARGUMENT', 'planCsv: expects at least one file');
  const sniffed = sniffCsv(first.label, await readSample(first), options);
  const decided = { ...options, ...sniffed.dialect };
  const header = readHeader(first.label, sniffed.records, decided);
  const skipLines = [(options.skipLines ?? 0) + sniffed.blankLines];
  for (const file of files.slice(1)) {
    const other = sniffCsv(file.label, await readSample(file), decided);
    checkSameColumns(first, header, { file, sniffed: other });
    skipLines.push((options.skipLines ?? 0) + other.blankLines);
  }
  const scans: CsvScan[] = [];
  const digests: string[] = [];
  for (const [i, file] of files.entries()) {
    const scanner = new CsvScanner({
      ...sniffed.dialect,
      cellCount: header.names.length,
      skipLines: skipLines[i] ?? 0,
      hasHeader: header.hasHeader,
    });
    digests.push(await digestFile(file, (chunk) => scanner.add(chunk), options.signal));
    const scan = scanner.finish();
    refuseBroken(file, scan, options);
    scans.push(scan);
  }
  const scan = addScans(scans);
  const findings = [...sniffed.findings, ...header.findings];
  const ragged = checkRagged(files, scans, { cells: header.names.length, policy: options.ragged ?? 'refuse' });
  if (ragged !== undefined) findings.push(ragged);
  if (scan.hasMixedLineEnds) {
    const message = `${first.label}: lines end in different ways (LF, CRLF); all count as line ends`;
    findings.push({ severity: 'info', code: 'line-ends', message });
  }
  return {
    dialect: sniffed.dialect,
    names: header.names,
    hasHeader: header.hasHeader,
    skipLines,
    scan,
    digests,
    findings,
  };
}

/** Later files must have the first one's header, or as many columns where there is none. */
function checkSameColumns(
  first: InputFile,
  header: CsvHeader,
  { file, sniffed }: { readonly file: InputFile; readonly sniffed: SniffedCsv },
): void {
  const cells = sniffed.records[0]?.cells ?? [];
  const isSame =
    cells.length === header.names.length &&
    (!header.hasHeader || cells.every((cell, i) => cell === '' || cell === header.names[i]));
  if (isSame) return;
  throw new AmaasError(
    'INVALID_DATA',
    `openTable: ${file.label} does not have the columns of ${first.label} (${header.names.join(', ')}); its first line ` +
      `is ${cells.join(', ')}. Open them one by one, or make their headers equal`,
  );
}

function refuseBroken(file: InputFile, scan: CsvScan, options: OpenTableOptions): void {
  if (scan.invalidUtf8Line !== undefined) throw refuseEncoding(file.label, scan.invalidUtf8Line);
  const { unclosedQuoteLine, strayQuoteLine } = scan;
  const line = unclosedQuoteLine ?? strayQuoteLine;
  if (line === undefined) return;
  const what = unclosedQuoteLine === undefined ? 'has text after a closing quote' : 'opens a quote that nothing closes';
  const help =
    options.quote === undefined ? "say quote: '' if quotes are plain characters there" : 'name another quote';
  throw new AmaasError('INVALID_DATA', `openTable: line ${line} of ${file.label} ${what}; correct it, or ${help}`);
}

function addScans(scans: readonly CsvScan[]): CsvScan {
  const sum = (count: (scan: CsvScan) => number): number => scans.reduce((total, scan) => total + count(scan), 0);
  return {
    records: sum((scan) => scan.records),
    shortRecords: sum((scan) => scan.shortRecords),
    longRecords: sum((scan) => scan.longRecords),
    startsShort: scans[0]?.startsShort ?? false,
    // A run may go on in the next file.
    longestShortRun: Math.max(...scans.map((scan) => scan.longestShortRun)) * Math.min(2, scans.length),
    longestRecordBytes: Math.max(...scans.map((scan) => scan.longestRecordBytes)),
    raggedLines: scans.flatMap((scan) => scan.raggedLines),
    unclosedQuoteLine: undefined,
    strayQuoteLine: undefined,
    invalidUtf8Line: undefined,
    hasMixedLineEnds: scans.some((scan) => scan.hasMixedLineEnds),
  };
}

const TREATMENTS: Readonly<Record<Exclude<RaggedPolicy, 'refuse'>, string>> = {
  drop: 'they are left out',
  pad: 'their last cells count as missing',
  join: 'they are taken as the rest of the line before them',
};

function checkRagged(
  files: readonly InputFile[],
  scans: readonly CsvScan[],
  { cells, policy }: { readonly cells: number; readonly policy: RaggedPolicy },
): DataFinding | undefined {
  const short = scans.reduce((sum, scan) => sum + scan.shortRecords, 0);
  const long = scans.reduce((sum, scan) => sum + scan.longRecords, 0);
  if (short + long === 0) return undefined;
  const lines = scans.flatMap((scan, i) => {
    const shown = scan.raggedLines.slice(0, 5).map(({ line, cells: found }) => `line ${line} has ${found}`);
    return shown.length === 0 ? [] : [`${files[i]?.label}: ${shown.join(', ')}`];
  });
  const more = short + long > 5 ? `, ${(short + long).toLocaleString('en-US')} lines in all` : '';
  const what = `${countOf(cells, 'cell')} a line ${cells === 1 ? 'is' : 'are'} expected, but ${lines.slice(0, 3).join('; ')}${more}`;
  const isTreated = policy === 'drop' || ((policy === 'pad' || policy === 'join') && long === 0);
  if (!isTreated) {
    const help =
      long === 0
        ? "'drop' leaves these lines out, 'pad' fills them with missing cells, 'join' adds them to the line before"
        : "'drop' leaves these lines out; if cells hold separators, put them in quotes";
    throw new AmaasError('INVALID_DATA', `openTable: ${what}. Correct them, or say how with ragged: ${help}`);
  }
  const message = `${what}; ${TREATMENTS[policy]}`;
  return { severity: 'warning', code: 'ragged-rows', message };
}

/** Lines that may be one broken line; more are another kind of damage. */
const MAX_JOINED_LINES = 32;

/** SQL and columns for a plan. @throws INVALID_DATA where its ragged lines cannot be treated as asked. */
export function createCsvRelation(
  files: readonly InputFile[],
  { plan, ragged }: { readonly plan: CsvPlan; readonly ragged: RaggedPolicy },
): RawRelation {
  const { scan } = plan;
  const hasRagged = scan.shortRecords + scan.longRecords > 0;
  if (hasRagged && scan.hasMixedLineEnds && ragged !== 'refuse') {
    throw new AmaasError(
      'INVALID_DATA',
      'openTable: lines end in different ways (LF, CRLF) and have different numbers of cells; make the line ends equal',
    );
  }
  const isJoined = hasRagged && ragged === 'join';
  if (isJoined && scan.longestShortRun > MAX_JOINED_LINES) {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: up to ${scan.longestShortRun} lines in a row are too short to be lines of their own, and at most ` +
        `${MAX_JOINED_LINES} can be joined to the line before; check separator and quote, or leave them out with 'drop'`,
    );
  }
  const treatment = {
    isPadded: isJoined || (hasRagged && ragged === 'pad'),
    isDropping: hasRagged && ragged === 'drop',
  };
  const reads = groupBySkip(files, plan).map(({ paths, skipLines }) =>
    readCsvSql(paths, { plan, skipLines, ...treatment }),
  );
  const rows = reads.length === 1 ? (reads[0] ?? '') : `(${reads.map((read) => `FROM ${read}`).join(' UNION ALL ')})`;
  const dropped = treatment.isDropping ? scan.shortRecords + scan.longRecords : 0;
  // A short first row has none before it to be joined to and stays.
  const joined = isJoined ? scan.shortRecords - (scan.startsShort ? 1 : 0) : 0;
  return {
    from: isJoined ? joinSql(rows, plan) : rows,
    columns: plan.names.map((name, i) => ({ name, text: `c${i}` })),
    expectedRows: scan.records - dropped - joined,
    findings: plan.findings,
  };
}

interface FileGroup {
  readonly paths: string[];
  readonly skipLines: number;
}

/** Neighbouring files with as many lines to skip are read in one go; order is kept. */
function groupBySkip(files: readonly InputFile[], plan: CsvPlan): readonly FileGroup[] {
  const groups: FileGroup[] = [];
  files.forEach(({ path }, i) => {
    const skipLines = plan.skipLines[i] ?? 0;
    const last = groups.at(-1);
    if (last?.skipLines === skipLines) last.paths.push(path);
    else groups.push({ paths: [path], skipLines });
  });
  return groups;
}

interface ReadCsv {
  readonly plan: CsvPlan;
  readonly skipLines: number;
  readonly isPadded: boolean;
  readonly isDropping: boolean;
}

function readCsvSql(paths: readonly string[], { plan, skipLines, isPadded, isDropping }: ReadCsv): string {
  const { dialect } = plan;
  const options = [
    `[${paths.map((path) => quotePath(path)).join(', ')}]`,
    'auto_detect = false',
    `delim = ${quoteText(dialect.separator)}`,
    `quote = ${quoteText(dialect.quote)}`,
    `escape = ${quoteText(dialect.quote)}`,
    "comment = ''",
    `header = ${plan.hasHeader}`,
    `skip = ${skipLines}`,
    // No cell is NULL by what it says: which texts mean "missing" is decided later, and counted.
    "nullstr = '\u0001'",
    `encoding = ${quoteText(dialect.encoding)}`,
    `columns = {${plan.names.map((_, i) => `c${i}: 'VARCHAR'`).join(', ')}}`,
  ];
  if (plan.scan.longestRecordBytes > DEFAULT_MAX_LINE_BYTES) {
    options.push(`max_line_size = ${plan.scan.longestRecordBytes + 1024}`);
  }
  if (isPadded) options.push('null_padding = true', 'parallel = false');
  if (isDropping) options.push('ignore_errors = true');
  // The scan has made sure that nothing else is wrong for which DuckDB's leniency would be dangerous.
  if (plan.scan.hasMixedLineEnds) options.push('strict_mode = false');
  return `read_csv(${options.join(', ')})`;
}

/** DuckDB's own; asking for more without need costs sixteen times that in memory. */
const DEFAULT_MAX_LINE_BYTES = 2_000_000;

/**
 * Short rows (their last cell is NULL) go to the end of the last cell of the row before them, after a line end. Looks
 * ahead from each row instead of collecting rows, so that nothing but a few rows is held.
 */
function joinSql(from: string, { names, dialect, scan }: CsvPlan): string {
  const last = names.length - 1;
  const cells = names.map((_, i) => `c${i}`);
  const marked = `SELECT ${cells.join(', ')}, c${last} IS NULL AND row_number() OVER () > 1 AS is_rest FROM ${from}`;
  const rest = `CASE WHEN is_rest THEN concat_ws(${quoteText(dialect.separator)}, ${cells.join(', ')}) END`;
  const withRest = `SELECT *, ${rest} AS rest FROM (${marked})`;
  const ahead = Array.from({ length: scan.longestShortRun }, (_, i) => `lead(rest, ${i + 1}) OVER () AS rest${i + 1}`);
  const withAhead = `SELECT *, ${ahead.join(', ')} FROM (${withRest})`;
  // The innermost is the furthest: a row takes what follows it up to the first that is no rest.
  const tail = ahead.reduceRight(
    (inner, _, i) => `CASE WHEN rest${i + 1} IS NULL THEN '' ELSE chr(10) || rest${i + 1} || ${inner} END`,
    "''",
  );
  const heads = cells.slice(0, last);
  // The first row may be short itself, and so have no last cell.
  const whole = `CASE WHEN c${last} IS NOT NULL OR rest1 IS NOT NULL THEN coalesce(c${last}, '') || ${tail} END AS c${last}`;
  return `(SELECT ${[...heads, whole].join(', ')} FROM (${withAhead}) WHERE NOT is_rest)`;
}
