// The models of the executor contract: few operators, small enough to know the answers by heart.
import {
  EXTERNAL_DATA,
  graphAttribute,
  intAttribute,
  onnxCodeOf,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
  onnxFromTensor,
  tensorValueInfo,
  writeModel,
} from '@amaas/learn/onnx';
import type { Dim, DType, Tensor } from '../index.ts';
import { floats } from './executor-case.ts';

export interface GraphParts {
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** Bytes of a model file, opset 19, IR 9. */
export function modelOf(parts: GraphParts): Uint8Array {
  return writeModel({
    irVersion: 9,
    producerName: 'amaas tests',
    opsetImports: [{ version: 19 }],
    graph: graphOf('main', parts),
  });
}

function graphOf(name: string, { nodes, initializers = [], inputs, outputs }: GraphParts): OnnxGraph {
  return { name, nodes, initializers, inputs, outputs };
}

export function node(opType: string, inputs: readonly string[], outputs: readonly string[]): OnnxNode {
  return { opType, inputs, outputs };
}

/** y = x. */
export function identityModel(dtype: DType, shape: readonly Dim[] | null): Uint8Array {
  return modelOf({
    nodes: [node('Identity', ['x'], ['y'])],
    inputs: [tensorValueInfo('x', dtype, shape)],
    outputs: [tensorValueInfo('y', dtype, shape)],
  });
}

/** y = relu(x·W), `x [N, 4]`, `y [N, 3]`, W = [-3 -1 1], [-2 0 2], [-1 1 3], [0 2 -3] quarters. */
export function layerModel(): Uint8Array {
  const weights = floats(
    [4, 3],
    [-3, -1, 1, -2, 0, 2, -1, 1, 3, 0, 2, -3].map((quarters) => quarters / 4),
  );
  return modelOf({
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Relu', ['h'], ['y'])],
    initializers: [onnxFromTensor('w', weights)],
    inputs: [tensorValueInfo('x', 'float32', ['N', 4])],
    outputs: [tensorValueInfo('y', 'float32', ['N', 3])],
  });
}

/** sum = a + b, difference = a − b, product = a · b, each `[2]`. */
export function arithmeticModel(): Uint8Array {
  const vector = (name: string): OnnxValueInfo => tensorValueInfo(name, 'float32', [2]);
  return modelOf({
    nodes: [
      node('Add', ['a', 'b'], ['sum']),
      node('Sub', ['a', 'b'], ['difference']),
      node('Mul', ['a', 'b'], ['product']),
    ],
    inputs: [vector('a'), vector('b')],
    outputs: [vector('sum'), vector('difference'), vector('product')],
  });
}

/** `constructor` = `__proto__` + `toString`, `valueOf` = −`__proto__`: names that trip over JavaScript's own. */
export function namesModel(): Uint8Array {
  const vector = (name: string): OnnxValueInfo => tensorValueInfo(name, 'float32', [2]);
  return modelOf({
    nodes: [node('Add', ['__proto__', 'toString'], ['constructor']), node('Neg', ['__proto__'], ['valueOf'])],
    inputs: [vector('__proto__'), vector('toString')],
    outputs: [vector('constructor'), vector('valueOf')],
  });
}

/**
 * Gradient descent with momentum on ½(p − target)², as a training step: `nextMoment` = moment / 2 + (p − target),
 * `nextP` = p − rate · nextMoment, `loss` = (p − target)² per element.
 */
export function trainingModel(): Uint8Array {
  const vector = (name: string): OnnxValueInfo => tensorValueInfo(name, 'float32', [2]);
  return modelOf({
    nodes: [
      node('Sub', ['p', 'target'], ['gradient']),
      node('Mul', ['gradient', 'gradient'], ['loss']),
      node('Mul', ['moment', 'half'], ['kept']),
      node('Add', ['kept', 'gradient'], ['nextMoment']),
      node('Mul', ['rate', 'nextMoment'], ['change']),
      node('Sub', ['p', 'change'], ['nextP']),
    ],
    initializers: [onnxFromTensor('half', floats([], [0.5]))],
    inputs: [vector('p'), vector('moment'), vector('target'), tensorValueInfo('rate', 'float32', [])],
    outputs: [vector('nextP'), vector('nextMoment'), vector('loss')],
  });
}

/** Scan over the rows of `x [T, 2]`: `total` = start + all rows, `running [T, 2]` = the sums so far. */
export function scanModel(): Uint8Array {
  const vector = (name: string): OnnxValueInfo => tensorValueInfo(name, 'float32', [2]);
  const body = graphOf('body', {
    nodes: [node('Add', ['state', 'row'], ['nextState']), node('Identity', ['nextState'], ['soFar'])],
    inputs: [vector('state'), vector('row')],
    outputs: [vector('nextState'), vector('soFar')],
  });
  const scan: OnnxNode = {
    ...node('Scan', ['start', 'x'], ['total', 'running']),
    attributes: [graphAttribute('body', body), intAttribute('num_scan_inputs', 1)],
  };
  return modelOf({
    nodes: [scan],
    inputs: [vector('start'), tensorValueInfo('x', 'float32', ['T', 2])],
    outputs: [vector('total'), tensorValueInfo('running', 'float32', ['T', 2])],
  });
}

/** y = condition ? x + x : −x; the branches read x from the graph around them. */
export function branchModel(): Uint8Array {
  const branch = (name: string, opType: string, inputs: readonly string[]): OnnxGraph =>
    graphOf(name, {
      nodes: [node(opType, inputs, [`${name}Result`])],
      inputs: [],
      outputs: [tensorValueInfo(`${name}Result`, 'float32', [2])],
    });
  const choice: OnnxNode = {
    ...node('If', ['condition'], ['y']),
    attributes: [
      graphAttribute('then_branch', branch('then', 'Add', ['x', 'x'])),
      graphAttribute('else_branch', branch('else', 'Neg', ['x'])),
    ],
  };
  return modelOf({
    nodes: [choice],
    inputs: [tensorValueInfo('condition', 'bool', []), tensorValueInfo('x', 'float32', [2])],
    outputs: [tensorValueInfo('y', 'float32', [2])],
  });
}

/** y = row `index` of a table of three rows: fails at run time for any other index. */
export function lookUpModel(): Uint8Array {
  return modelOf({
    nodes: [node('Gather', ['table', 'index'], ['y'])],
    initializers: [onnxFromTensor('table', floats([3, 2], [1, 2, 3, 4, 5, 6]))],
    inputs: [tensorValueInfo('index', 'int64', [1])],
    outputs: [tensorValueInfo('y', 'float32', [1, 2])],
  });
}

/** y = x·x for square matrices: work enough for several threads. */
export function squareModel(): Uint8Array {
  return modelOf({
    nodes: [node('MatMul', ['x', 'x'], ['y'])],
    inputs: [tensorValueInfo('x', 'float32', ['n', 'n'])],
    outputs: [tensorValueInfo('y', 'float32', ['n', 'n'])],
  });
}

/** y = x + w, `[length]`, with the weights stored in the file. */
export function storedModel(weights: Tensor): Uint8Array {
  return modelOf({
    nodes: [node('Add', ['x', 'w'], ['y'])],
    initializers: [onnxFromTensor('w', weights)],
    inputs: [tensorValueInfo('x', 'float32', weights.shape)],
    outputs: [tensorValueInfo('y', 'float32', weights.shape)],
  });
}

/** y = row of a table `[2] uint8` in another file, which a careless runtime finds in its working directory. */
export function externalModel(location: string): Uint8Array {
  return modelOf({
    nodes: [node('Gather', ['table', 'index'], ['y'])],
    initializers: [
      {
        name: 'table',
        dims: [2],
        dataType: onnxCodeOf('uint8'),
        dataLocation: EXTERNAL_DATA,
        externalData: [{ key: 'location', value: location }],
      },
    ],
    inputs: [tensorValueInfo('index', 'int64', [1])],
    outputs: [tensorValueInfo('y', 'uint8', [1])],
  });
}

/** y = the sequence of x alone. */
export function sequenceModel(): Uint8Array {
  const sequence = { sequenceType: { elemType: { tensorType: { elemType: 1 } } } };
  return modelOf({
    nodes: [node('SequenceConstruct', ['x'], ['y'])],
    inputs: [tensorValueInfo('x', 'float32', [2])],
    outputs: [{ name: 'y', type: sequence }],
  });
}
