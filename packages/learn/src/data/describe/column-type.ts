// Decides what a column is good for. Rules of thumb, each with its reason; the user may overrule them by name.
import type { Column } from '../table/index.ts';
import type { ColumnCounts } from './column-counts.ts';
import type { ColumnType } from './summary.ts';

/** Fewer rows say nothing about whether values repeat. */
const MIN_ROWS_FOR_IDENTIFIER = 20;

/** Share of different values above which text no longer repeats. */
const NEARLY_UNIQUE = 0.95;

/** Words from which on text is prose: categories and names are shorter. */
const WORDS_OF_PROSE = 4;

/** @param sample - the sampled rows of the same column */
export function inferColumnType(counts: ColumnCounts, sample: Column): ColumnType {
  if (counts.presentCount === 0) return 'empty';
  if (counts.distinctCount === 1 && counts.distinctIsExact) return 'constant';
  switch (counts.field.kind) {
    case 'boolean':
      return 'boolean';
    case 'timestamp':
      return 'datetime';
    case 'number':
      return isNumberedIdentifier(counts) ? 'identifier' : 'numeric';
    case 'string':
      return inferTextType(counts, sample);
    default:
      return counts.field.kind satisfies never;
  }
}

/**
 * Whole numbers that never repeat and leave few gaps number the rows. Measurements may all differ too, but then they
 * are not packed that densely, unless the column calls itself an id.
 */
function isNumberedIdentifier(counts: ColumnCounts): boolean {
  const { field, presentCount, distinctCount, distinctIsExact, moments } = counts;
  if (!field.integer || presentCount < MIN_ROWS_FOR_IDENTIFIER) return false;
  if (distinctIsExact ? distinctCount < presentCount : distinctCount < 1000) return false;
  const range = moments.maximum - moments.minimum + 1;
  if (distinctIsExact) return range <= 2 * presentCount || isNamedIdentifier(field.name);
  return range >= presentCount && isNamedIdentifier(field.name);
}

function isNamedIdentifier(name: string): boolean {
  return /(^|[^a-z])(id|uuid|guid|key|index|number|no)$/i.test(name) || /[a-z](Id|ID)$/.test(name);
}

function inferTextType(counts: ColumnCounts, sample: Column): ColumnType {
  let words = 0;
  let present = 0;
  const seen = new Set<string>();
  for (let row = 0; row < sample.valid.length; row++) {
    const text = sample.values[row];
    if (sample.valid[row] !== 1 || typeof text !== 'string') continue;
    present++;
    seen.add(text);
    words += text.split(/\s+/).length;
  }
  const uniqueShare = present === 0 ? 0 : seen.size / present;
  if (uniqueShare > 0.5 && words / present >= WORDS_OF_PROSE) return 'text';
  const nearlyUnique = uniqueShare > NEARLY_UNIQUE && counts.presentCount >= MIN_ROWS_FOR_IDENTIFIER;
  // Numbers kept as text because some cells are none must not pass for identifiers.
  const mostlyNumbers = counts.numbersInTextCount > 0 && counts.numbersInTextCount < counts.presentCount;
  return nearlyUnique && !mostlyNumbers ? 'identifier' : 'categorical';
}

/** Mean length of the strings there are; 0 without any. */
export function meanTextLength(sample: Column): number {
  let length = 0;
  let present = 0;
  for (let row = 0; row < sample.valid.length; row++) {
    const text = sample.values[row];
    if (sample.valid[row] !== 1 || typeof text !== 'string') continue;
    present++;
    length += text.length;
  }
  return present === 0 ? 0 : length / present;
}
