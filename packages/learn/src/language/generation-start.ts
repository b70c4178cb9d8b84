// The first step of a text inside a graph: what a decoder starts from, the states of nothing said, and logits of the first
// token to be chosen.
import { AmaasError } from '@amaas/core';
import {
  add,
  cast,
  constantOf,
  equal,
  gather,
  input,
  mul,
  reshape,
  scalar,
  type Value,
  where,
} from '../graph/index.ts';
import {
  IDS_SYMBOL,
  PAST_SYMBOL,
  ROWS_SYMBOL,
  type Scope,
  type StepState,
  type StepwiseDecoder,
} from '../layers/index.ts';
import { IDS_INPUT, pastName } from './step-export.ts';

export interface GenerationStart {
  /** Of the graph: the decoder's own, or `ids` [N, T] of prompts. */
  readonly inputs: readonly Value[];
  /** [N] int64, all 1. */
  readonly ones: Value;
  /** [N, vocabulary] */
  readonly logits: Value;
  /** After the first step. */
  readonly states: ReadonlyMap<string, Value>;
}

/**
 * @param startToken - what texts begin with where the decoder has inputs of its own
 * @throws INVALID_ARGUMENT for decoders that take neither inputs nor prompts, or inputs and no such token
 */
export function startGeneration(
  decoder: StepwiseDecoder,
  { scope, startToken }: { readonly scope: Scope; readonly startToken: number | undefined },
): GenerationStart {
  if (decoder.inputs.size === 0) {
    if (!decoder.takesChunks || startToken !== undefined) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        'generation: a decoder without inputs takes prompts, which it must be able to take in chunks, and no startToken',
      );
    }
    const ids = input(IDS_INPUT, 'int64', [ROWS_SYMBOL, IDS_SYMBOL]);
    return firstStep(decoder, { scope, ids, inputs: [ids], ones: onesOf(ids), started: new Map() });
  }
  if (startToken === undefined) {
    throw new AmaasError('INVALID_ARGUMENT', 'generation: startToken must say what texts begin with');
  }
  const inputs = new Map([...decoder.inputs].map(([name, { dtype, shape }]) => [name, input(name, dtype, shape)]));
  const [first] = inputs.values();
  if (first === undefined) throw new AmaasError('INTERNAL', 'generation: no inputs');
  const ones = onesOf(first);
  const ids = reshape(mul(ones, startToken), [ROWS_SYMBOL, 1]);
  const started = decoder.start(inputs, scope);
  return firstStep(decoder, { scope, ids, inputs: [...inputs.values()], ones, started });
}

/** Goes on from states that are given: inputs `ids` [N, 1] and one per state. */
export function continueGeneration(decoder: StepwiseDecoder, scope: Scope): GenerationStart {
  const ids = input(IDS_INPUT, 'int64', [ROWS_SYMBOL, 1]);
  const before = new Map(
    decoder.states.map(({ name, dtype, shape }) => [name, input(pastName(name), dtype, shape)] as const),
  );
  const { logits, states } = decoder.step({ ids, states: before, onlyLast: true }, scope);
  return { inputs: [ids, ...before.values()], ones: onesOf(ids), logits, states: new Map([...before, ...states]) };
}

interface FirstStep {
  readonly scope: Scope;
  readonly ids: Value;
  readonly inputs: readonly Value[];
  readonly ones: Value;
  readonly started: ReadonlyMap<string, Value>;
}

function firstStep(decoder: StepwiseDecoder, { scope, ids, inputs, ones, started }: FirstStep): GenerationStart {
  const before = new Map(
    decoder.states.map((state) => [state.name, started.get(state.name) ?? emptyState(state, ones)] as const),
  );
  const { logits, states } = decoder.step({ ids, states: before, onlyLast: true }, scope);
  return { inputs, ones, logits, states: new Map([...before, ...states]) };
}

/** [N] int64, all 1, whatever the numbers are. @param x - [N, ...] */
function onesOf(x: Value): Value {
  let column = x;
  while (column.shape.length > 1) column = gather(column, scalar('int64', 0), 1);
  return where(equal(column, column), scalar('int64', 1), scalar('int64', 1));
}

/** What a state begins as where nothing starts it. */
function emptyState({ name, dtype, shape }: StepState, ones: Value): Value {
  const sizes = shape.slice(1).map((size) => (size === PAST_SYMBOL ? 0 : size));
  if (!sizes.every((size) => typeof size === 'number')) {
    throw new AmaasError('INVALID_GRAPH', `generation: the state "${name}" must be started`);
  }
  const count = sizes.reduce((product, size) => product * size, 1);
  const zeros = constantOf(dtype, [1, ...sizes], new Float64Array(count));
  return add(reshape(cast(mul(ones, 0), dtype), [ROWS_SYMBOL, ...sizes.map(() => 1)]), zeros);
}

/** The states that steps change: what a loop carries. */
export function changedStates(decoder: StepwiseDecoder): readonly string[] {
  return decoder.states.filter(({ isChanged }) => isChanged).map(({ name }) => name);
}

/** Values by name. */
export function namedValues(names: readonly string[], values: readonly Value[]): ReadonlyMap<string, Value> {
  return new Map(names.flatMap((name, index) => (values[index] === undefined ? [] : [[name, values[index]]])));
}

/** Whether a token is among some. @returns bool of the tokens' shape */
export function isAmong(tokens: Value, some: readonly number[], or: (a: Value, b: Value) => Value): Value {
  const [first, ...others] = some.map((token) => equal(tokens, token));
  return others.reduce((known, each) => or(known, each), first ?? equal(tokens, -1));
}
