// Putting layers together: in a row, around a shortcut, or freely by a function.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  flatten as flattenAxes,
  reshape as reshapeValue,
  sameShape,
  type Shape,
  type Value,
} from '../graph/index.ts';
import { type Layer, layer, type Network } from './layer.ts';
import type { Scope } from './scope.ts';

/**
 * Layers one after the other.
 * @example sequential([dense(64, { activation: 'relu' }), dense(10, { activation: 'softmax' })])
 */
export function sequential(layers: readonly Layer[], name = 'sequential'): Layer {
  return layer(name, (x, scope) => applyAll(x, layers, scope));
}

/** x + layers(x), projected by `shortcut` where the shapes differ. Source: He et al. 2016. */
export function residual(layers: readonly Layer[], shortcut?: Layer): Layer {
  return layer('residual', (x, scope) => {
    const straight = shortcut === undefined ? x : shortcut.apply(x, scope.inside('shortcut'));
    const bent = applyAll(x, layers, scope);
    if (!sameShape(straight.shape, bent.shape)) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `residual: the layers turn ${formatShape(straight.shape)} into ${formatShape(bent.shape)}; give a shortcut that does the same`,
      );
    }
    return add(straight, bent);
  });
}

/** All axes but the first (the batch) as one. */
export function flatten(): Layer {
  return layer('flatten', (x) => flattenAxes(x, 1));
}

/** The batch's rows in another shape. @param shape - of one row */
export function reshape(shape: Shape): Layer {
  return layer('reshape', (x) => reshapeValue(x, [x.shape[0] ?? 1, ...shape]));
}

/**
 * A network by a function of its named inputs; layers inside are applied with `scope.inside(name)`.
 * @example
 * functional(['age', 'city'], (inputs, scope) => {
 *   const city = embedding(100, 8).apply(inputs.get('city'), scope.inside('city'));
 *   ...
 * })
 */
export function functional(
  inputNames: readonly string[],
  build: (inputs: { get(name: string): Value }, scope: Scope) => Value,
): Network {
  return {
    inputNames,
    build: (inputs, scope) =>
      build(
        {
          get(name) {
            const value = inputs.get(name);
            if (value === undefined) {
              throw new AmaasError(
                'INVALID_GRAPH',
                `functional: there is no input ${name}, only ${inputNames.join(', ')}`,
              );
            }
            return value;
          },
        },
        scope,
      ),
  };
}

/** A layer as a network of one input. */
export function asNetwork(model: Layer | Network): Network {
  if ('build' in model) return model;
  return {
    inputNames: null,
    build(inputs, scope) {
      const [x, ...more] = inputs.values();
      if (x === undefined || more.length > 0) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${model.name}: takes one input, got ${[...inputs.keys()].join(', ') || 'none'}`,
        );
      }
      return model.apply(x, scope);
    },
  };
}

function applyAll(x: Value, layers: readonly Layer[], scope: Scope): Value {
  return layers.reduce((value, each, index) => each.apply(value, scope.inside(`${index}.${each.name}`)), x);
}
