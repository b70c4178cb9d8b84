// Inputs whose elements choose rows of a trained table: what they may be. An id without a row crashes the runtime with its
// own words, and a negative one counts from the end and trains the wrong row.
import { AmaasError, type NamedTensors } from '@amaas/core';
import { nodeOf, sortNodes, type Value } from '../graph/index.ts';

/** Rows of the smallest table that an input's ids choose from, by the input's name. */
export type IdRanges = ReadonlyMap<string, number>;

/** Operations that leave ids as they are. */
const MOVES: ReadonlySet<string> = new Set([
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Identity',
  'Cast',
]);

/**
 * Finds the inputs that go straight into embeddings; what is computed from them first is not looked through.
 * @param given - the network's inputs by name
 */
export function idRangesOf(prediction: Value, given: ReadonlyMap<string, Value>): IdRanges {
  const names = new Map([...given].map(([name, value]) => [value, name]));
  const ranges = new Map<string, number>();
  for (const { operation, inputs, attributes } of sortNodes([prediction])) {
    const [table, ids] = inputs;
    if (operation.name !== 'Gather' || attributes['axis'] !== 0 || table === undefined || ids === undefined) continue;
    const rows = table.shape[0];
    if (table.origin.kind !== 'input' || names.has(table) || typeof rows !== 'number') continue;
    const name = names.get(beforeMoves(ids));
    if (name !== undefined) ranges.set(name, Math.min(rows, ranges.get(name) ?? rows));
  }
  return ranges;
}

/**
 * Checks that ids have rows in their tables.
 * @param what - begins the message: `fit`, `fit: validation`, `predict`; null: whoever catches it says so
 * @throws INVALID_DATA naming input, row and value
 */
export function assertIds(what: string | null, inputs: NamedTensors, ranges: IdRanges): void {
  for (const [name, count] of ranges) {
    const tensor = inputs.get(name);
    if (tensor === undefined) continue;
    const { data, shape } = tensor;
    for (let at = 0; at < data.length; at++) {
      const id = Number(data[at]);
      if (id >= 0 && id < count) continue;
      const row = Math.floor(at / (data.length / (shape[0] ?? 1)));
      throw new AmaasError(
        'INVALID_DATA',
        `${what === null ? '' : `${what}: `}input "${name}" must be ids of 0 … ${count - 1}, as its embedding has ${count} rows; row ${row} has ${id}`,
      );
    }
  }
}

function beforeMoves(value: Value): Value {
  let current = value;
  for (let node = nodeOf(current); node !== null && MOVES.has(node.operation.name); node = nodeOf(current)) {
    const [source] = node.inputs;
    if (source === undefined) break;
    current = source;
  }
  return current;
}
