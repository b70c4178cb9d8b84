// Between a file format and a source of tables: columns as SQL, first as the file has them, then with their kinds.
import type { ColumnField, DataFinding } from '@amaas/learn/data';
import type { CellStep } from './cell-sql.ts';

/** A column as a file has it. */
export interface RawColumn {
  readonly name: string;
  /** SQL over {@link RawRelation.from} that gives the cell as VARCHAR or NULL. */
  readonly text: string;
  /**
   * SQL that gives what the format says the cell is, in JSON's words (VARCHAR, BOOLEAN, DOUBLE, OBJECT …); undefined
   * where a format has nothing but text, whose cells then count as what they look like.
   */
  readonly cellType?: string;
  /** Where the format gives the whole column a type that needs no guess: its field and the way to the value. */
  readonly native?: TypedColumn;
}

/** Rows as a file has them. */
export interface RawRelation {
  /** What follows FROM: a table function or a table's name. */
  readonly from: string;
  readonly columns: readonly RawColumn[];
  /** How many rows the file is known to have, where something besides DuckDB has counted them. */
  readonly expectedRows?: number;
  readonly findings: readonly DataFinding[];
}

/** A column whose kind is settled. */
export interface TypedColumn {
  readonly field: ColumnField;
  /** SQL over {@link TypedRelation.from}. */
  readonly start: string;
  /** What makes of it DOUBLE for numbers and timestamps (epoch milliseconds), BOOLEAN, or VARCHAR; NULL where missing. */
  readonly steps: readonly CellStep[];
}

/** Rows ready to be read. */
export interface TypedRelation {
  readonly from: string;
  readonly columns: readonly TypedColumn[];
  readonly rowCount: number;
  readonly findings: readonly DataFinding[];
}
