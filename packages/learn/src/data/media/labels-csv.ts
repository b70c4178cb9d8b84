// Labels of files in a table of their own: CSV with a header, separated by commas, semicolons or tabs, quoted as RFC 4180
// says. For this one purpose; tables to learn from are read by DuckDB.
import { AmaasError } from '@amaas/core';

export interface LabelColumns {
  /** Column of the file's path below the folder; default `file`. */
  readonly fileColumn?: string;
  /** Column of its class; default `label`. */
  readonly labelColumn?: string;
}

/**
 * Label by file path.
 * @throws INVALID_DATA for a missing column, a row of another length, an empty label, or a file named twice.
 */
export function readLabelsCsv(
  text: string,
  name: string,
  { fileColumn = 'file', labelColumn = 'label' }: LabelColumns = {},
): ReadonlyMap<string, string> {
  const refuse = (what: string): AmaasError => new AmaasError('INVALID_DATA', `labels: ${name} ${what}`);
  const [header = [], ...rows] = parseRows(text);
  const [fileAt, labelAt] = [fileColumn, labelColumn].map((column) => {
    const at = header.indexOf(column);
    if (at >= 0) return at;
    throw refuse(`has no column "${column}"; it has ${header.map((known) => `"${known}"`).join(', ') || 'no header'}`);
  });
  const labels = new Map<string, string>();
  for (const [index, row] of rows.entries()) {
    if (row.length !== header.length)
      throw refuse(`row ${index + 1} has ${row.length} values; the header has ${header.length} columns`);
    const file = (row[fileAt ?? 0] ?? '').replaceAll('\\', '/');
    const label = row[labelAt ?? 0] ?? '';
    if (label === '') throw refuse(`row ${index + 1} has no label for "${file}"`);
    if (labels.has(file)) throw refuse(`names "${file}" twice`);
    labels.set(file, label);
  }
  if (labels.size === 0) throw refuse('has no rows');
  return labels;
}

/** Rows of fields; the separator is the one the first line has most of. */
function parseRows(text: string): readonly (readonly string[])[] {
  const firstLine = /^\uFEFF?([^\r\n]*)/.exec(text)?.[1] ?? '';
  const count = (separator: string): number => firstLine.split(separator).length;
  const separator = [',', ';', '\t'].toSorted((a, b) => count(b) - count(a))[0] ?? ',';
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let value = '';
  let isQuoted = false;
  for (; at < text.length; at++) {
    const character = text[at] ?? '';
    if (isQuoted) {
      if (character !== '"') value += character;
      else if (text[at + 1] === '"') value += text[++at] ?? '';
      else isQuoted = false;
    } else if (character === '"' && value === '') isQuoted = true;
    else if (character === separator) {
      row.push(value);
      value = '';
    } else if (character === '\n') {
      row.push(value.endsWith('\r') ? value.slice(0, -1) : value);
      value = '';
      if (row.length > 1 || row[0] !== '') rows.push(row);
      row = [];
    } else value += character;
  }
  if (value !== '' || row.length > 0) rows.push([...row, value.replace(/\r$/, '')]);
  return rows;
}
