// Decides whether the first record of a CSV file names the columns, with the reason, and gives the names.
import { AmaasError } from '@amaas/core';
import { countOf, type DataFinding } from '@amaas/learn/data';
import { looksLikeDate, looksLikeNumber } from './cell-looks.ts';
import { modalCellCount, type SampleRecord } from './csv-dialect.ts';
import { CSV_MISSING, type OpenTableOptions } from './options.ts';

export interface CsvHeader {
  readonly hasHeader: boolean;
  /** One for each column, all different. */
  readonly names: readonly string[];
  readonly findings: readonly DataFinding[];
}

/** Share of a column's cells that must be numbers for the column to count as one. */
const MOSTLY = 0.8;

/**
 * @throws INVALID_DATA where the first record fits neither a header nor the rest, where there are no records, where
 * names come twice (unless `duplicateNames` is 'rename'), or where `names` are not as many as there are columns.
 */
export function readHeader(
  name: string,
  records: readonly SampleRecord[],
  options: OpenTableOptions & { readonly decimal: '.' | ',' },
): CsvHeader {
  const [first] = records;
  if (first === undefined) {
    throw new AmaasError('INVALID_DATA', `openTable: ${name} has no lines with text in them; check where it came from`);
  }
  const expected = [...(options.columns ?? []), ...(options.kinds?.keys() ?? [])];
  const view = { name, first, rest: records.slice(1), decimal: options.decimal, expected };
  if (options.header === undefined) refuseOddFirstLine(view);
  const decision = options.header === undefined ? decide(view) : { hasHeader: options.header, reason: 'as told' };
  const findings: DataFinding[] = [];
  if (options.header === undefined) {
    const what = decision.hasHeader ? `line ${first.line} is the header` : 'there is no header';
    findings.push({ severity: 'info', code: 'header', message: `${name}: ${what}, because ${decision.reason}` });
  }
  const width = decision.hasHeader ? first.cells.length : modalCellCount(records).cells;
  const numbered = Array.from({ length: width }, (_, i) => `column${i + 1}`);
  const given = options.names ?? (decision.hasHeader ? first.cells : numbered);
  if (given.length !== width) {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: ${name} has ${countOf(width, 'column')}, but names has ${given.length}`,
    );
  }
  const named = fillEmpty(name, given, numbered);
  const unique = resolveDuplicates(name, named.names, {
    line: first.line,
    rename: options.duplicateNames === 'rename',
  });
  return {
    hasHeader: decision.hasHeader,
    names: unique.names,
    findings: [...findings, ...named.findings, ...unique.findings],
  };
}

interface HeaderView {
  readonly name: string;
  readonly first: SampleRecord;
  readonly rest: readonly SampleRecord[];
  readonly decimal: '.' | ',';
  /** Columns the user speaks of. */
  readonly expected: readonly string[];
}

/** A first line with another number of cells than nearly all others is a title or a count, not a header. */
function refuseOddFirstLine({ name, first, rest }: HeaderView): void {
  // Separators at the end of all lines but the first are overlooked, as in reading.
  const trimmed = rest.map(({ line, cells: all }) => {
    const surplus = all.slice(first.cells.length);
    return { line, cells: surplus.every((cell) => cell === '') ? all.slice(0, first.cells.length) : all };
  });
  const { cells, share } = modalCellCount(trimmed);
  if (rest.length < 2 || share < 0.9 || cells === first.cells.length) return;
  throw new AmaasError(
    'INVALID_DATA',
    `openTable: line ${first.line} of ${name} has ${countOf(first.cells.length, 'cell')} (${quoteCells(first.cells)}), ` +
      `nearly all other lines have ${cells}; if it is no part of the table, say skipLines: ${first.line}` +
      ' (and header or names), else header: true or false',
  );
}

interface Decision {
  readonly hasHeader: boolean;
  readonly reason: string;
}

function decide(view: HeaderView): Decision {
  const { name, first, rest, decimal } = view;
  const isValue = (cell: string): boolean => looksLikeNumber(cell, decimal) || looksLikeDate(cell);
  const values = first.cells.filter(isValue);
  if (view.expected.length > 0 && view.expected.every((column) => first.cells.includes(column))) {
    return { hasHeader: true, reason: `it holds the columns asked for, such as "${view.expected[0]}"` };
  }
  if (rest.length === 0) {
    return values.length === 0
      ? { hasHeader: true, reason: 'it is the only line and holds no number' }
      : { hasHeader: false, reason: 'the only line holds numbers' };
  }
  const named = first.cells.filter(
    (cell, column) => cell !== '' && !isMissing(cell) && !isValue(cell) && isMostly(rest, column, isValue),
  );
  if (named.length > 0 && values.length > 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: line ${first.line} of ${name} (${quoteCells(first.cells)}) may be a header or not: it has text ` +
        `above numbers (${quoteCells(named)}) and numbers itself (${quoteCells(values)}). Say header: true if it names ` +
        `the columns, header: false if it is a row, or skipLines: ${first.line} if it is no part of the table`,
    );
  }
  if (named.length > 0) return { hasHeader: true, reason: `"${named[0]}" stands above numbers or dates` };
  if (values.length > 0) return { hasHeader: false, reason: `line ${first.line} holds the value ${values[0]}` };
  return decideAmongText(first, rest);
}

/** Nothing but text: a header's cells do not come again below, where values do. */
function decideAmongText(first: SampleRecord, rest: readonly SampleRecord[]): Decision {
  const again = first.cells.find((cell, column) => cell !== '' && rest.some((record) => record.cells[column] === cell));
  if (again !== undefined) return { hasHeader: false, reason: `"${again}" of line ${first.line} comes again below it` };
  if (first.cells.some((cell) => cell === '')) {
    return { hasHeader: false, reason: `line ${first.line} has an empty cell, and all cells are text` };
  }
  const repeating = first.cells.find((_, column) => {
    const below = rest.map((record) => record.cells[column] ?? '');
    return rest.length >= 4 && new Set(below).size <= below.length / 2;
  });
  if (repeating !== undefined) {
    return { hasHeader: true, reason: `the values below "${repeating}" repeat, and it is none of them` };
  }
  const isTable = first.cells.length > 1 && new Set(first.cells).size === first.cells.length;
  return isTable
    ? {
        hasHeader: true,
        reason: 'tables of text usually have one; nothing else tells (header: false takes it as a row)',
      }
    : { hasHeader: false, reason: 'all cells are text and nothing sets the first line apart' };
}

function isMissing(cell: string): boolean {
  return cell === '' || CSV_MISSING.includes(cell);
}

function isMostly(rest: readonly SampleRecord[], column: number, isValue: (cell: string) => boolean): boolean {
  const cells = rest.map((record) => record.cells[column] ?? '').filter((cell) => !isMissing(cell));
  return cells.length > 0 && cells.filter(isValue).length >= MOSTLY * cells.length;
}

/** Empty names, as spreadsheets and indices leave them, become the column's number. */
function fillEmpty(
  name: string,
  names: readonly string[],
  numbered: readonly string[],
): { readonly names: readonly string[]; readonly findings: readonly DataFinding[] } {
  const filled = names.map((cell, i) => (cell === '' ? (numbered[i] ?? '') : cell));
  const empty = filled.filter((_, i) => names[i] === '');
  if (empty.length === 0) return { names, findings: [] };
  const message = `${name}: ${countOf(empty.length, 'column')} without a name ${empty.length === 1 ? 'is' : 'are'} called ${quoteCells(empty)}`;
  return { names: filled, findings: [{ severity: 'info', code: 'renamed-columns', message }] };
}

function resolveDuplicates(
  name: string,
  names: readonly string[],
  { line, rename }: { readonly line: number; readonly rename: boolean },
): { readonly names: readonly string[]; readonly findings: readonly DataFinding[] } {
  const twice = [...new Set(names.filter((cell, i) => names.indexOf(cell) !== i))];
  if (twice.length === 0) return { names, findings: [] };
  if (!rename) {
    const where = twice.map((cell) => `"${cell}" (columns ${positionsOf(names, cell).join(', ')})`);
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: the header of ${name} (line ${line}) has names that come twice: ${where.join(', ')}; rename them in ` +
        "the file, give names, or say duplicateNames: 'rename'",
    );
  }
  const taken = new Set(names);
  const seen = new Set<string>();
  const renamed = names.map((cell) => {
    if (!seen.has(cell)) {
      seen.add(cell);
      return cell;
    }
    let number = 2;
    while (taken.has(`${cell}_${number}`)) number++;
    taken.add(`${cell}_${number}`);
    return `${cell}_${number}`;
  });
  const changed = renamed.filter((cell, i) => cell !== names[i]);
  const message = `${name}: columns of one name were renamed to ${quoteCells(changed)}`;
  return { names: renamed, findings: [{ severity: 'warning', code: 'renamed-columns', message }] };
}

function positionsOf(names: readonly string[], name: string): number[] {
  return names.flatMap((other, i) => (other === name ? [i + 1] : []));
}

function quoteCells(cells: readonly string[]): string {
  const shown = cells.slice(0, 6).map((cell) => `"${cell.length > 30 ? `${cell.slice(0, 30)}…` : cell}"`);
  return shown.join(', ') + (cells.length > shown.length ? ', …' : '');
}
