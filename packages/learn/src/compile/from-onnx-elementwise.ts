// ONNX's elementwise operators as graph operations: arithmetic, logic, activations, casts.
import {
  abs,
  add,
  and,
  cast,
  ceil,
  cos,
  div,
  elu,
  equal,
  erf,
  exp,
  floor,
  gelu,
  greater,
  greaterOrEqual,
  hardSigmoid,
  hardSwish,
  isNan,
  leakyRelu,
  less,
  lessOrEqual,
  log,
  maximum,
  minimum,
  mish,
  mod,
  mul,
  neg,
  not,
  or,
  pow,
  prelu,
  reciprocal,
  relu,
  reshape,
  round,
  selu,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  softsign,
  sqrt,
  sub,
  tanh,
  type Value,
  where,
} from '../graph/index.ts';
import type { Converter, Converters, NodeContext } from './from-onnx-node.ts';
import { sizesOperand } from './from-onnx-shaping.ts';

export const ELEMENTWISE: Converters = {
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(div),
  Mod(context) {
    if (context.int('fmod', 0) === 1) throw context.unsupported('takes the sign of the dividend');
    return mod(context.value(0), context.value(1));
  },
  Pow: binary((a, b) => pow(a, cast(b, a.dtype))),
  Equal: binary(equal),
  Greater: binary(greater),
  GreaterOrEqual: binary(greaterOrEqual),
  Less: binary(less),
  LessOrEqual: binary(lessOrEqual),
  And: binary(and),
  Or: binary(or),
  Xor: binary((a, b) => not(equal(a, b))),
  PRelu: binary(prelu),
  Max: variadic(maximum),
  Min: variadic(minimum),
  Sum: variadic(add),
  Mean: (context) => mul(context.values().reduce(add), 1 / context.operands.length),
  Not: unary(not),
  Neg: unary(neg),
  Abs: unary(abs),
  Sign: unary(sign),
  Floor: unary(floor),
  Ceil: unary(ceil),
  Round: unary(round),
  Exp: unary(exp),
  Log: unary(log),
  Sqrt: unary(sqrt),
  Reciprocal: unary(reciprocal),
  Sin: unary(sin),
  Cos: unary(cos),
  Tan: unary((x) => div(sin(x), cos(x))),
  Tanh: unary(tanh),
  Sigmoid: unary(sigmoid),
  Softplus: unary(softplus),
  Softsign: unary(softsign),
  Erf: unary(erf),
  Relu: unary(relu),
  IsNaN: unary(isNan),
  Mish: unary(mish),
  HardSwish: unary(hardSwish),
  Elu: unary((x, context) => elu(x, context.float('alpha', 1))),
  Celu(context) {
    const alpha = context.float('alpha', 1);
    return mul(elu(mul(context.value(0), 1 / alpha)), alpha);
  },
  LeakyRelu: unary((x, context) => leakyRelu(x, context.float('alpha', 0.01))),
  ThresholdedRelu: unary((x, context) => where(greater(x, context.float('alpha', 1)), x, 0)),
  Selu: unary((x, context) => selu(x, context.float('alpha', 1.6732632), context.float('gamma', 1.050701))),
  HardSigmoid: unary((x, context) => hardSigmoid(x, context.float('alpha', 0.2), context.float('beta', 0.5))),
  Gelu: unary((x, context) => gelu(x, context.text('approximate', 'none') === 'tanh' ? 'tanh' : 'none')),
  Swish(context) {
    const alpha = context.float('alpha', 1);
    const x = context.value(0);
    return alpha === 1 ? silu(x) : mul(x, sigmoid(mul(x, alpha)));
  },
  Shrink(context) {
    const x = context.value(0);
    const [lambda, bias] = [context.float('lambd', 0.5), context.float('bias', 0)];
    return where(less(x, -lambda), add(x, bias), where(greater(x, lambda), sub(x, bias), 0));
  },
  Clip(context) {
    // Until opset 10 the bounds were attributes.
    const bound = (index: number, name: string): Value | number | undefined =>
      context.opset < 11 ? context.attribute(name)?.f : context.optional(index);
    const [low, high] = [bound(1, 'min'), bound(2, 'max')];
    const raised = low === undefined ? context.value(0) : maximum(context.value(0), low);
    return high === undefined ? raised : minimum(raised, high);
  },
  Where: (context) => where(context.value(0), context.value(1), context.value(2)),
  Cast(context) {
    const sizes = sizesOperand(context);
    const to = context.dtype('to', 'int64');
    return sizes !== null && (to === 'int64' || to === 'int32') ? sizes : cast(context.value(0), to);
  },
  CastLike: binary((x, like) => cast(x, like.dtype)),
};

function unary(convert: (x: Value, context: NodeContext) => Value): Converter {
  return (context) => convert(context.value(0), context);
}

function binary(convert: (a: Value, b: Value) => Value): Converter {
  return (context) => convert(context.value(0), aligned(context));
}

/** Before opset 7 an attribute said along which axis of the first operand the second one lies. */
function aligned(context: NodeContext): Value {
  const [a, b] = [context.value(0), context.value(1)];
  if (context.opset >= 7 || context.int('broadcast', 0) === 0) return b;
  const axis = context.int('axis', a.shape.length - b.shape.length);
  const trailing = a.shape.length - axis - b.shape.length;
  return trailing <= 0 ? b : reshape(b, [...b.shape, ...new Array<number>(trailing).fill(1)]);
}

function variadic(combine: (a: Value, b: Value) => Value): Converter {
  return (context) => context.values().reduce((a, b) => combine(a, b));
}
