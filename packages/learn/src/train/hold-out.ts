// Rows held out for validation before anything is fitted.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import { assertExamples, assertRowTypes, type RowTypes, rowTypes } from './check-examples.ts';
import { isParts, type TrainingRows } from './example-parts.ts';
import { countRows, type Examples, rowNumbers, selectExamples } from './examples.ts';
import { assertStream, isStream } from './stream-batches.ts';

export interface HeldOut {
  readonly training: TrainingRows;
  readonly validation: Examples | null;
}

/**
 * Checks the rows and divides them.
 * @param validation - rows, or a share of the examples chosen by `random`
 * @throws INVALID_DATA, INVALID_ARGUMENT for a share that leaves a side without rows
 */
export function holdOut(examples: TrainingRows, validation: Examples | number | undefined, random: Random): HeldOut {
  const types = checkedTypes(examples);
  if (validation === undefined) return { training: examples, validation: null };
  if (typeof validation !== 'number') {
    assertExamples('fit: validation', validation);
    assertRowTypes('fit: validation', validation, types);
    return { training: examples, validation };
  }
  if (isStream(examples) || isParts(examples)) {
    const what = isStream(examples) ? 'a stream needs validation rows of its' : 'parts need validation rows of their';
    throw new AmaasError('INVALID_ARGUMENT', `fit: ${what} own, not a share`);
  }
  const rows = countRows(examples);
  const held = Math.round(rows * validation);
  if (!(validation > 0 && validation < 1) || held === 0 || held === rows) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `fit: validation must leave rows on both sides of ${rows}, got ${validation}`,
    );
  }
  const order = random.fork('validation').shuffle(rowNumbers(rows));
  return {
    training: selectExamples(examples, order.subarray(held).toSorted()),
    validation: selectExamples(examples, order.subarray(0, held).toSorted()),
  };
}

function checkedTypes(examples: TrainingRows): RowTypes {
  if (isStream(examples)) {
    assertStream(examples);
    return examples;
  }
  const parts = isParts(examples) ? examples.parts.map((part) => part.examples) : [examples];
  for (const [index, part] of parts.entries()) assertExamples(isParts(examples) ? `fit: part ${index}` : 'fit', part);
  const [first] = parts;
  if (first === undefined) throw new AmaasError('INVALID_DATA', 'fit: there are no parts');
  return rowTypes(first);
}
