// Recurrent layers made of recurrent layers: both directions at once, and one after the other.
import { AmaasError } from '@amaas/core';
import { add, concat, mul, type Value } from '../graph/index.ts';
import { dropout } from './dropout.ts';
import { type RecurrentLayer, recurrentLayer, type TimeResult } from './recurrent-layer.ts';

/** How the results of both directions become one, by Keras's names. */
export const MERGES = {
  concat: (a: Value, b: Value): Value => concat([a, b], -1),
  sum: (a: Value, b: Value): Value => add(a, b),
  mul: (a: Value, b: Value): Value => mul(a, b),
  ave: (a: Value, b: Value): Value => mul(add(a, b), 0.5),
} as const;

export type Merge = keyof typeof MERGES;

export interface BidirectionalOptions {
  /** Default `concat`: twice the width. */
  readonly merge?: Merge;
}

/**
 * A recurrent layer and the same layer, with weights of its own, the other way round.
 *
 * Without `returnSequences` the result is what each direction ends with: the forward one at the last step, the backward one
 * at the first. States: the forward direction's, then the backward one's. Parameters are under `forward` and `backward`.
 * Source: Schuster & Paliwal 1997.
 * @throws INVALID_ARGUMENT for a merge that is none
 * @example bidirectional(lstm(64, { returnSequences: true }))
 */
export function bidirectional(layer: RecurrentLayer, { merge = 'concat' }: BidirectionalOptions = {}): RecurrentLayer {
  if (!Object.hasOwn(MERGES, merge)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `bidirectional: merge must be one of ${Object.keys(MERGES).join(', ')}, got ${String(merge)}`,
    );
  }
  return both([layer, layer.reversed()], merge);
}

function both([forward, backward]: readonly [RecurrentLayer, RecurrentLayer], merge: Merge): RecurrentLayer {
  const join = MERGES[merge];
  return recurrentLayer({
    name: 'bidirectional',
    stateWidths: [...forward.stateWidths, ...backward.stateWidths],
    returnSequences: forward.returnSequences,
    reversed: () => both([forward.reversed(), backward.reversed()], merge),
    overTime(x, scope, { initial, ...inputs }) {
      const count = forward.stateWidths.length;
      const there = forward.overTime(x, scope.inside('forward'), { ...inputs, initial: initial?.slice(0, count) });
      const back = backward.overTime(x, scope.inside('backward'), { ...inputs, initial: initial?.slice(count) });
      return {
        sequence: join(there.sequence, back.sequence),
        last: join(there.last, back.last),
        states: [...there.states, ...back.states],
      };
    },
  });
}

export interface StackedOptions {
  /** Share of the outputs dropped between layers in training, as PyTorch's `dropout`; default 0. */
  readonly dropout?: number;
}

/**
 * Recurrent layers one after the other, each over the whole sequence of the one before; lengths, masks and states reach all.
 * The last one's `returnSequences` decides the result. States: those of the first layer, then of the next.
 * @throws INVALID_ARGUMENT when there is no layer
 * @example stacked([bidirectional(lstm(64)), bidirectional(lstm(64))], { dropout: 0.3 })
 */
export function stacked(layers: readonly RecurrentLayer[], { dropout: rate = 0 }: StackedOptions = {}): RecurrentLayer {
  const last = layers.at(-1);
  if (last === undefined) throw new AmaasError('INVALID_ARGUMENT', 'stacked: expected at least one layer');
  const between = dropout(rate);
  return recurrentLayer({
    name: 'stacked',
    stateWidths: layers.flatMap(({ stateWidths }) => stateWidths),
    returnSequences: last.returnSequences,
    reversed: () =>
      stacked(
        layers.map((each) => each.reversed()),
        { dropout: rate },
      ),
    overTime(x, scope, { initial, ...inputs }) {
      const states: Value[] = [];
      let result: TimeResult | undefined;
      for (const [index, each] of layers.entries()) {
        const own = initial?.slice(states.length, states.length + each.stateWidths.length);
        const from = result === undefined ? x : between.apply(result.sequence, scope);
        result = each.overTime(from, scope.inside(`${index}.${each.name}`), { ...inputs, initial: own });
        states.push(...result.states);
      }
      if (result === undefined) throw new AmaasError('INTERNAL', 'stacked: no result');
      return { ...result, states };
    },
  });
}
