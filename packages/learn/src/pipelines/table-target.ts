// The column to predict, as numbers to learn from and as words to answer with.
import { AmaasError, createTensor, type Tensor } from '@amaas/core';
import { type Column, readCell, type TargetSummary } from '../data/index.ts';
import type { Head } from '../layers/index.ts';
import { computeMoments } from '../statistics/index.ts';

/** A target and how the network's output is to be read. */
export type TableTarget =
  | {
      readonly task: 'binary' | 'multiclass';
      readonly column: string;
      /** In the order of the network's outputs. */
      readonly classes: readonly string[];
    }
  | {
      readonly task: 'regression';
      readonly column: string;
      /** The network predicts (value − mean) / stdDev. */
      readonly mean: number;
      readonly stdDev: number;
    };

/** @param training - the target's cells of the training part */
export function fitTarget(summary: TargetSummary, training: Column): TableTarget {
  const { task, name } = summary;
  if (task !== 'regression') return { task, column: name, classes: summary.classes.map(({ value }) => value) };
  if (training.kind !== 'number') {
    throw new AmaasError(
      'INVALID_DATA',
      `target: "${name}" must hold numbers for a regression, it holds ${training.kind}s`,
    );
  }
  const { mean, populationVariance } = computeMoments(training.values.filter((_, row) => training.valid[row] === 1));
  return { task, column: name, mean, stdDev: Math.sqrt(populationVariance) || 1 };
}

/** What the network's last layer must give. */
export function headOf(target: TableTarget): Head {
  switch (target.task) {
    case 'binary':
      return { kind: 'binary' };
    case 'multiclass':
      return { kind: 'multiclass', classes: target.classes.length };
    case 'regression':
      return { kind: 'regression' };
    default:
      return target satisfies never;
  }
}

/** Class index of every row, or the numbers themselves. @throws INVALID_DATA for a value that is no class */
export function targetNumbers(target: TableTarget, column: Column): Float64Array {
  const rows = column.valid.length;
  if (target.task === 'regression') return Float64Array.from({ length: rows }, (_, row) => Number(column.values[row]));
  const codes = new Map(target.classes.map((name, index) => [name, index]));
  return Float64Array.from({ length: rows }, (_, row) => {
    const code = codes.get(String(readCell(column, row)));
    if (code === undefined) {
      throw new AmaasError(
        'INVALID_DATA',
        `target: row ${row + 1} of "${target.column}" is ${readCell(column, row)}, which is none of the classes`,
      );
    }
    return code;
  });
}

/** The target as training takes it, [rows]. */
export function targetTensor(target: TableTarget, numbers: Float64Array): Tensor {
  switch (target.task) {
    case 'multiclass':
      return createTensor('int64', [numbers.length], BigInt64Array.from(Array.from(numbers, BigInt)));
    case 'binary':
      return createTensor('float32', [numbers.length], Float32Array.from(numbers));
    case 'regression':
      return createTensor(
        'float32',
        [numbers.length],
        Float32Array.from(numbers, (value) => (value - target.mean) / target.stdDev),
      );
    default:
      return target satisfies never;
  }
}
