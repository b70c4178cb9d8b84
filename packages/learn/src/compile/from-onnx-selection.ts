// ONNX's choosing and scattering operators as graph operations.
import {
  add,
  cast,
  constantOf,
  equal,
  gather,
  gatherElements,
  gatherNd,
  less,
  normalizeAxis,
  reshape,
  scatterElementsAdd,
  scatterNdAdd,
  slice,
  unsqueeze,
  where,
} from '../graph/index.ts';
import type { Bound, Converters, NodeContext } from './from-onnx-node.ts';
import { MAX_LISTED, sizesOperand } from './from-onnx-shaping.ts';

export const SELECTION: Converters = {
  Gather: gatherNode,
  GatherND(context) {
    if (context.int('batch_dims', 0) !== 0) throw context.unsupported('gathers batch by batch');
    return gatherNd(context.value(0), context.value(1));
  },
  ScatterND(context) {
    if (context.text('reduction', 'none') !== 'add')
      throw context.unsupported('scatters in another way than by adding');
    return scatterNdAdd(context.value(0), context.value(1), context.value(2));
  },
  GatherElements: (context) => gatherElements(context.value(0), context.value(1), context.int('axis', 0)),
  ScatterElements(context) {
    if (context.text('reduction', 'none') !== 'add')
      throw context.unsupported('scatters in another way than by adding');
    const updates = context.value(2);
    return scatterElementsAdd(context.value(0), context.value(1), { updates, axis: context.int('axis', 0) });
  },
  OneHot(context) {
    const given = context.value(0);
    const depth = context.number(1) ?? 0;
    if (!(depth >= 0 && depth <= MAX_LISTED)) throw context.invalid(`has a depth of ${depth}`);
    const values = context.value(2);
    const rank = given.shape.length + 1;
    const axis = normalizeAxis(context.int('axis', -1), rank, 'OneHot');
    const whole = cast(given, 'int64');
    const positive = where(less(whole, 0), add(whole, depth), whole);
    const positions = constantOf(
      'int64',
      [depth],
      Array.from({ length: depth }, (_, index) => index),
    );
    const lying = reshape(
      positions,
      Array.from({ length: rank }, (_, each) => (each === axis ? depth : 1)),
    );
    const off = reshape(slice(values, 0, 0, 1), []);
    const on = reshape(slice(values, 0, 1, 2), []);
    return where(equal(unsqueeze(positive, axis), lying), on, off);
  },
};

function gatherNode(context: NodeContext): Bound {
  const list = sizesOperand(context);
  if (list === null) return gather(context.value(0), context.value(1), context.int('axis', 0));
  const indices = context.value(1);
  const positions = context.numbers(1) ?? [];
  const chosen = positions.map((position) => {
    const size = list.sizes.at(position);
    if (size === undefined) throw context.invalid(`reads size ${position} of [${list.sizes}]`);
    return size;
  });
  return { kind: 'sizes', sizes: chosen, isScalar: indices.shape.length === 0 };
}
