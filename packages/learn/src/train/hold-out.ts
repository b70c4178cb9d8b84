// Rows held out for validation before anything is fitted.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import { assertExamples, assertRowTypes, type RowTypes } from './check-examples.ts';
import { countRows, type Examples, rowNumbers, rowType, selectExamples } from './examples.ts';
import { assertStream, type ExampleStream, isStream } from './stream-batches.ts';

export interface HeldOut {
  readonly training: Examples | ExampleStream;
  readonly validation: Examples | null;
  readonly types: RowTypes;
}

/**
 * Checks the rows and divides them.
 * @param validation - rows, or a share of the examples chosen by `random`
 * @throws INVALID_DATA, INVALID_ARGUMENT for a share that leaves a side without rows
 */
export function holdOut(
  examples: Examples | ExampleStream,
  validation: Examples | number | undefined,
  random: Random,
): HeldOut {
  if (isStream(examples)) assertStream(examples);
  else assertExamples('fit', examples);
  const types = isStream(examples) ? examples : rowTypes(examples);
  if (validation === undefined) return { training: examples, validation: null, types };
  if (typeof validation !== 'number') {
    assertExamples('fit: validation', validation);
    assertRowTypes('fit: validation', validation, types);
    return { training: examples, validation, types };
  }
  if (isStream(examples)) {
    throw new AmaasError('INVALID_ARGUMENT', 'fit: a stream needs validation rows of its own, not a share');
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
    types,
  };
}

function rowTypes({ inputs, target }: Examples): RowTypes {
  return {
    inputs: new Map([...inputs].map(([name, tensor]) => [name, rowType(tensor)])),
    target: rowType(target),
  };
}
