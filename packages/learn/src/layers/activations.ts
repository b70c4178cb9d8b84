// Activation functions by name.
import { AmaasError } from '@amaas/core';
import {
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  mish,
  relu,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
  type Value,
} from '../graph/index.ts';
import { type Layer, layer } from './layer.ts';

const ACTIVATIONS = {
  linear: (x: Value): Value => x,
  elu: (x: Value): Value => elu(x),
  gelu: (x: Value): Value => gelu(x),
  hardSigmoid: (x: Value): Value => hardSigmoid(x),
  hardSwish,
  leakyRelu: (x: Value): Value => leakyRelu(x),
  mish,
  relu,
  selu: (x: Value): Value => selu(x),
  sigmoid,
  silu,
  softmax: (x: Value): Value => softmax(x),
  softplus,
  softsign,
  tanh,
} as const;

export type ActivationName = keyof typeof ACTIVATIONS;
/** A standard name, or any function of a value. */
export type Activation = ActivationName | ((x: Value) => Value);

/** @throws INVALID_ARGUMENT for a name that is none of the standard ones */
export function activate(x: Value, activation: Activation): Value {
  if (typeof activation === 'function') return activation(x);
  if (Object.hasOwn(ACTIVATIONS, activation)) return ACTIVATIONS[activation](x);
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `activation: expected one of ${Object.keys(ACTIVATIONS).join(', ')} or a function, got ${String(activation)}`,
  );
}

/** The activation as a layer of its own. */
export function activation(choice: Activation): Layer {
  return layer(typeof choice === 'string' ? choice : 'activation', (x) => activate(x, choice));
}
