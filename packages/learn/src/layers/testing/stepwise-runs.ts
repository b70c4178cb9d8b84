// Runs a stepwise decoder in float64 and says what the whole network gives, for tests of decoders: both of the same weights.
import assert from 'node:assert/strict';
import { input, type Value } from '../../graph/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../../reference/index.ts';
import { madeNumbers } from '../../train/testing/made-numbers.ts';
import {
  createScope,
  IDS_SYMBOL,
  type Parameter,
  PAST_SYMBOL,
  ROWS_SYMBOL,
  type Scope,
  type StepwiseDecoder,
} from '../index.ts';

/** Weights by name, made from the name alone: the same wherever it is asked for. */
export function weightsOf(parameters: readonly Parameter[]): ReadonlyMap<Value, NumericArray> {
  return new Map(
    parameters.map(({ name, shape, value }) => {
      const seed = [...name].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 9973, 7);
      const count = shape.reduce((product, size) => product * size, 1);
      return [value, { dtype: 'float32', shape, data: Float64Array.from(madeNumbers(seed, count)) }];
    }),
  );
}

export function ids(rows: readonly (readonly number[])[]): NumericArray {
  return { dtype: 'int64', shape: [rows.length, rows[0]?.length ?? 0], data: Float64Array.from(rows.flat()) };
}

/** Values of what `build` gives from inputs. */
export function run(
  feeds: ReadonlyMap<string, NumericArray>,
  build: (inputs: ReadonlyMap<string, Value>, scope: Scope) => ReadonlyMap<string, Value>,
  shapes: ReadonlyMap<string, readonly (number | string)[]> = new Map(),
): ReadonlyMap<string, NumericArray> {
  const inputs = new Map(
    [...feeds].map(([name, { dtype, shape }]) => [name, input(name, dtype, shapes.get(name) ?? shape)]),
  );
  const { scope, record } = createScope(false);
  const outputs = build(inputs, scope);
  const given = new Map<Value, NumericArray>(weightsOf(record().parameters));
  for (const [name, value] of inputs) given.set(value, feeds.get(name) ?? assert.fail());
  const arrays = evaluate([...outputs.values()], given);
  return new Map([...outputs.keys()].map((name, index) => [name, numbersOf(arrays[index])]));
}

export class Decoding {
  readonly #decoder: StepwiseDecoder;
  states: ReadonlyMap<string, NumericArray>;

  constructor(decoder: StepwiseDecoder, rows: number, feeds: ReadonlyMap<string, NumericArray> = new Map()) {
    this.#decoder = decoder;
    const shapes = new Map([...decoder.inputs].map(([name, { shape }]) => [name, shape]));
    const started = run(feeds, (inputs, scope) => decoder.start(inputs, scope), shapes);
    this.states = new Map(
      decoder.states.map(({ name, dtype, shape }) => {
        const sizes = shape.map((size) => (size === ROWS_SYMBOL ? rows : size === PAST_SYMBOL ? 0 : Number(size)));
        const count = sizes.reduce((product, size) => product * size, 1);
        return [name, started.get(name) ?? { dtype, shape: sizes, data: new Float64Array(count) }];
      }),
    );
  }

  /** @returns logits, [rows, T, vocabulary] or [rows, vocabulary] */
  step(fresh: readonly (readonly number[])[], { onlyLast = false, isOpen = false } = {}): NumericArray {
    const time = isOpen ? IDS_SYMBOL : (fresh[0]?.length ?? 0);
    const shapes = new Map(this.#decoder.states.map(({ name, shape }) => [name, shape]));
    const outputs = run(
      new Map([...this.states, ['ids', ids(fresh)]]),
      (inputs, scope) => {
        const states = new Map([...inputs].filter(([name]) => name !== 'ids'));
        const step = this.#decoder.step({ ids: inputs.get('ids') ?? assert.fail(), states, onlyLast }, scope);
        return new Map([['logits', step.logits], ...step.states]);
      },
      new Map([...shapes, ['ids', [ROWS_SYMBOL, time]]]),
    );
    this.states = new Map(
      this.#decoder.states.map(({ name, isChanged }) => [
        name,
        (isChanged ? outputs : this.states).get(name) ?? assert.fail(name),
      ]),
    );
    return outputs.get('logits') ?? assert.fail();
  }
}
