// ONNX's branches and loops as graph operations. A branch is chosen when the model is read where its condition is known
// then; else both are computed and one is kept, which is the same for operators that have no effects.
import { loop, reshape, sameShape, scalar, scan, type Value, where } from '../graph/index.ts';
import type { Bound, Converters, NodeContext } from './from-onnx-node.ts';

export const CONTROL: Converters = {
  If: branch,
  Loop: loopWhile,
  Scan: scanOver,
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

function scanOver(context: NodeContext): readonly Value[] {
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

function loopWhile(context: NodeContext): readonly Value[] {
  const body = context.graph('body');
  const states = context.operands.slice(2).map((_, index) => context.value(index + 2));
  if (body.outputs.length > states.length + 1) throw context.unsupported('stacks results of its steps');
  const most = context.optional(0);
  const begins = context.optional(1);
  // ONNX has both as scalars or as lists of one.
  const asScalar = (value: Value): Value => reshape(value, []);
  return loop(
    states,
    (before, index) => {
      const values = [index, scalar('bool', 1), ...before];
      const given = new Map<string, Bound>(body.inputs.map(({ name }, at) => [name, values[at] ?? index]));
      const [goesOn = index, ...after] = context.convertGraph(body, given);
      return { goesOn: asScalar(goesOn), states: after };
    },
    {
      most: most === undefined ? Number.MAX_SAFE_INTEGER : asScalar(most),
      ...(begins === undefined ? {} : { begins: asScalar(begins) }),
      name: context.label,
    },
  );
}
