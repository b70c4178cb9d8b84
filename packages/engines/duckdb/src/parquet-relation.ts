// A Parquet file as a relation: its columns have types, so only what float64 cannot hold has to be found out.
import { AmaasError } from '@amaas/core';
import { type ColumnKind, countOf, type DataFinding } from '@amaas/learn/data';
import { type Connection, quoteName, quotePath } from './binding.ts';
import type { InputFile } from './files.ts';
import type { RawColumn, RawRelation, TypedColumn } from './relation.ts';

export interface ParquetOptions {
  /** Columns that will be used; others may be of any type. */
  readonly columns: readonly string[] | undefined;
  /** Kinds given by the user: such columns are read as text and converted. */
  readonly kinds: ReadonlyMap<string, ColumnKind>;
}

/** @throws INVALID_DATA where a column that is used holds bytes, lists or structures. */
export async function createParquetRelation(
  connection: Connection,
  files: readonly InputFile[],
  options: ParquetOptions,
): Promise<RawRelation> {
  const paths = files.map(({ path }) => quotePath(path)).join(', ');
  const from = `read_parquet([${paths}])`;
  const described = await connection.query(`SELECT column_name, column_type FROM (DESCRIBE FROM ${from})`);
  const findings: DataFinding[] = [
    { severity: 'info', code: 'format', message: `${files[0]?.label}: read as Parquet, with the types it declares` },
  ];
  const columns: RawColumn[] = [];
  for (const [rawName, rawType] of described) {
    const [name, type] = [String(rawName), String(rawType)];
    if (options.columns !== undefined && !options.columns.includes(name)) {
      // Unused, but there: naming it by mistake must find it.
      columns.push({
        name,
        text: 'NULL',
        native: { field: { name, kind: 'string', integer: false }, start: 'NULL', steps: [] },
      });
      continue;
    }
    columns.push(await readColumn(connection, { name, type, from, isGiven: options.kinds.has(name), findings }));
  }
  return { from, columns, findings };
}

interface ParquetColumn {
  readonly name: string;
  readonly type: string;
  readonly from: string;
  readonly isGiven: boolean;
  readonly findings: DataFinding[];
}

async function readColumn(connection: Connection, column: ParquetColumn): Promise<RawColumn> {
  const { name, type, from, isGiven, findings } = column;
  const cell = quoteName(name);
  const text = `CAST(${cell} AS VARCHAR)`;
  const group = groupOf(type);
  if (group === undefined) {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: column "${name}" holds ${type}, which is no table cell; name the other columns with columns`,
    );
  }
  // VARCHAR says that text stays text even where it looks like numbers: the file could have said so.
  if (isGiven) return { name, text };
  if (group === 'string') return { name, text, cellType: "'VARCHAR'" };
  const native = (kind: ColumnKind, integer: boolean, value: string): RawColumn => {
    const typed: TypedColumn = { field: { name, kind, integer }, start: value, steps: [] };
    return { name, text, native: typed };
  };
  if (group === 'boolean') return native('boolean', false, cell);
  if (group === 'time') {
    const time = type === 'TIMESTAMP WITH TIME ZONE' ? cell : `CAST(${cell} AS TIMESTAMP)`;
    return native('timestamp', false, `CASE WHEN isfinite(${time}) THEN CAST(epoch_ms(${time}) AS DOUBLE) END`);
  }
  if (group === 'large integer') {
    const limit = Number.MAX_SAFE_INTEGER;
    const [[beyond] = []] = await connection.query(
      `SELECT CAST(count(*) FILTER (WHERE ${cell} > ${limit} OR ${cell} < -${limit}) AS DOUBLE) FROM ${from}`,
    );
    if (Number(beyond) > 0) {
      const message =
        `column "${name}" holds ${countOf(Number(beyond), 'whole number')} beyond 2^53, which float64 cannot hold ` +
        'exactly; it stays text. Declare it a number if the last digits do not matter';
      findings.push({ severity: 'warning', code: 'large-integers', column: name, message });
      return native('string', false, text);
    }
  }
  const number = `CAST(${cell} AS DOUBLE)`;
  const value = `CASE WHEN NOT isnan(${number}) THEN ${number} END`;
  const [[present, fractions] = []] = await connection.query(
    `SELECT CAST(count(x) AS DOUBLE), CAST(count(*) FILTER (WHERE x <> floor(x) OR NOT isfinite(x)) AS DOUBLE)
     FROM (SELECT ${value} AS x FROM ${from})`,
  );
  return native('number', Number(present) > 0 && Number(fractions) === 0, value);
}

type TypeGroup = 'number' | 'large integer' | 'boolean' | 'time' | 'string';

function groupOf(type: string): TypeGroup | undefined {
  if (/^U?(TINYINT|SMALLINT|INTEGER)$|^(FLOAT|DOUBLE)$|^DECIMAL\(/.test(type)) return 'number';
  if (/^U?(BIGINT|HUGEINT)$/.test(type)) return 'large integer';
  if (type === 'BOOLEAN') return 'boolean';
  if (/^(DATE|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE)$/.test(type)) return 'time';
  return /^(VARCHAR|UUID|TIME|TIME_NS|TIME WITH TIME ZONE|INTERVAL|JSON)$|^ENUM\(/.test(type) ? 'string' : undefined;
}
