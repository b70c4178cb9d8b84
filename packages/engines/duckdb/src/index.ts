// Tables from files, by DuckDB: CSV, Parquet, JSON lines.
export { openTable } from './open-table.ts';
export {
  CSV_MISSING,
  type CsvEncoding,
  type OpenTableOptions,
  type RaggedPolicy,
  type TableFormat,
} from './options.ts';
