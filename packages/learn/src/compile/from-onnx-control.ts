// ONNX's branches and loops as graph operations. A branch is chosen when the model is read where its condition is known
// then; else both are computed and one is kept, which is the same for operators that have no effects.
import { sameShape, scan, type Value, where } from '../graph/index.ts';
import type { Bound, Converters, NodeContext } from './from-onnx-node.ts';

export const CONTROL: Converters = {
  If: branch,
  Scan: loop,
};

function branch(context: NodeContext): readonly Value[] {
  const condition = context.value(0);
  const take = (name: string): readonly Value[] => context.convertGraph(context.graph(name), new Map());
  if (condition.origin.kind === 'constant') {
    return take(context.numbers(0)?.[0] === 1 ? 'then_branch' : 'else_branch');
  }
  const otherwise = take('else_branch');
  return take('then_branch').map((value, index) => {
    const other = otherwise[index];
    if (other === undefined || other.dtype !== value.dtype || !sameShape(other.shape, value.shape)) {
      throw context.unsupported('has branches whose results differ in dtype or shape');
    }
    return where(condition, value, other);
  });
}

function loop(context: NodeContext): readonly Value[] {
  if (context.opset < 9) throw context.unsupported('has a batch axis, as opset 8 had');
  const body = context.graph('body');
  const sequenceCount = context.int('num_scan_inputs', 1);
  const operands = context.values();
  const stateCount = operands.length - sequenceCount;
  const directions = new Set([
    ...(context.ints('scan_input_directions') ?? new Array<number>(sequenceCount).fill(0)),
    ...(context.ints('scan_output_directions') ?? new Array<number>(body.outputs.length - stateCount).fill(0)),
  ]);
  const axes = [...(context.ints('scan_input_axes') ?? []), ...(context.ints('scan_output_axes') ?? [])];
  if (directions.size > 1) throw context.unsupported('runs in both directions at once');
  if (axes.some((axis) => axis !== 0)) throw context.unsupported('runs along another axis than the first');
  const { states, outputs } = scan(
    operands.slice(0, stateCount),
    operands.slice(stateCount),
    (before, elements) => {
      const names = body.inputs.map(({ name }) => name);
      const given = new Map<string, Bound>();
      for (const [index, value] of [...before, ...elements].entries()) given.set(names[index] ?? '', value);
      const results = context.convertGraph(body, given);
      return { states: results.slice(0, stateCount), outputs: results.slice(stateCount) };
    },
    { reverse: directions.has(1) },
  );
  return [...states, ...outputs];
}
