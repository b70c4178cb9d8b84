// A recurrent decoder for tests of what decodes: a source's numbers are its first state, every id moves it on.
// hidden = tanh(table[id] + hidden · R), logits = hidden · W.
import { createTensor } from '@amaas/core';
import { add, gather, matMul, reshape, tanh, type Value } from '../../graph/index.ts';
import { constantInitializer, ROWS_SYMBOL, type Scope, stateOf, type StepwiseDecoder } from '../../layers/index.ts';
import { madeNumbers } from '../../train/testing/made-numbers.ts';
import type { StepModelParts } from '../step-export.ts';

const WIDTH = 6;
const VOCABULARY = 10;
const WEIGHT = { initializer: constantInitializer(0) };

const decoder: StepwiseDecoder = {
  vocabularySize: VOCABULARY,
  inputs: new Map([['source', { dtype: 'float32', shape: [ROWS_SYMBOL, WIDTH] }]]),
  states: [{ name: 'hidden', dtype: 'float32', shape: [ROWS_SYMBOL, WIDTH], isStarted: true, isChanged: true }],
  takesChunks: false,
  start: (inputs) => new Map([['hidden', tanh(stateOf(inputs, 'source'))]]),
  step({ ids, states, onlyLast }, scope) {
    const { table, recurrent, out } = parameters(scope);
    const [rows = 1] = ids.shape;
    const row = gather(table, reshape(ids, [rows]));
    const hidden = tanh(add(row, matMul(stateOf(states, 'hidden'), recurrent)));
    const logits = matMul(hidden, out);
    return {
      logits: onlyLast ? logits : reshape(logits, [rows, 1, VOCABULARY]),
      states: new Map([['hidden', hidden]]),
    };
  },
};

function parameters(scope: Scope): Readonly<Record<'table' | 'recurrent' | 'out', Value>> {
  return {
    table: scope.parameter('table', [VOCABULARY, WIDTH], WEIGHT),
    recurrent: scope.parameter('recurrent', [WIDTH, WIDTH], WEIGHT),
    out: scope.parameter('out', [WIDTH, VOCABULARY], WEIGHT),
  };
}

const weights = {
  table: Float32Array.from(madeNumbers(1, VOCABULARY * WIDTH, 1.5)),
  recurrent: Float32Array.from(madeNumbers(2, WIDTH * WIDTH, 1)),
  out: Float32Array.from(madeNumbers(3, WIDTH * VOCABULARY, 2)),
};

export const RECURRENT: StepModelParts = {
  decoder,
  weights: new Map([
    ['table', createTensor('float32', [VOCABULARY, WIDTH], weights.table)],
    ['recurrent', createTensor('float32', [WIDTH, WIDTH], weights.recurrent)],
    ['out', createTensor('float32', [WIDTH, VOCABULARY], weights.out)],
  ]),
};

export const RECURRENT_SOURCES = createTensor('float32', [3, WIDTH], Float32Array.from(madeNumbers(4, 3 * WIDTH, 2)));

/** Logits after a source and ids, written out. */
export function recurrentLogits(source: number, ids: readonly number[]): readonly number[] {
  let hidden = Array.from({ length: WIDTH }, (_, unit) =>
    Math.tanh(RECURRENT_SOURCES.data[source * WIDTH + unit] ?? Number.NaN),
  );
  for (const id of ids) {
    hidden = hidden.map((_, unit) => {
      const moved = hidden.reduce((sum, each, from) => sum + each * (weights.recurrent[from * WIDTH + unit] ?? 0), 0);
      return Math.tanh((weights.table[id * WIDTH + unit] ?? 0) + moved);
    });
  }
  return Array.from({ length: VOCABULARY }, (_, token) =>
    hidden.reduce((sum, each, unit) => sum + each * (weights.out[unit * VOCABULARY + token] ?? 0), 0),
  );
}
