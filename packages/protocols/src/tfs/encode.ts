// Replies to `:predict`: a model's outputs as `predictions`, one value or object per row, or as `outputs`.
// Source: tensorflow/serving, tensorflow_serving/util/json_tensor.cc.
import { AmaasError, type NamedTensors, type Tensor } from '@amaas/core';
import { JsonWriter, type TensorStyle, tensorPartWriter } from '../json/index.ts';
import type { PredictFormat } from './decode.ts';

/** String outputs whose names end so are bytes, not text. */
const BYTES_SUFFIX = '_bytes';

/**
 * Encodes the reply to a `:predict` call in the format of its request, in pieces that belong to the caller.
 * @throws INVALID_ARGUMENT for outputs that have no common rows in row format, UNSUPPORTED_TENSOR for those without a JSON form.
 */
export function encodePredict(outputs: NamedTensors, format: PredictFormat): Uint8Array<ArrayBuffer>[] {
  if (outputs.size === 0) throw new AmaasError('INVALID_ARGUMENT', 'Cannot convert empty tensor map to JSON');
  const writer = new JsonWriter();
  if (format === 'row') writeRows(writer, outputs);
  else writeColumns(writer, outputs);
  return writer.takePieces();
}

function writeRows(writer: JsonWriter, outputs: NamedTensors): void {
  const rowCount = countRows(outputs);
  const columns = [...outputs].map(([name, tensor]) => {
    const rowShape = tensor.shape.slice(1);
    const rowSize = rowShape.reduce((product, dim) => product * dim, 1);
    const write = outputWriter(writer, name, tensor);
    return { name, writeRow: (row: number) => write(row * rowSize, rowShape) };
  });
  writer.raw('{"predictions":[');
  for (let row = 0; row < rowCount; row++) {
    if (row > 0) writer.raw(',');
    writeNamed(writer, columns, (column) => column.writeRow(row));
  }
  writer.raw(']}');
}

function writeColumns(writer: JsonWriter, outputs: NamedTensors): void {
  const columns = [...outputs].map(([name, tensor]) => ({ name, tensor }));
  writer.raw('{"outputs":');
  writeNamed(writer, columns, ({ name, tensor }) => outputWriter(writer, name, tensor)(0, tensor.shape));
  writer.raw('}');
}

/** One output bare, several as an object. */
function writeNamed<T extends { readonly name: string }>(
  writer: JsonWriter,
  columns: readonly T[],
  writeValue: (column: T) => void,
): void {
  const [only] = columns;
  if (only !== undefined && columns.length === 1) {
    writeValue(only);
    return;
  }
  for (const [index, column] of columns.entries()) {
    writer
      .raw(index === 0 ? '{' : ',')
      .string(column.name)
      .raw(':');
    writeValue(column);
  }
  writer.raw('}');
}

/** The rows all outputs have in common. */
function countRows(outputs: NamedTensors): number {
  let rowCount: number | null = null;
  for (const [name, { shape }] of outputs) {
    const [rows] = shape;
    if (rows === undefined) {
      throw new AmaasError('INVALID_ARGUMENT', `Tensor name: ${name} has no shape information`);
    }
    if (rowCount !== null && rows !== rowCount) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `Tensor name: ${name} has inconsistent batch size: ${rows} expecting: ${rowCount}`,
      );
    }
    rowCount = rows;
  }
  return rowCount ?? 0;
}

/** What writes parts of an output, its name in the errors. */
function outputWriter(
  writer: JsonWriter,
  name: string,
  tensor: Tensor,
): (first: number, shape: readonly number[]) => void {
  const style: TensorStyle = {
    layout: 'nested',
    wholeNumbersKeepPoint: true,
    nonFinite: 'bare',
    strings: name.endsWith(BYTES_SUFFIX) ? 'b64' : 'text',
  };
  const named = <T>(write: () => T): T => {
    try {
      return write();
    } catch (thrown) {
      if (!(thrown instanceof AmaasError)) throw thrown;
      throw new AmaasError(thrown.reason, `Tensor name: ${name}: ${thrown.message}`);
    }
  };
  const write = named(() => tensorPartWriter(writer, tensor, style));
  return (first, shape) => named(() => write(first, shape));
}
