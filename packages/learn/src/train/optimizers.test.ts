import assert from 'node:assert/strict';
import { test } from 'node:test';
import { input } from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../reference/index.ts';
import { adagrad, adam, adamW, lion, type Optimizer, optimizerFor, rmsProp, sgd } from './optimizers.ts';
import { madeNumbers } from './testing/made-numbers.ts';
import { assertNear, torchValues } from './testing/torch-values.ts';

const SIZE = 5;
const STEPS = 8;
const GRADIENT_SCALES = [1, 0.1, 3, 0.01, 1];
const gradients = madeNumbers(12, STEPS * SIZE, 2).map((value, index) => value * (GRADIENT_SCALES[index % SIZE] ?? 1));
const rateAt = (step: number): number => (0.05 * (1 + Math.cos((Math.PI * step) / STEPS))) / 2 + 0.001;

const CASES: Readonly<Record<string, Optimizer>> = {
  sgd: sgd(),
  'sgd with decay': sgd({ weightDecay: 0.3 }),
  'sgd with momentum': sgd({ momentum: 0.8 }),
  'sgd with nesterov': sgd({ momentum: 0.8, nesterov: true }),
  'sgd with momentum and decay': sgd({ momentum: 0.8, weightDecay: 0.3 }),
  adam: adam(),
  'adam with options': adam({ beta1: 0.7, beta2: 0.95, epsilon: 0.02 }),
  adamW: adamW(),
  'adamW with options': adamW({ beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.4 }),
  rmsProp: rmsProp(),
  'rmsProp with momentum': rmsProp({ alpha: 0.8, epsilon: 0.01, momentum: 0.6 }),
  adagrad: adagrad(),
  'adagrad with options': adagrad({ epsilon: 0.05 }),
  'lion with options': lion({ beta1: 0.85, beta2: 0.95, weightDecay: 0.2 }),
};

/** Parameters after every step, in float64. */
function train(optimizer: Optimizer, decays = true): readonly Float64Array[] {
  const vector = (name: string) => input(name, 'float64', [SIZE]);
  const number = (name: string) => input(name, 'float64', []);
  const [parameter, gradient, learningRate, step] = [vector('p'), vector('g'), number('rate'), number('step')];
  const slots = optimizer.slots.map(vector);
  const update = optimizer.update({ parameter, gradient, slots, learningRate, step, decays });
  const array = (data: Iterable<number>, shape: readonly number[] = [SIZE]): NumericArray => ({
    dtype: 'float64',
    shape,
    data: Float64Array.from(data),
  });
  let state = [array(madeNumbers(11, SIZE)), ...slots.map(() => array(new Float64Array(SIZE)))];
  const history: Float64Array[] = [];
  for (let done = 0; done < STEPS; done++) {
    const feeds = new Map([
      [gradient, array(gradients.subarray(done * SIZE, (done + 1) * SIZE))],
      [learningRate, array([rateAt(done)], [])],
      [step, array([done + 1], [])],
      ...[parameter, ...slots].map((value, index) => [value, state[index] ?? assert.fail()] as const),
    ]);
    state = evaluate([update.parameter, ...update.slots], feeds).map(numbersOf);
    history.push(state[0]?.data ?? assert.fail());
  }
  return history;
}

for (const [name, optimizer] of Object.entries(CASES)) {
  test(`${name}: eight steps are PyTorch's`, () => {
    const expected = torchValues.optimizers[name] ?? assert.fail('no fixture');
    const history = train(optimizer);
    assertNear(history[0] ?? [], expected.first, { tolerance: 1e-12, what: 'first step' });
    assertNear(history.at(-1) ?? [], expected.last, { tolerance: 1e-12, what: 'last step' });
  });
}

test('every fixture of an optimiser is used', () => {
  assert.deepEqual(Object.keys(CASES).toSorted(), Object.keys(torchValues.optimizers).toSorted());
});

test('weight decay leaves alone what does not decay', () => {
  assert.deepEqual(train(adamW({ weightDecay: 0.4 }), false), train(adam()));
  assert.deepEqual(train(sgd({ momentum: 0.8, weightDecay: 0.4 }), false), train(sgd({ momentum: 0.8 })));
  assert.notDeepEqual(train(lion({ weightDecay: 0.4 }), true), train(lion({ weightDecay: 0.4 }), false));
});

test('optimisers have the names and default rates of their definitions', () => {
  const names = ['sgd', 'momentum', 'nesterov', 'rmsProp', 'adam', 'adamW', 'adagrad', 'lion'] as const;
  assert.deepEqual(
    names.map((name) => [optimizerFor(name).name, optimizerFor(name).schedule(0)]),
    [
      ['sgd', 0.01],
      ['momentum', 0.01],
      ['nesterov', 0.01],
      ['rmsProp', 0.01],
      ['adam', 0.001],
      ['adamW', 0.001],
      ['adagrad', 0.01],
      ['lion', 0.0001],
    ],
  );
});

test('optimisers refuse numbers out of range', () => {
  const refused: readonly (readonly [() => unknown, string])[] = [
    [() => sgd({ momentum: 1 }), 'sgd: momentum must be in [0, 1), got 1'],
    [() => sgd({ weightDecay: -0.1 }), 'sgd: weightDecay must be a finite number of at least 0, got -0.1'],
    [() => adam({ beta1: -0.5 }), 'adam: beta1 must be in [0, 1), got -0.5'],
    [() => adamW({ beta2: Number.NaN }), 'adamW: beta2 must be in [0, 1), got NaN'],
    [() => adam({ epsilon: Infinity }), 'adam: epsilon must be a finite number of at least 0, got Infinity'],
    [() => rmsProp({ alpha: 2 }), 'rmsProp: alpha must be in [0, 1), got 2'],
    [() => adagrad({ learningRate: -1 }), 'learningRate must be a finite number of at least 0, got -1'],
  ];
  for (const [attempt, message] of refused) assert.throws(attempt, { reason: 'INVALID_ARGUMENT', message });
  // @ts-expect-error: JavaScript may pass any text
  assert.throws(() => optimizerFor('adamax'), {
    reason: 'INVALID_ARGUMENT',
    message: 'optimizer: expected one of sgd, momentum, nesterov, rmsProp, adam, adamW, adagrad, lion, got adamax',
  });
});
