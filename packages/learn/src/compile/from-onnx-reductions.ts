// ONNX's reductions, softmax and matrix products as graph operations that can be differentiated.
import {
  abs,
  add,
  argMax,
  argMin,
  constantOf,
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
  sizeAt,
  softmax,
  sqrt,
  square,
  staticShape,
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
  CumSum: cumulate,
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

/** A product with a triangle of ones. */
function cumulate(context: NodeContext): Value {
  const x = context.value(0);
  const axis = normalizeAxis(context.number(1) ?? 0, x.shape.length, 'CumSum');
  const [size = 1] = staticShape([sizeAt(x.shape, axis, 'CumSum')], 'CumSum');
  const exclusive = context.int('exclusive', 0) === 1;
  const reverse = context.int('reverse', 0) === 1;
  const ones = Array.from({ length: size * size }, (_, index) => {
    const distance = (index % size) - Math.floor(index / size);
    const along = reverse ? -distance : distance;
    return Number(exclusive ? along > 0 : along >= 0);
  });
  const triangle = constantOf(x.dtype, [size, size], ones);
  const axes = [...x.shape.keys()];
  const swap = axes.with(axis, axes.length - 1).with(-1, axis);
  const last = transpose(x, swap);
  const summed = last.shape.length === 1 ? multiply(last, triangle) : matMul(last, triangle);
  return transpose(summed, swap);
}
