// Which inputs of a graph are ids that it looks up in a table of its own, and how many rows that has: an id beyond them
// fails the run, or on some runtimes reads what lies behind the table.
import type { OnnxGraph } from '@amaas/learn/onnx';

/** Operators that hand ids on as they are. */
const HANDS_ON = new Set(['Identity', 'Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Transpose']);

/** The rows of the smallest table that each input is looked up in; inputs that are not are left out. */
export function findTableRows(graph: OnnxGraph): ReadonlyMap<string, number> {
  const tables = new Map(graph.initializers.map((tensor) => [tensor.name, tensor.dims]));
  /** Value → the input whose ids it holds. */
  const origins = new Map(graph.inputs.map(({ name }) => [name, name]));
  const found = new Map<string, number>();
  for (const { opType, domain, inputs, outputs, attributes } of graph.nodes) {
    if (domain !== undefined && domain !== '' && domain !== 'ai.onnx') continue;
    const [first = '', indices = ''] = inputs;
    const [output] = outputs;
    const origin = origins.get(first);
    if (HANDS_ON.has(opType) && origin !== undefined && output !== undefined) origins.set(output, origin);
    const table = opType === 'Gather' ? tables.get(first) : undefined;
    const looked = origins.get(indices);
    const axis = Number(attributes?.find(({ name }) => name === 'axis')?.i ?? 0n);
    const rows = table?.[0];
    if (looked === undefined || rows === undefined || axis !== 0) continue;
    found.set(looked, Math.min(Number(rows), found.get(looked) ?? Number.POSITIVE_INFINITY));
  }
  return found;
}
