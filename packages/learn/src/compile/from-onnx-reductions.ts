// ONNX's reductions, softmax and matrix products as graph operations that can be differentiated.
import {
  abs,
  add,
  argMax,
  argMin,
  cumSum,
  einsum,
  fusedOperandPerm,
  log,
  logSoftmax,
  logSumExp,
  matMul,
  mul,
  normalizeAxis,
  type ReduceOptions,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  reshape,
  scaledDotProductAttention,
  softmax,
  sqrt,
  square,
  topK,
  transpose,
  unsqueeze,
  type Value,
} from '../graph/index.ts';
import type { Converter, Converters, NodeContext } from './from-onnx-node.ts';

export const REDUCTIONS: Converters = {
  ReduceSum: reduction(reduceSum),
  ReduceMean: reduction(reduceMean),
  ReduceMax: reduction(reduceMax),
  ReduceMin: reduction(reduceMin),
  ReduceL1: reduction((x, options) => reduceSum(abs(x), options)),
  ReduceL2: reduction((x, options) => sqrt(reduceSum(square(x), options))),
  ReduceSumSquare: reduction((x, options) => reduceSum(square(x), options)),
  ReduceLogSum: reduction((x, options) => log(reduceSum(x, options))),
  ReduceLogSumExp: reduction(logSumExp),
  ArgMax: argReduction(argMax),
  ArgMin: argReduction(argMin),
  Softmax: alongAxis(softmax),
  LogSoftmax: alongAxis(logSoftmax),
  CumSum: (context) =>
    cumSum(context.value(0), context.number(1) ?? 0, {
      exclusive: context.int('exclusive', 0) === 1,
      reverse: context.int('reverse', 0) === 1,
    }),
  Einsum: (context) => einsum(context.text('equation', ''), context.values()),
  TopK(context) {
    const k = context.opset < 10 ? context.int('k', 1) : (context.number(1) ?? 1);
    const options = { axis: context.int('axis', -1), largest: context.int('largest', 1) === 1 };
    const { values, indices } = topK(context.value(0), k, options);
    return [values, indices];
  },
  Attention: attend,
  MatMul: (context) => multiply(context.value(0), context.value(1)),
  Gemm(context) {
    const operand = (index: number, name: string): Value =>
      context.int(name, 0) === 1 ? transpose(context.value(index)) : context.value(index);
    const product = scaled(matMul(operand(0, 'transA'), operand(1, 'transB')), context.float('alpha', 1));
    const addend = context.optional(2);
    return addend === undefined ? product : add(product, scaled(addend, context.float('beta', 1)));
  },
};

/** Of ONNX Runtime's own operator set. */
export const FUSED_PRODUCTS: Converters = {
  FusedMatMul(context) {
    const operand = (index: number, side: string): Value => {
      const x = context.value(index);
      return transpose(
        x,
        fusedOperandPerm(x.shape.length, context.int(`transBatch${side}`, 0), context.int(`trans${side}`, 0)),
      );
    };
    return scaled(matMul(operand(0, 'A'), operand(1, 'B')), context.float('alpha', 1));
  },
};

function scaled(x: Value, factor: number): Value {
  return factor === 1 ? x : mul(x, factor);
}

/** ONNX's MatMul takes vectors too: a row on the left, a column on the right, which go again afterwards. */
function multiply(a: Value, b: Value): Value {
  const left = a.shape.length === 1 ? unsqueeze(a, 0) : a;
  const right = b.shape.length === 1 ? unsqueeze(b, 1) : b;
  const product = matMul(left, right);
  const rank = product.shape.length;
  return reshape(
    product,
    product.shape.filter(
      (_, axis) => !((a.shape.length === 1 && axis === rank - 2) || (b.shape.length === 1 && axis === rank - 1)),
    ),
  );
}

function reduction(reduce: (x: Value, options: ReduceOptions) => Value): Converter {
  return (context) => {
    const x = context.value(0);
    const axes = context.numbers(1) ?? context.ints('axes');
    const keepAxes = context.int('keepdims', 1) === 1;
    if (axes === undefined || axes.length === 0) {
      return context.int('noop_with_empty_axes', 0) === 1 ? x : reduce(x, { keepAxes });
    }
    return reduce(x, { axes, keepAxes });
  };
}

function argReduction(find: (x: Value, axis: number) => Value): Converter {
  return (context) => {
    if (context.int('select_last_index', 0) === 1) throw context.unsupported('asks for the last of equals');
    const x = context.value(0);
    const axis = normalizeAxis(context.int('axis', 0), x.shape.length, context.node.opType);
    const positions = find(x, axis);
    return context.int('keepdims', 1) === 1 ? unsqueeze(positions, axis) : positions;
  };
}

/** Until opset 12 everything from the axis on counted as one axis. */
function alongAxis(normalize: (x: Value, axis: number) => Value): Converter {
  return (context) => {
    const x = context.value(0);
    const rank = x.shape.length;
    if (context.opset >= 13) return normalize(x, context.int('axis', -1));
    const axis = normalizeAxis(context.int('axis', 1), rank, context.node.opType);
    if (axis === rank - 1) return normalize(x, axis);
    const merged = reshape(x, [...x.shape.slice(0, axis), -1]);
    return reshape(normalize(merged, axis), x.shape);
  };
}

/** Of opset 23, in its plain form: as many heads for keys as for queries, nothing kept from before. */
function attend(context: NodeContext): Value {
  const [q, k, v, mask] = [context.value(0), context.value(1), context.value(2), context.optional(3)];
  const plain =
    [4, 5].every((index) => context.operands[index] === undefined) &&
    [1, 2, 3].every((index) => !context.hasOutput(index)) &&
    context.float('softcap', 0) === 0;
  if (q.shape.length !== 4 || q.shape[1] !== k.shape[1] || !plain) {
    throw context.unsupported('is not of the plain form with [batch, heads, time, depth]');
  }
  const scale = context.attribute('scale')?.f;
  return scaledDotProductAttention(q, k, v, {
    causal: context.int('is_causal', 0) === 1,
    ...(mask === undefined ? {} : { mask }),
    ...(scale === undefined ? {} : { scale }),
  });
}
