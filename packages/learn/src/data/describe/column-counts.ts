// Counts a column's cells batch by batch in bounded memory.
import { Moments } from '../../statistics/index.ts';
import { type Cell, type Column, type ColumnField, readCell } from '../table/index.ts';

/** Running counts of one column. */
export class ColumnCounts {
  readonly field: ColumnField;
  readonly #counts = new Map<Cell, number>();
  readonly #distinctLimit: number;
  #distinctIsExact = true;
  #missing = 0;
  #infinite = 0;
  #firstInfinite: number | undefined;
  #numbersInText = 0;
  /** Some of the rows whose text is no number. */
  readonly #notNumbers: number[] = [];
  #rows = 0;
  readonly moments = new Moments();

  /** @param distinctLimit - values remembered; later new ones only make the count a lower bound */
  constructor(field: ColumnField, distinctLimit: number) {
    this.field = field;
    this.#distinctLimit = distinctLimit;
  }

  add(column: Column): void {
    for (let i = 0; i < column.valid.length; i++) {
      const cell = readCell(column, i);
      if (cell === null) this.#missing++;
      else this.#addValue(cell, this.#rows + i);
    }
    this.#rows += column.valid.length;
  }

  #addValue(cell: number | boolean | string, row: number): void {
    if (typeof cell === 'number') {
      if (Number.isFinite(cell)) this.moments.add(cell);
      else {
        this.#infinite++;
        this.#firstInfinite ??= row;
      }
    } else if (typeof cell === 'string') {
      if (looksLikeNumber(cell)) this.#numbersInText++;
      else if (this.#notNumbers.length < 5) this.#notNumbers.push(row);
    }
    const count = this.#counts.get(cell);
    if (count !== undefined) this.#counts.set(cell, count + 1);
    else if (this.#counts.size < this.#distinctLimit) this.#counts.set(cell, 1);
    else this.#distinctIsExact = false;
  }

  get rowCount(): number {
    return this.#rows;
  }

  get missingCount(): number {
    return this.#missing;
  }

  get presentCount(): number {
    return this.#rows - this.#missing;
  }

  get infiniteCount(): number {
    return this.#infinite;
  }

  get firstInfiniteRow(): number | undefined {
    return this.#firstInfinite;
  }

  /** Cells of text that read as numbers. */
  get numbersInTextCount(): number {
    return this.#numbersInText;
  }

  get rowsWithoutNumber(): readonly number[] {
    return this.#notNumbers;
  }

  get distinctCount(): number {
    return this.#counts.size;
  }

  get distinctIsExact(): boolean {
    return this.#distinctIsExact;
  }

  /** Values with their counts, in order of appearance. */
  get counts(): ReadonlyMap<Cell, number> {
    return this.#counts;
  }

  /** The most frequent values, ties in order of appearance. */
  topValues(limit: number): readonly (readonly [Cell, number])[] {
    // Sorting is stable, so ties keep the map's order.
    return [...this.#counts].sort((a, b) => b[1] - a[1]).slice(0, limit);
  }
}

/** Whether text is written as a decimal number, blanks around it allowed. */
export function looksLikeNumber(text: string): boolean {
  return /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/.test(text);
}

/** A cell as people read it. */
export function cellText(cell: Cell, field: ColumnField): string {
  if (field.kind !== 'timestamp' || typeof cell !== 'number') return String(cell);
  const date = new Date(cell);
  return Number.isNaN(+date) ? String(cell) : date.toISOString();
}
