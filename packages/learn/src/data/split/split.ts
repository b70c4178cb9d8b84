// Splits rows into training, validation and test parts as row indices; the rows themselves are never touched.
// Equal seeds and equal data give equal parts on every machine.
import { AmaasError } from '@amaas/core';
import { createRandom, type Random } from '../../statistics/index.ts';
import { countOf, type DataFinding } from '../findings.ts';
import { type Cell, type Column, readCell } from '../table/index.ts';
import { allotStratifiedSeats, computePartSizes, type PartSizes } from './sizes.ts';

/**
 * Which rows belong together:
 * 'random': none do;
 * 'stratified': each part gets every class of `by` in its proportion (missing counts as a class);
 * 'grouped': rows with the same `by` (one patient, one speaker) stay in one part; a missing group stands alone;
 * 'time': training is the oldest, the test part the newest by `by` (times or numbers, none missing).
 */
export type SplitStrategy =
  | { readonly kind: 'random' }
  | { readonly kind: 'stratified'; readonly by: Column }
  | { readonly kind: 'grouped'; readonly by: Column }
  | { readonly kind: 'time'; readonly by: Column };

export interface SplitOptions {
  readonly seed: string | number;
  /** Default random. */
  readonly strategy?: SplitStrategy;
  /** Share (above 0, below 1; rounded up) or number of rows; default 0.2, the usual fifth. 0 for none. */
  readonly test?: number;
  /** As `test`, of all rows too; default 0. */
  readonly validation?: number;
  /** Split these rows only, such as those that have a target; all when left out. */
  readonly rows?: ArrayLike<number>;
}

/** Row indices of the parts, each ascending, none in two parts, every row in one. */
export interface Split {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  readonly test: Uint32Array;
  readonly findings: readonly DataFinding[];
}

export type SplitPart = 'train' | 'validation' | 'test';

/**
 * Splits `rowCount` rows. Sizes are exact for 'random' and 'stratified'. 'grouped' comes as near as whole groups
 * allow; 'time' never cuts rows of one time apart, they go to the later part. Either says so in a finding.
 * @throws INVALID_ARGUMENT on sizes out of range; INVALID_DATA where the rows do not suffice, `by` has too many
 * classes, too few groups or a missing time.
 */
export function splitRows(rowCount: number, options: SplitOptions): Split {
  const rows =
    options.rows === undefined
      ? Uint32Array.from({ length: rowCount }, (_, i) => i)
      : checkRows(rowCount, options.rows);
  const sizes = computePartSizes(rows.length, { test: options.test ?? 0.2, validation: options.validation ?? 0 });
  const strategy = options.strategy ?? { kind: 'random' };
  if (strategy.kind !== 'random' && strategy.by.valid.length !== rowCount) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `split: column "${strategy.by.name}" has ${strategy.by.valid.length} rows, the table ${rowCount}`,
    );
  }
  const random = createRandom(options.seed).fork('split');
  switch (strategy.kind) {
    case 'random':
      return cut(random.shuffle(rows), sizes, []);
    case 'stratified':
      return splitStratified(rows, { by: strategy.by, sizes, random });
    case 'grouped':
      return splitGrouped(rows, { by: strategy.by, sizes, random });
    case 'time':
      return splitByTime(rows, { by: strategy.by, sizes });
    default:
      return strategy satisfies never;
  }
}

function checkRows(rowCount: number, rows: ArrayLike<number>): Uint32Array<ArrayBuffer> {
  const sorted = Uint32Array.from(rows).sort();
  sorted.forEach((row, i) => {
    if (row < rowCount && row !== sorted[i + 1]) return;
    const what = row < rowCount ? 'comes twice' : `is outside the table's ${rowCount}`;
    throw new AmaasError('INVALID_ARGUMENT', `split: row ${row} of the rows to split ${what}`);
  });
  return sorted;
}

/** The first rows to test, the next to validate, the rest to train. */
function cut(order: Uint32Array, sizes: PartSizes, findings: readonly DataFinding[]): Split {
  const testEnd = sizes.test;
  const validationEnd = testEnd + sizes.validation;
  return {
    test: order.slice(0, testEnd).sort(),
    validation: order.slice(testEnd, validationEnd).sort(),
    train: order.slice(validationEnd).sort(),
    findings,
  };
}

/** Rows by the value of a column, in order of appearance. */
function groupRows(rows: Uint32Array, by: Column, options: { readonly missing: 'together' | 'apart' }): number[][] {
  const groups = new Map<Cell, number[]>();
  const alone: number[][] = [];
  for (const row of rows) {
    const cell = readCell(by, row);
    if (cell === null && options.missing === 'apart') {
      alone.push([row]);
      continue;
    }
    const group = groups.get(cell);
    if (group === undefined) groups.set(cell, [row]);
    else group.push(row);
  }
  return [...groups.values(), ...alone];
}

function splitStratified(
  rows: Uint32Array,
  { by, sizes, random }: { readonly by: Column; readonly sizes: PartSizes; readonly random: Random },
): Split {
  const classes = groupRows(rows, by, { missing: 'together' }).map((members) => random.shuffle(members));
  const smallest = Math.min(...[sizes.test, sizes.validation, sizes.train].filter((size) => size > 0));
  if (classes.length > smallest) {
    throw new AmaasError(
      'INVALID_DATA',
      `split: column "${by.name}" has ${classes.length} classes, but the smallest part only ${smallest} rows; ` +
        'enlarge the part, or split at random',
    );
  }
  const partCount = 1 + Number(sizes.test > 0) + Number(sizes.validation > 0);
  const test = drawClasses(classes, sizes.test, partCount);
  const validation = drawClasses(classes, sizes.validation, partCount - Number(sizes.test > 0));
  const train = classes.flat();
  const rare = classes.filter(
    (left, i) => left.length + (test[i]?.length ?? 0) + (validation[i]?.length ?? 0) < partCount,
  );
  const findings: DataFinding[] = [];
  if (rare.length > 0) {
    findings.push({
      severity: 'warning',
      code: 'rare-class',
      column: by.name,
      message:
        `${countOf(rare.length, 'class', 'classes')} of "${by.name}" ${rare.length === 1 ? 'has' : 'have'} too few rows ` +
        'to be in every part; training got them first. Collect more rows or merge the classes',
    });
  }
  return {
    train: Uint32Array.from(train).sort(),
    validation: Uint32Array.from(validation.flat()).sort(),
    test: Uint32Array.from(test.flat()).sort(),
    findings,
  };
}

/** Takes a part's rows from the end of each class's shuffled rows. */
function drawClasses(classes: readonly number[][], seats: number, minSize: number): number[][] {
  if (seats === 0) return classes.map(() => []);
  const allotted = allotStratifiedSeats(
    classes.map((members) => members.length),
    seats,
    minSize,
  );
  return classes.map((members, i) => members.splice(members.length - (allotted[i] ?? 0)));
}

function splitGrouped(
  rows: Uint32Array,
  { by, sizes, random }: { readonly by: Column; readonly sizes: PartSizes; readonly random: Random },
): Split {
  const groups = random.shuffle(groupRows(rows, by, { missing: 'apart' }));
  const partCount = 1 + Number(sizes.test > 0) + Number(sizes.validation > 0);
  if (groups.length < partCount) {
    throw new AmaasError(
      'INVALID_DATA',
      `split: column "${by.name}" has ${countOf(groups.length, 'group')}, too few for ${partCount} parts; ` +
        'group by another column',
    );
  }
  // One group is kept for each part still to come.
  const test = drawGroups(groups, sizes.test, partCount - 1);
  const validation = drawGroups(groups, sizes.validation, 1);
  const split = {
    train: Uint32Array.from(groups.flat()).sort(),
    validation: Uint32Array.from(validation).sort(),
    test: Uint32Array.from(test).sort(),
  };
  return { ...split, findings: compareSizes(split, sizes, `rows with the same "${by.name}" stay together`) };
}

/** Adds whole groups, in their shuffled order, while each brings the part nearer to its size. */
function drawGroups(groups: number[][], size: number, keep: number): number[] {
  const drawn: number[] = [];
  if (size === 0) return drawn;
  for (let i = 0; i < groups.length && groups.length > keep; ) {
    const group = groups[i] ?? [];
    const isNearer = Math.abs(drawn.length + group.length - size) < size - drawn.length;
    if (drawn.length === 0 || isNearer) {
      drawn.push(...group);
      groups.splice(i, 1);
      if (drawn.length >= size) break;
    } else i++;
  }
  return drawn;
}

function splitByTime(rows: Uint32Array, { by, sizes }: { readonly by: Column; readonly sizes: PartSizes }): Split {
  if (by.kind !== 'timestamp' && by.kind !== 'number') {
    throw new AmaasError('INVALID_DATA', `split: column "${by.name}" holds ${by.kind}s, not times`);
  }
  const missing = rows.filter((row) => by.valid[row] !== 1).length;
  if (missing > 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `split: column "${by.name}" has no time in ${countOf(missing, 'row')}; leave them out, or split otherwise`,
    );
  }
  const timeAt = (row: number | undefined): number => by.values[row ?? -1] ?? Number.NaN;
  // Rows ascend, and sorting is stable: rows of one time stay in the table's order.
  const order = rows.slice().sort((a, b) => timeAt(a) - timeAt(b) || a - b);
  const startOfTime = (position: number): number => {
    let start = position;
    while (start > 0 && start < order.length && timeAt(order[start - 1]) === timeAt(order[position])) start--;
    return start;
  };
  const testStart = startOfTime(sizes.train + sizes.validation);
  const validationStart = Math.min(startOfTime(sizes.train), testStart);
  if (validationStart === 0) {
    throw new AmaasError(
      'INVALID_DATA',
      `split: column "${by.name}" has too few different times to leave any rows for training; split otherwise`,
    );
  }
  const split = {
    train: order.slice(0, validationStart).sort(),
    validation: order.slice(validationStart, testStart).sort(),
    test: order.slice(testStart).sort(),
  };
  return { ...split, findings: compareSizes(split, sizes, `rows of one "${by.name}" stay together`) };
}

function compareSizes(split: Omit<Split, 'findings'>, sizes: PartSizes, why: string): DataFinding[] {
  const { train, validation, test } = split;
  if (test.length === sizes.test && validation.length === sizes.validation) return [];
  const message =
    `${why}: the parts have ${train.length} training, ${validation.length} validation and ${test.length} test rows ` +
    `instead of ${sizes.train}, ${sizes.validation} and ${sizes.test}`;
  return [{ severity: 'info', code: 'split-sizes', message }];
}
