// Reads comma-separated values: quotes, line breaks in quotes, CRLF, a byte-order mark. Source: RFC 4180.
import { AmaasError } from '@amaas/core';

export interface CsvTable {
  /** Names of the columns; null when the first line holds numbers only and so is data. */
  readonly header: readonly string[] | null;
  /** Cells as text, every row as long as the first. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * Reads a table.
 * @throws INVALID_ARGUMENT naming the line: a quote that never closes, text after a closing quote, rows that differ in length
 */
export function parseCsv(text: string): CsvTable {
  const lines = splitCells(text.startsWith('\ufeff') ? text.slice(1) : text);
  const [first] = lines;
  if (first === undefined) return { header: null, rows: [] };
  for (const line of lines) {
    if (line.cells.length === first.cells.length) continue;
    throw problem(line.number, `expected ${first.cells.length} cells as in the first line, got ${line.cells.length}`);
  }
  const isHeader = first.cells.some((cell) => cell.trim() === '' || Number.isNaN(Number(cell)));
  const rows = (isHeader ? lines.slice(1) : lines).map((line) => line.cells);
  return { header: isHeader ? first.cells.map((cell) => cell.trim()) : null, rows };
}

interface CsvLine {
  /** Counted from 1, where the line begins. */
  readonly number: number;
  readonly cells: readonly string[];
}

function splitCells(text: string): readonly CsvLine[] {
  const lines: CsvLine[] = [];
  let cells: string[] = [];
  let number = 1;
  let startNumber = 1;
  let position = 0;
  while (position < text.length) {
    let cell: string;
    if (text[position] === '"') {
      let end = text.indexOf('"', position + 1);
      while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
      if (end === -1) throw problem(number, 'a quote does not close');
      cell = text.slice(position + 1, end).replaceAll('""', '"');
      number += cell.split('\n').length - 1;
      position = end + 1;
      const next = text[position];
      if (next !== undefined && next !== ',' && next !== '\n' && next !== '\r')
        throw problem(number, `expected a comma after the closing quote, got ${JSON.stringify(next)}`);
    } else {
      const end = /[,\r\n]/g;
      end.lastIndex = position;
      const stop = end.exec(text)?.index ?? text.length;
      cell = text.slice(position, stop);
      position = stop;
    }
    cells.push(cell);
    if (text[position] === ',') {
      position++;
      if (position < text.length) continue;
      cells.push(''); // a comma at the very end: one more empty cell
    }
    if (text[position] === '\r') position++;
    if (text[position] === '\n') position++;
    // A line without any text holds no row.
    if (cells.length > 1 || cells[0] !== '') lines.push({ number: startNumber, cells });
    cells = [];
    number++;
    startNumber = number;
  }
  return lines;
}

function problem(line: number, what: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `csv: line ${line}: ${what}`);
}
