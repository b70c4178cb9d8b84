// Settles each column's kind from all of its cells, so that no later row can disagree, and reports what was decided.
import { AmaasError } from '@amaas/core';
import { type ColumnKind, countOf, type DataFinding, nameRows } from '@amaas/learn/data';
import type { Connection } from './binding.ts';
import {
  booleanSteps,
  type CellStep,
  isMissingSql,
  knownNumberSteps,
  numberSteps,
  type SteppedCell,
  selectSql,
  type TextRules,
  textSteps,
  timeSteps,
  trimmedSql,
} from './cell-sql.ts';
import type { RawColumn, RawRelation, TypedColumn, TypedRelation } from './relation.ts';

export interface TypingOptions {
  readonly name: string;
  readonly kinds: ReadonlyMap<string, ColumnKind>;
  readonly badValues: 'refuse' | 'missing';
  readonly rules: TextRules;
}

/** JSON's names of what is a number, and of what no format says anything about. */
const NUMBER_TYPES = "('UNKNOWN', 'UBIGINT', 'BIGINT', 'DOUBLE', 'HUGEINT', 'UHUGEINT', 'DECIMAL')";

/**
 * Reads every cell once.
 * @throws INVALID_DATA where cells do not fit a kind the user gave, or hold objects or lists.
 */
export async function typeColumns(
  connection: Connection,
  relation: RawRelation,
  options: TypingOptions,
): Promise<TypedRelation> {
  const columns: TypedColumn[] = [];
  const findings: DataFinding[] = [];
  const missing = new Map<string, MissingCount>();
  let trimmedColumns = 0;
  const { rowCount, probes } = await probeColumns(connection, relation, options.rules);
  for (const column of relation.columns) {
    const probe = probes.get(column.name);
    if (column.native !== undefined || probe === undefined) {
      columns.push(
        column.native ?? {
          field: { name: column.name, kind: 'string', integer: false },
          start: column.text,
          steps: [],
        },
      );
      continue;
    }
    columns.push(await settleColumn(connection, { column, probe, from: relation.from, options, findings }));
    for (const [text, count] of probe.missingTexts) {
      const entry = missing.get(text) ?? { cells: 0, columns: [] };
      missing.set(text, { cells: entry.cells + count, columns: [...entry.columns, column.name] });
    }
    if (probe.trimmed > 0) trimmedColumns++;
  }
  findings.push(...reportMissing(options.name, missing));
  if (trimmedColumns > 0) {
    const message = `${options.name}: blanks around cells were cut off in ${countOf(trimmedColumns, 'column')}`;
    findings.push({ severity: 'info', code: 'trimmed', message });
  }
  if (columns.some(({ field }) => field.kind === 'timestamp')) {
    const message = `${options.name}: times without a zone are taken as UTC`;
    findings.push({ severity: 'info', code: 'time-zone', message });
  }
  return { from: relation.from, columns, rowCount, findings: [...relation.findings, ...findings] };
}

interface MissingCount {
  readonly cells: number;
  readonly columns: readonly string[];
}

/** What all cells of a column look like. */
interface Probe {
  readonly present: number;
  /** Finite numbers among them, by what the format says of the cell too. */
  readonly numbers: number;
  readonly wholeNumbers: number;
  readonly zeroLedNumbers: number;
  readonly largeIntegers: number;
  readonly booleans: number;
  readonly times: number;
  readonly nested: number;
  readonly trimmed: number;
  readonly missingTexts: ReadonlyMap<string, number>;
}

/**
 * Looks at every cell of the columns that need it, in one pass. Cells are put one below the other, with their column's
 * number beside them, so that each expression is planned once and not once for each column.
 */
async function probeColumns(
  connection: Connection,
  { from, columns }: RawRelation,
  rules: TextRules,
): Promise<{ readonly rowCount: number; readonly probes: ReadonlyMap<string, Probe> }> {
  const looked = columns.filter(({ native }) => native === undefined);
  const probes = new Map<string, Probe>();
  if (looked.length === 0) {
    const [[count] = []] = await connection.query(`SELECT CAST(count(*) AS DOUBLE) FROM ${from}`);
    return { rowCount: Number(count), probes };
  }
  const hasTypes = looked.some(({ cellType }) => cellType !== undefined);
  const lists = [
    `unnest(range(${looked.length})) AS k`,
    `unnest([${looked.map(({ text }) => text).join(', ')}]) AS r`,
    hasTypes ? `unnest([${looked.map(({ cellType }) => cellType ?? "'UNKNOWN'").join(', ')}]) AS y` : "'UNKNOWN' AS y",
  ];
  const rows = await connection.query(
    `SELECT CAST(k AS DOUBLE), ${countsSql(rules, hasTypes).join(', ')} FROM ${cellsSql(`(SELECT ${lists.join(', ')} FROM ${from})`, rules)} GROUP BY k`,
  );
  let rowCount = 0;
  for (const [k, count, ...counts] of rows) {
    rowCount = Number(count);
    const name = looked[Number(k)]?.name;
    if (name !== undefined) probes.set(name, probeOf(counts));
  }
  // Without any row there is no group either.
  for (const { name } of looked) if (!probes.has(name)) probes.set(name, probeOf([]));
  return { rowCount, probes };
}

/** Of every cell: r as it is, b without blanks around it, v its text, d as a number, w as a time, y its type. */
function cellsSql(from: string, rules: TextRules): string {
  const keep = (...names: readonly string[]): SteppedCell[] => names.map((name) => ({ name, start: name, steps: [] }));
  const trimmed = selectSql(from, [...keep('k', 'r', 'y'), { name: 'b', start: 'r', steps: [trimmedSql] }]);
  const text = selectSql(`(${trimmed})`, [
    ...keep('k', 'r', 'y', 'b'),
    {
      name: 'v',
      start: `CASE WHEN NOT ${isMissingSql('b', rules)} THEN ${rules.isTrimmed ? 'b' : 'r'} END`,
      steps: [],
    },
  ]);
  const values = selectSql(`(${text})`, [
    ...keep('k', 'r', 'y', 'b', 'v'),
    { name: 'd', start: 'v', steps: numberSteps(rules) },
    { name: 'w', start: 'v', steps: timeSteps(rules) },
  ]);
  return `(${values})`;
}

/** The row count, then what {@link probeOf} takes, in its order. */
function countsSql(rules: TextRules, hasTypes: boolean): readonly string[] {
  const and = (condition: string, ofType: string): string => (hasTypes ? `${condition} AND y ${ofType}` : condition);
  const isNumber = and('d IS NOT NULL', `IN ${NUMBER_TYPES}`);
  const missingText = "CASE WHEN b <> '' THEN '\"' || b || '\"' WHEN r = '' THEN 'empty' ELSE 'blank' END";
  const filters = [
    'true',
    'v IS NOT NULL',
    isNumber,
    `${isNumber} AND d = floor(d)`,
    `${isNumber} AND v LIKE '0_%' AND substr(v, 2, 1) BETWEEN '0' AND '9'`,
    `${isNumber} AND abs(d) > ${Number.MAX_SAFE_INTEGER} AND regexp_full_match(v, '[+-]?[0-9]+')`,
    and("lower(v) IN ('true', 'false')", "IN ('BOOLEAN', 'UNKNOWN')"),
    and('w IS NOT NULL', "IN ('VARCHAR', 'UNKNOWN')"),
    hasTypes ? "y IN ('OBJECT', 'ARRAY')" : 'false',
    rules.isTrimmed ? 'v IS NOT NULL AND length(r) <> length(b)' : 'false',
  ];
  return [
    ...filters.map((filter) => `CAST(count(*) FILTER (WHERE ${filter}) AS DOUBLE)`),
    `CAST(to_json(histogram(CASE WHEN ${isMissingSql('b', rules)} THEN ${missingText} END)) AS VARCHAR)`,
  ];
}

function probeOf(counts: readonly unknown[]): Probe {
  const [present, numbers, whole, zeroLed, large, booleans, times, nested, trimmed] = counts.map((count) =>
    Number(count),
  );
  return {
    present: present ?? 0,
    numbers: numbers ?? 0,
    wholeNumbers: whole ?? 0,
    zeroLedNumbers: zeroLed ?? 0,
    largeIntegers: large ?? 0,
    booleans: booleans ?? 0,
    times: times ?? 0,
    nested: nested ?? 0,
    trimmed: trimmed ?? 0,
    missingTexts: parseCounts(counts[9]),
  };
}

function parseCounts(json: unknown): ReadonlyMap<string, number> {
  if (typeof json !== 'string') return new Map();
  const counts: unknown = JSON.parse(json);
  return new Map(Object.entries(counts ?? {}).map(([text, count]) => [text, Number(count)]));
}

interface Settling {
  readonly column: RawColumn;
  readonly probe: Probe;
  readonly from: string;
  readonly options: TypingOptions;
  readonly findings: DataFinding[];
}

async function settleColumn(connection: Connection, settling: Settling): Promise<TypedColumn> {
  const { column, probe, options, findings } = settling;
  const { name } = column;
  if (probe.nested > 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: column "${name}" of ${options.name} holds objects or lists in ${countOf(probe.nested, 'row')}; ` +
        'flatten them, or name the other columns with columns',
    );
  }
  const declared = options.kinds.get(name);
  const kind = declared ?? inferKind(probe);
  const text = textSteps(options.rules);
  const steps =
    declared === undefined && kind === 'number'
      ? knownNumberSteps(options.rules)
      : [...text, ...valueSteps(kind, options.rules)];
  if (declared !== undefined) await checkDeclared(connection, { ...settling, declared, text, steps });
  if (declared === undefined && kind === 'string' && probe.present > 0 && probe.numbers === probe.present) {
    findings.push(explainText(name, probe, options.name));
  }
  const integer = kind === 'number' && probe.numbers > 0 && probe.wholeNumbers === probe.numbers;
  return { field: { name, kind, integer }, start: column.text, steps };
}

function inferKind(probe: Probe): ColumnKind {
  const { present } = probe;
  if (present === 0) return 'string';
  if (probe.booleans === present) return 'boolean';
  if (probe.numbers === present) return probe.zeroLedNumbers + probe.largeIntegers > 0 ? 'string' : 'number';
  return probe.times === present ? 'timestamp' : 'string';
}

/** From text to a value of the kind. */
function valueSteps(kind: ColumnKind, rules: TextRules): readonly CellStep[] {
  switch (kind) {
    case 'number':
      return numberSteps(rules);
    case 'boolean':
      return booleanSteps();
    case 'timestamp':
      return timeSteps(rules);
    case 'string':
      return [];
    default:
      return kind satisfies never;
  }
}

/** Why numbers were left as text. */
function explainText(column: string, probe: Probe, name: string): DataFinding {
  if (probe.largeIntegers > 0) {
    const message =
      `${name}: column "${column}" holds ${countOf(probe.largeIntegers, 'whole number')} beyond 2^53, which float64 ` +
      'cannot hold exactly; it stays text. Declare it a number if the last digits do not matter';
    return { severity: 'warning', code: 'large-integers', column, message };
  }
  const message =
    `${name}: column "${column}" holds numbers with leading zeros (${countOf(probe.zeroLedNumbers, 'cell')}), as codes ` +
    'have; it stays text. Declare it a number to compute with it';
  return { severity: 'info', code: 'leading-zeros', column, message };
}

async function checkDeclared(
  connection: Connection,
  check: Settling & {
    readonly declared: ColumnKind;
    readonly text: readonly CellStep[];
    readonly steps: readonly CellStep[];
  },
): Promise<void> {
  const { column, from, options, findings, declared, text, steps } = check;
  const cells = selectSql(from, [
    { name: 'v', start: column.text, steps: text },
    { name: 'x', start: column.text, steps },
  ]);
  const bad = `SELECT n, v FROM (SELECT row_number() OVER () AS n, v, x FROM (${cells})) WHERE v IS NOT NULL AND x IS NULL`;
  const [[count] = []] = await connection.query(`SELECT CAST(count(*) AS DOUBLE) FROM (${bad})`);
  if (!count) return;
  const examples = await connection.query(`SELECT CAST(n AS DOUBLE), v FROM (${bad}) ORDER BY n LIMIT 5`);
  const rows = examples.map(([row]) => Number(row) - 1);
  const shown = [...new Set(examples.map(([, cell]) => JSON.stringify(String(cell).slice(0, 30))))].join(', ');
  const what = `${countOf(Number(count), 'cell')} of column "${column.name}" of ${options.name} ${Number(count) === 1 ? 'is' : 'are'} no ${declared} (${nameRows(rows, Number(count))}: ${shown})`;
  if (options.badValues === 'refuse') {
    throw new AmaasError(
      'INVALID_DATA',
      `openTable: ${what}; correct them, name them in missing, or say badValues: 'missing'`,
    );
  }
  findings.push({
    severity: 'warning',
    code: 'bad-values',
    column: column.name,
    message: `${what} and count as missing`,
    rows,
  });
}

function reportMissing(name: string, missing: ReadonlyMap<string, MissingCount>): DataFinding[] {
  return [...missing].map(([text, { cells, columns }]) => {
    const shown = columns.slice(0, 5).map((column) => `"${column}"`);
    const more = columns.length > shown.length ? ` and ${columns.length - shown.length} more` : '';
    const message = `${name}: ${countOf(cells, 'cell')} with ${text === 'empty' || text === 'blank' ? `${text} text` : text} ${cells === 1 ? 'counts' : 'count'} as missing (${columns.length === 1 ? 'column' : 'columns'} ${shown.join(', ')}${more})`;
    return { severity: 'info', code: 'missing-values', message };
  });
}
