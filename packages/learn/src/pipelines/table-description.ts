// What a table model says about itself in its file: the columns it takes as the trainer read them, and what it predicts.
// Enough to evaluate it on another file; how columns become features is in the graph alone.
import { AmaasError, type DType } from '@amaas/core';
import { COLUMN_KINDS, type ColumnKind, requireColumn, type Table } from '../data/index.ts';
import { readModel } from '../onnx/index.ts';
import { type ColumnStep, type Preprocessing, rawDType } from '../preprocess/index.ts';
import type { TableTarget } from './table-target.ts';

/** A column that a table model takes. */
export interface TableModelColumn {
  readonly name: string;
  /** What its cells were in the file it was trained on. */
  readonly kind: ColumnKind;
  /** What it is served as. */
  readonly dtype: 'float32' | 'float64' | 'string' | 'bool';
  readonly role: ColumnStep['kind'];
}

/** Plain JSON. */
export interface TableModelDescription {
  readonly format: 'amaas-table-1';
  readonly target: TableTarget;
  readonly columns: readonly TableModelColumn[];
  /** Digest of the data it was trained on, held-out rows included, where there is one. */
  readonly dataDigest?: string;
}

/** Key of the description among the model file's metadata. */
export const TABLE_METADATA = 'amaas.table';

/** @param training - rows of the training part, for the kinds of their columns */
export function describeTableModel(
  { preprocessing, target }: { readonly preprocessing: Preprocessing; readonly target: TableTarget },
  training: Table,
  dataDigest?: string,
): TableModelDescription {
  return {
    format: 'amaas-table-1',
    target,
    ...(dataDigest === undefined ? {} : { dataDigest }),
    columns: preprocessing.steps.map((step) => ({
      name: step.column,
      kind: requireColumn(training, step.column).kind,
      dtype: servedDType(step),
      role: step.kind,
    })),
  };
}

const SERVED_DTYPES = ['float32', 'float64', 'string', 'bool'] as const;

function servedDType(step: ColumnStep): TableModelColumn['dtype'] {
  const dtype: DType = rawDType(step);
  const served = SERVED_DTYPES.find((known) => known === dtype);
  if (served === undefined)
    throw new AmaasError('INTERNAL', `table model: column ${step.column} is served as ${dtype}`);
  return served;
}

/**
 * The description in a model file.
 * @throws INVALID_MODEL when the bytes are no model, or none that was trained from a table by amaas
 */
export function readTableDescription(onnx: Uint8Array): TableModelDescription {
  const text = readModel(onnx).metadata?.find(({ key }) => key === TABLE_METADATA)?.value;
  if (text === undefined) throw noTableModel('the file does not say which columns it takes');
  try {
    return parseTableDescription(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof AmaasError) throw thrown;
    throw noTableModel('what the file says about its columns is not JSON');
  }
}

/** The description from plain JSON, as a model's lineage keeps it. @throws INVALID_MODEL */
export function parseTableDescription(value: unknown): TableModelDescription {
  if (!isRecord(value) || value['format'] !== 'amaas-table-1')
    throw noTableModel('it has no description of its columns');
  const { target, columns, dataDigest } = value;
  if (!isTarget(target) || !Array.isArray(columns) || !columns.every(isColumn)) {
    throw noTableModel('its description of its columns is damaged');
  }
  return {
    format: 'amaas-table-1',
    target,
    columns,
    ...(typeof dataDigest === 'string' ? { dataDigest } : {}),
  };
}

function isTarget(value: unknown): value is TableTarget {
  if (!isRecord(value) || typeof value['column'] !== 'string') return false;
  const { task, classes, mean, stdDev } = value;
  if (task === 'regression') return typeof mean === 'number' && typeof stdDev === 'number';
  const isNamed = Array.isArray(classes) && classes.every((name) => typeof name === 'string');
  return (task === 'binary' || task === 'multiclass') && isNamed;
}

function isColumn(value: unknown): value is TableModelColumn {
  if (!isRecord(value) || typeof value['name'] !== 'string') return false;
  const { kind, dtype, role } = value;
  const isKnown = COLUMN_KINDS.some((known) => known === kind) && SERVED_DTYPES.some((known) => known === dtype);
  return isKnown && typeof role === 'string'; // a role that is not known here is only not treated as one that is
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function noTableModel(why: string): AmaasError {
  return new AmaasError('INVALID_MODEL', `table model: ${why}; expected a model that amaas trained from a table`);
}
