// Whether what a network ends in is what a cross-entropy takes: probabilities, or logits where it is told so. The wrong pair
// trains without a word and learns little, so that it is refused where the graph shows it; what the graph does not show (own
// layers, mixtures) is let through.
import { AmaasError } from '@amaas/core';
import { nodeOf, type Value } from '../graph/index.ts';

export interface EndingOptions {
  readonly loss: string;
  /** The activation whose probabilities the loss is of. */
  readonly activation: 'sigmoid' | 'softmax';
  readonly fromLogits: boolean;
  /** The network's inputs; what else is fed is a parameter. Where they are not known, no layer is known by its weights. */
  readonly inputs: Iterable<Value> | undefined;
}

/** @throws INVALID_GRAPH when the network is known to end in what the loss cannot take */
export function assertEnding(prediction: Value, { loss, activation, fromLogits, inputs }: EndingOptions): void {
  const ending = endingOf(prediction, inputs === undefined ? null : new Set(inputs));
  if (ending === null) return;
  if (ending.operation === 'Softmax' && ending.width === 1) {
    const cure = "binaryCrossentropy with activation: 'sigmoid' takes one unit";
    throw refusal(loss, 'ends in a softmax over one unit, which is always 1', `${cure}, a softmax one per class`);
  }
  const isProbability = ending.operation === 'Sigmoid' || ending.operation === 'Softmax';
  if (fromLogits) {
    if (!isProbability) return;
    const found = `gives probabilities (it ends in ${ending.operation}) and fromLogits expects logits`;
    throw refusal(loss, found, 'take that activation away, or leave fromLogits out');
  }
  if (ending.operation === 'Softmax' || (isProbability && activation === 'sigmoid')) return;
  const found =
    ending.operation === null
      ? 'ends without an activation'
      : `ends in ${ending.operation}${isProbability ? ', whose outputs are no distribution over classes' : ''}`;
  const cure = `give its last layer activation: '${activation}'`;
  throw refusal(loss, found, isProbability ? cure : `${cure}, or use ${loss}({ fromLogits: true }) without activation`);
}

function refusal(loss: string, found: string, cure: string): AmaasError {
  return new AmaasError('INVALID_GRAPH', `${loss}: the network ${found}; ${cure}`);
}

interface Ending {
  /** The activation's operation; null: a product with weights and nothing after it but a bias. */
  readonly operation: string | null;
  /** Of the last axis. */
  readonly width: number | string | undefined;
}

/** Operations that leave elements as they are. */
const MOVES: ReadonlySet<string> = new Set(['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);
const PRODUCTS: ReadonlySet<string> = new Set(['MatMul', 'FusedMatMul', 'Gemm', 'Conv', 'ConvTranspose']);
/** Activations whose results are no probabilities for the results of a product. */
const UNBOUNDED: ReadonlySet<string> = new Set([
  ...['Relu', 'LeakyRelu', 'PRelu', 'Elu', 'Selu'],
  ...['Softplus', 'Softsign', 'Tanh'],
]);

function endingOf(prediction: Value, inputs: ReadonlySet<Value> | null): Ending | null {
  const value = beforeMoves(prediction);
  const node = nodeOf(value);
  if (node === null) return null;
  const { name } = node.operation;
  if (name === 'Sigmoid' || name === 'Softmax') return { operation: name, width: value.shape.at(-1) };
  if (inputs === null) return null;
  if (isProduct(value, inputs)) return { operation: null, width: value.shape.at(-1) };
  const [source] = node.inputs;
  const isKnown = UNBOUNDED.has(name) && source !== undefined && isProduct(beforeMoves(source), inputs);
  return isKnown ? { operation: name, width: value.shape.at(-1) } : null;
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

/** Whether a value is x · weights, or that with something added. */
function isProduct(value: Value, inputs: ReadonlySet<Value>): boolean {
  const node = nodeOf(value);
  if (node === null) return false;
  if (node.operation.name === 'Add') {
    return (
      node.inputs.some((operand) => isParameter(operand, inputs)) &&
      node.inputs.some((operand) => isProduct(beforeMoves(operand), inputs))
    );
  }
  return PRODUCTS.has(node.operation.name) && node.inputs.some((operand) => isParameter(operand, inputs));
}

/** Whether a value is a parameter, or one scaled by others or by constants. */
function isParameter(value: Value, inputs: ReadonlySet<Value>): boolean {
  const source = beforeMoves(value);
  const { origin } = source;
  if (origin.kind === 'input') return !inputs.has(source) && !origin.name.startsWith('random.');
  return (
    origin.kind === 'node' &&
    origin.node.operation.name === 'Mul' &&
    origin.node.inputs.some((operand) => isParameter(operand, inputs)) &&
    origin.node.inputs.every((operand) => operand.origin.kind === 'constant' || isParameter(operand, inputs))
  );
}
