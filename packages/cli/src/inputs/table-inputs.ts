// Rows of a file as the inputs of a model that takes a table column by column, read as the trainer reads files: blanks
// around cells cut off, "no value" in its usual spellings, decimal commas, dates.
import { AmaasError, createTensor, type NamedTensors, type Tensor, TYPED_ARRAYS } from '@amaas/core';
import type { DataSource, Table } from '@amaas/learn/data';
import type { TableReading } from '../training/messages.ts';
import { importInstalled, openSource } from '../training/open-source.ts';
import type { ServedColumn } from './served-table.ts';

/** Rows asked for at once: what `eval` runs at once. */
export const TABLE_BATCH_ROWS = 1024;

export interface TableFile {
  /** Absolute, or a pattern. */
  readonly path: string;
  readonly columns: readonly ServedColumn[];
  /** How the file is read where a look at it does not tell. */
  readonly reading: TableReading;
  readonly signal: AbortSignal;
}

/** The rows of a file, batch by batch, in its order; at least one batch. @throws INVALID_DATA, and as `openTable` */
export async function* readTableInputs({ path, columns, reading, signal }: TableFile): AsyncIterable<NamedTensors> {
  const kinds = columns.flatMap(({ name, kind }) => (kind === undefined ? [] : [[name, kind] as const]));
  const source = await openSource(path, { ...reading, kinds: [...kinds, ...(reading.kinds ?? [])] }, signal);
  try {
    await checkSource(source, columns);
    const { requireColumn } = await importInstalled(() => import('@amaas/learn/data'));
    const { columnTensor } = await importInstalled(() => import('@amaas/learn/preprocess'));
    const names = columns.map(({ name }) => name);
    const tensors = (batch: Table): NamedTensors =>
      new Map(columns.map(({ name, dtype }) => [name, columnTensor(dtype, requireColumn(batch, name))]));
    for await (const batch of source.read({ columns: names, batchRows: TABLE_BATCH_ROWS, signal }))
      yield tensors(batch);
  } finally {
    await source.close();
  }
}

async function checkSource(source: DataSource, columns: readonly ServedColumn[]): Promise<void> {
  const { refuseUnknownColumn } = await importInstalled(() => import('@amaas/learn/data'));
  const kinds = new Map(source.fields.map(({ name, kind }) => [name, kind]));
  for (const { name, dtype } of columns) {
    const kind = kinds.get(name);
    if (kind === undefined) refuseUnknownColumn(`predict on ${source.name}`, name, source.fields);
    if (kind === 'string' && dtype !== 'string')
      throw new AmaasError(
        'INVALID_DATA',
        `predict on ${source.name}: the model takes numbers (${dtype}) as "${name}", the file has text there`,
      );
  }
  if (source.rowCount === 0) throw new AmaasError('INVALID_DATA', `predict on ${source.name}: there are no rows`);
}

/** Answers to batches of rows as one: each tensor's rows after those of the batch before. */
export function joinRows(parts: readonly NamedTensors[]): NamedTensors {
  const [first] = parts;
  if (first === undefined || parts.length === 1) return first ?? new Map();
  return new Map([...first.keys()].map((name) => [name, concatenate(parts.flatMap((part) => part.get(name) ?? []))]));
}

function concatenate(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (first === undefined || first.shape.length === 0) throw differentOutputs();
  const { dtype } = first;
  const shape = [parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0), ...first.shape.slice(1)];
  if (dtype === 'string') {
    const texts = parts.flatMap((part) => (part.dtype === 'string' ? [...part.data] : []));
    return createTensor('string', shape, texts);
  }
  const data = new TYPED_ARRAYS[dtype](parts.reduce((sum, part) => sum + part.data.length, 0));
  let at = 0;
  for (const part of parts) {
    if (part.dtype !== dtype) throw differentOutputs();
    // One dtype, so one kind of array: bigints go where bigints are.
    (data as Float64Array).set(part.data as Float64Array, at);
    at += part.data.length;
  }
  return { dtype, shape, data } as Tensor; // the array is what tensors of this dtype are stored in
}

function differentOutputs(): AmaasError {
  return new AmaasError('INVALID_MODEL', 'predict: the model gave outputs without rows, or others for other rows');
}
