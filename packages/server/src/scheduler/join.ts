// Joining the rows of several requests into one run, and giving each its own rows back.
// Requests that reach here agree in names, dtypes and all dims but the first.
import { AmaasError, DTYPE_BITS, formatShape, type NamedTensors, type Tensor, TYPED_ARRAYS } from '@amaas/core';

/** Rows of each request, in the order they stand in the batch. */
export type RowCounts = readonly number[];

/** Concatenates along axis 0 into fresh buffers. A single request's tensors are returned as they are. */
export function joinRows(requests: readonly NamedTensors[]): NamedTensors {
  const [first] = requests;
  if (first === undefined) throw new AmaasError('INTERNAL', 'join: no requests');
  if (requests.length === 1) return first;
  const joined = new Map<string, Tensor>();
  for (const name of first.keys()) {
    joined.set(name, joinTensors(name, requests));
  }
  return joined;
}

function joinTensors(name: string, requests: readonly NamedTensors[]): Tensor {
  const tensors = requests.map((request) => {
    const tensor = request.get(name);
    if (tensor === undefined) throw new AmaasError('INTERNAL', `join: input "${name}" is missing in one request`);
    return tensor;
  });
  const [first] = tensors;
  if (first === undefined) throw new AmaasError('INTERNAL', 'join: no tensors');
  let rows = 0;
  for (const tensor of tensors) rows += tensor.shape[0] ?? 0;
  const shape = [rows, ...first.shape.slice(1)];
  if (first.dtype === 'string') {
    const data: Uint8Array[] = [];
    for (const tensor of tensors) if (tensor.dtype === 'string') data.push(...tensor.data);
    return { dtype: 'string', shape, data };
  }
  let length = 0;
  for (const tensor of tensors) length += tensor.data.length;
  const data = new TYPED_ARRAYS[first.dtype](length);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  for (const tensor of tensors) {
    if (tensor.dtype === 'string') throw new AmaasError('INTERNAL', `join: input "${name}" mixes strings and numbers`);
    bytes.set(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength), offset);
    offset += tensor.data.byteLength;
  }
  return { dtype: first.dtype, shape, data } as Tensor; // `data` was made by that dtype's own constructor
}

/**
 * Splits the outputs of a joined run; the parts are views, not copies.
 * @throws INTERNAL when an output does not have one row per input row: quarantine had proven otherwise.
 */
export function splitRows(outputs: NamedTensors, rowCounts: RowCounts): NamedTensors[] {
  if (rowCounts.length === 1) return [outputs];
  let total = 0;
  for (const rows of rowCounts) total += rows;
  const parts = rowCounts.map(() => new Map<string, Tensor>());
  for (const [name, tensor] of outputs) {
    if (tensor.shape[0] !== total) {
      throw new AmaasError(
        'INTERNAL',
        `split: output "${name}" has shape ${formatShape(tensor.shape)} for ${total} rows`,
      );
    }
    const perRow = total === 0 ? 0 : tensor.data.length / total;
    let start = 0;
    for (let index = 0; index < parts.length; index++) {
      const rows = rowCounts[index] ?? 0;
      parts[index]?.set(name, sliceRows(tensor, { start: start * perRow, end: (start + rows) * perRow, rows }));
      start += rows;
    }
  }
  return parts;
}

function sliceRows(
  tensor: Tensor,
  range: { readonly start: number; readonly end: number; readonly rows: number },
): Tensor {
  const shape = [range.rows, ...tensor.shape.slice(1)];
  const data =
    tensor.dtype === 'string'
      ? tensor.data.slice(range.start, range.end)
      : tensor.data.subarray(range.start, range.end);
  return { dtype: tensor.dtype, shape, data } as Tensor; // the part of a dtype's data is that dtype's data
}

/** Whether rows of this dtype can be cut apart: packed elements may share a byte across rows. */
export function hasWholeByteRows(dtype: Tensor['dtype']): boolean {
  return dtype === 'string' || DTYPE_BITS[dtype] % 8 === 0;
}
