// SQL that turns a cell of text into a value, or into NULL where it is none. The rules are stricter than DuckDB's own
// casts, which take "1_000", "+-1", "inf" and a time zone's name.
import { quoteText } from './binding.ts';

/** How text is written. */
export interface TextRules {
  /** Texts that mean "no value". */
  readonly missing: readonly string[];
  /** Whether empty and blank cells do too. */
  readonly isBlankMissing: boolean;
  readonly isTrimmed: boolean;
  readonly decimal: '.' | ',';
  readonly thousands: string | undefined;
  /** strptime's language; ISO 8601 when undefined. */
  readonly timestampFormat: string | undefined;
}

/** Blanks, tabs, line ends and the no-break space. */
const BLANKS = quoteText(' \t\r\n\u00a0');

const ISO_TIME =
  '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?[ ]?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?';

/** SQL of a cell made of the SQL of a cell. */
export type CellStep = (cell: string) => string;

/** Without the blanks around it. Most cells have none, and comparing is five times as fast as trimming. */
export function trimmedSql(cell: string): string {
  // Blanks, tabs and line ends sort before "!", as does the empty text.
  const starts = `${cell} < '!' OR starts_with(${cell}, '\u00a0')`;
  const ends = [' ', '\t', '\r', '\n', '\u00a0'].map((blank) => `ends_with(${cell}, ${quoteText(blank)})`);
  return `CASE WHEN ${starts} OR ${ends.join(' OR ')} THEN trim(${cell}, ${BLANKS}) ELSE ${cell} END`;
}

/** Whether a cell that is there (not NULL) means "no value". @param trimmed - without the blanks around it */
export function isMissingSql(trimmed: string, { missing, isBlankMissing }: TextRules): string {
  const texts = isBlankMissing ? ['', ...missing] : missing;
  return texts.length === 0 ? 'false' : `${trimmed} IN (${texts.map(quoteText).join(', ')})`;
}

/** To the cell's text, NULL where missing. */
export function textSteps(rules: TextRules): readonly CellStep[] {
  if (!rules.isTrimmed) {
    return [(cell) => `CASE WHEN ${isMissingSql(`(${trimmedSql(cell)})`, rules)} THEN NULL ELSE ${cell} END`];
  }
  return [trimmedSql, (cell) => `CASE WHEN ${isMissingSql(cell, rules)} THEN NULL ELSE ${cell} END`];
}

/** From text to DOUBLE where it is a finite decimal number, else to NULL. */
export function numberSteps({ decimal, thousands, isTrimmed }: TextRules): readonly CellStep[] {
  const steps: CellStep[] = isTrimmed ? [] : [trimmedSql];
  if (thousands !== undefined) {
    const grouped = quoteText(`[+-]?[0-9]{1,3}([${thousands}][0-9]{3})+([${decimal}][0-9]*)?`);
    const sign = quoteText(thousands);
    steps.push(
      (cell) =>
        `CASE WHEN NOT contains(${cell}, ${sign}) THEN ${cell} WHEN regexp_full_match(${cell}, ${grouped}) THEN replace(${cell}, ${sign}, '') END`,
    );
  }
  if (decimal === ',') steps.push((cell) => `CASE WHEN NOT contains(${cell}, '.') THEN replace(${cell}, ',', '.') END`);
  steps.push(
    (cell) => `CASE WHEN NOT contains(${cell}, '_') AND NOT starts_with(${cell}, '+-') THEN ${cell} END`,
    (cell) => `TRY_CAST(${cell} AS DOUBLE)`,
    (cell) => `CASE WHEN isfinite(${cell}) THEN ${cell} END`,
  );
  return steps;
}

/**
 * As {@link textSteps} and {@link numberSteps} together, for columns known to hold numbers and missing cells only, and
 * quicker to plan and run. Where a missing text is a number itself, such as -999, there is no shorter way.
 */
export function knownNumberSteps(rules: TextRules): readonly CellStep[] {
  const isPlain = rules.decimal === '.' && rules.thousands === undefined;
  const castsToNull = rules.missing.every((text) => !/\d|inf|nan/i.test(text) || /^nan$/i.test(text));
  if (!isPlain || !castsToNull) return [...textSteps(rules), ...numberSteps(rules)];
  return [
    // The cast itself overlooks all blanks but the no-break space.
    (cell) => `coalesce(TRY_CAST(${cell} AS DOUBLE), TRY_CAST(${trimmedSql(cell)} AS DOUBLE))`,
    (cell) => `CASE WHEN NOT isnan(${cell}) THEN ${cell} END`,
  ];
}

/** From text to BOOLEAN where it is one of the usual words; looser than what a column is taken for by itself. */
export function booleanSteps(): readonly CellStep[] {
  return [
    (cell) => `lower(${trimmedSql(cell)})`,
    (cell) =>
      `CASE WHEN ${cell} IN ('true', 'yes', 't', 'y', '1') THEN true WHEN ${cell} IN ('false', 'no', 'f', 'n', '0') THEN false END`,
  ];
}

/** From text to DOUBLE of epoch milliseconds where it is a time; without a zone it is UTC. */
export function timeSteps({ timestampFormat, isTrimmed }: TextRules): readonly CellStep[] {
  const trim = isTrimmed ? [] : [trimmedSql];
  if (timestampFormat !== undefined) {
    return [...trim, (cell) => `CAST(epoch_ms(try_strptime(${cell}, ${quoteText(timestampFormat)})) AS DOUBLE)`];
  }
  return [
    ...trim,
    // LIKE is cheap and spares most texts the regular expression.
    (cell) =>
      `CASE WHEN ${cell} LIKE '____-__-__%' AND regexp_full_match(${cell}, ${quoteText(ISO_TIME)}) THEN ${cell} END`,
    (cell) => `CAST(epoch_ms(TRY_CAST(${cell} AS TIMESTAMPTZ)) AS DOUBLE)`,
  ];
}

/** A column of a select: SQL over what follows FROM, then steps, each over the one before it. */
export interface SteppedCell {
  readonly name: string;
  readonly start: string;
  readonly steps: readonly CellStep[];
}

/**
 * A select whose columns are the cells by name. Each step is a select of its own around the one before, so that no
 * expression is written (and planned) twice within another.
 */
export function selectSql(from: string, cells: readonly SteppedCell[]): string {
  const depth = Math.max(0, ...cells.map(({ steps }) => steps.length));
  let sql = `SELECT ${cells.map(({ name, start }) => `${start} AS ${name}`).join(', ')} FROM ${from}`;
  for (let level = 0; level < depth; level++) {
    const columns = cells.map(({ name, steps }) => `${steps[level]?.(name) ?? name} AS ${name}`);
    sql = `SELECT ${columns.join(', ')} FROM (${sql})`;
  }
  return sql;
}
