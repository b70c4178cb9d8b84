// Recurrent layers by their own words: shapes, padding, directions, states, and the two forms against each other. Their
// values are held against PyTorch by recurrent-torch.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { concat, gradients, input, mul, reduceSum, sortNodes, unsqueeze, type Value } from '../graph/index.ts';
import { arrayFromTensor, evaluate, type NumericArray, numbersOf, tensorFromArray } from '../reference/index.ts';
import { assertClose, ortExecutor } from '../reference/testing/check-operation.ts';
import { createRandom } from '../statistics/index.ts';
import {
  bidirectional,
  createScope,
  gru,
  lstm,
  type RecurrentInputs,
  type RecurrentLayer,
  sequential,
  simpleRnn,
  stacked,
} from './index.ts';

const all = { returnSequences: true } as const;
const [BATCH, TIME, FEATURES] = [4, 6, 3];
const LENGTHS = [4, 6, 0, 1];

const LAYERS: readonly (readonly [string, RecurrentLayer, number])[] = [
  ['simpleRnn', simpleRnn(2, all), 2],
  ['simpleRnn with relu, backwards', simpleRnn(2, { ...all, activation: 'relu', goBackwards: true }), 2],
  ['lstm', lstm(2, all), 2],
  ['lstm, backwards, without bias', lstm(2, { ...all, goBackwards: true, useBias: false }), 2],
  ['gru', gru(2, all), 2],
  ['gru without bias', gru(2, { ...all, useBias: false }), 2],
  ['gru, reset before, backwards', gru(2, { ...all, resetAfter: false, goBackwards: true }), 2],
  ['bidirectional lstm', bidirectional(lstm(2, all)), 4],
  ['bidirectional gru, averaged', bidirectional(gru(2, all), { merge: 'ave' }), 2],
  ['two layers in both directions', stacked([bidirectional(lstm(3)), bidirectional(gru(2, all))]), 4],
];

type Numbers = readonly number[] | Float64Array;

interface Run {
  readonly layer: RecurrentLayer;
  readonly training: boolean;
  /** [batch, TIME, FEATURES] row by row. */
  readonly x: Numbers;
  readonly time?: number;
  readonly lengths?: readonly number[];
  readonly mask?: readonly number[];
  readonly initial?: readonly Numbers[];
  readonly seed?: string;
}

/** The layer over numbers, its parameters drawn by its initialisers; the graph, and what feeds it. */
function build({ layer, training, x, time = TIME, lengths, mask, initial, seed = 'weights' }: Run) {
  const feeds = new Map<Value, NumericArray>();
  const feed = (value: Value, data: Numbers): Value => {
    feeds.set(value, { dtype: value.dtype, shape: value.shape.map(Number), data: Float64Array.from(data) });
    return value;
  };
  const source = feed(input('x', 'float32', [BATCH, time, FEATURES]), x);
  const inputs: RecurrentInputs = {
    lengths: lengths && feed(input('lengths', 'int64', [BATCH]), lengths),
    mask: mask && feed(input('mask', 'float32', [BATCH, time]), mask),
    initial: initial?.map((state, index) =>
      feed(input(`state ${index}`, 'float32', [BATCH, layer.stateWidths[index] ?? 0]), state),
    ),
  };
  const { scope, record } = createScope(training);
  const result = layer.run(source, scope, inputs);
  const { parameters } = record();
  const random = createRandom(seed);
  for (const { shape, value } of parameters) {
    const size = shape.reduce((a, b) => a * b, 1);
    feed(
      value,
      Float64Array.from({ length: size }, () => random.normal() * 0.7),
    );
  }
  return { ...result, source, feeds, parameters };
}

/** y and the states. */
function compute(run: Run): readonly Float64Array[] {
  const { y, states, feeds } = build(run);
  return evaluate([y, ...states], feeds).map((array) => numbersOf(array).data);
}

function drawn(size: number, seed = 'data'): Float64Array {
  const random = createRandom(seed);
  return Float64Array.from({ length: size }, () => random.normal());
}

function initialOf(layer: RecurrentLayer): readonly Float64Array[] {
  return layer.stateWidths.map((width, index) => drawn(BATCH * width, `state ${index}`));
}

function assertSame(found: readonly Numbers[], expected: readonly Numbers[], tolerance = 1e-12): void {
  assert.equal(found.length, expected.length);
  for (const [index, array] of found.entries()) {
    const wanted = expected[index] ?? assert.fail();
    assert.equal(array.length, wanted.length);
    for (const [k, value] of array.entries()) {
      assert(
        Math.abs(value - (wanted[k] ?? Number.NaN)) <= tolerance,
        `${index}[${k}]: ${value}, expected ${wanted[k]}`,
      );
    }
  }
}

const X = drawn(BATCH * TIME * FEATURES);
/** x with other numbers where padding is. */
const OTHER_PADDING = X.map((value, index) => {
  const [row, step] = [Math.floor(index / (TIME * FEATURES)), Math.floor(index / FEATURES) % TIME];
  return step < (LENGTHS[row] ?? 0) ? value : value + 100;
});

for (const [name, layer, width] of LAYERS) {
  test(`${name} gives every step, also for a batch and a time that are not known yet`, () => {
    for (const training of [true, false]) {
      const { scope } = createScope(training);
      const { y, states } = layer.run(input('x', 'float32', ['N', 'T', FEATURES]), scope);
      assert.deepEqual(y.shape, ['N', 'T', width]);
      assert.deepEqual(
        states.map(({ shape }) => shape),
        layer.stateWidths.map((each) => ['N', each]),
      );
    }
  });

  test(`${name}: the exported form has the values of the trained one, with lengths and states`, () => {
    for (const lengths of [undefined, LENGTHS]) {
      for (const initial of [undefined, initialOf(layer)]) {
        const run = { layer, x: X, ...(lengths ? { lengths } : {}), ...(initial ? { initial } : {}) };
        assertSame(compute({ ...run, training: false }), compute({ ...run, training: true }));
      }
    }
  });

  test(`${name}: both forms have the reference's values on ONNX Runtime, with a sequence of length 0`, async () => {
    for (const training of [true, false]) {
      const { y, states, feeds } = build({ layer, training, x: X, lengths: LENGTHS, initial: initialOf(layer) });
      const outputs = new Map([y, ...states].map((value, index) => [`output ${index}`, value]));
      const expected = evaluate([...outputs.values()], feeds);
      const sources = [...feeds.keys()];
      const model = compileToOnnx(simplify(outputs), { inputs: sources });
      const compiled = await (await ortExecutor()).compile(model);
      try {
        const given = [...feeds].map(([{ origin }, array]) => {
          return [origin.kind === 'input' ? origin.name : '', tensorFromArray(array)] as const;
        });
        const found = await compiled.run(new Map(given));
        for (const [index, what] of [...outputs.keys()].entries()) {
          assertClose(arrayFromTensor(found.get(what) ?? assert.fail()), expected[index] ?? assert.fail(), 1e-5);
        }
      } finally {
        await compiled.dispose();
      }
    }
  });

  test(`${name}: what lies in the padding changes nothing, gives zeros and has no gradient`, () => {
    for (const training of [true, false]) {
      const run = { layer, training, lengths: LENGTHS };
      const [y = assert.fail(), ...states] = compute({ ...run, x: X });
      assertSame(compute({ ...run, x: OTHER_PADDING }), [y, ...states]);
      const isPadding = (row: number, step: number): boolean => step >= (LENGTHS[row] ?? 0);
      for (const [index, value] of y.entries()) {
        const [row, step] = [Math.floor(index / (TIME * width)), Math.floor(index / width) % TIME];
        if (isPadding(row, step)) assert.equal(value, 0);
      }
    }
    const { y, source, feeds } = build({ layer, training: true, x: X, lengths: LENGTHS });
    const [gradient] = evaluate(gradients(reduceSum(mul(y, y)), [source]), feeds).map(numbersOf);
    for (const [index, value] of (gradient?.data ?? assert.fail()).entries()) {
      const [row, step] = [Math.floor(index / (TIME * FEATURES)), Math.floor(index / FEATURES) % TIME];
      assert.equal(value !== 0, step < (LENGTHS[row] ?? 0), `row ${row}, step ${step}: ${value}`);
    }
  });

  test(`${name}: gradients with lengths and states are those of finite differences`, () => {
    const { y, states, feeds } = build({ layer, training: true, x: X, lengths: LENGTHS, initial: initialOf(layer) });
    const finals = concat(states, 1);
    const loss = [y, finals].map((value, index) => {
      const weights = input(`weights ${index}`, 'float32', value.shape);
      const data = drawn(
        value.shape.reduce<number>((a, b) => a * Number(b), 1),
        `loss ${index}`,
      );
      feeds.set(weights, { dtype: 'float32', shape: value.shape.map(Number), data });
      return unsqueeze(reduceSum(mul(value, weights)), 0);
    });
    const total = reduceSum(concat(loss, 0));
    const sources = [...feeds.keys()].filter(
      ({ dtype, origin }) => dtype === 'float32' && origin.kind === 'input' && !origin.name.startsWith('weights'),
    );
    const found = evaluate(gradients(total, sources), feeds).map(numbersOf);
    const at = (): number => numbersOf(evaluate([total], feeds)[0]).data[0] ?? Number.NaN;
    const step = 1e-5;
    for (const [index, source] of sources.entries()) {
      const { data } = feeds.get(source) ?? assert.fail();
      // Every third: all of them take seconds, and each parameter has many alike.
      for (let element = index % 3; element < data.length; element += 3) {
        const middle = data[element] ?? 0;
        data[element] = middle + step;
        const above = at();
        data[element] = middle - step;
        const below = at();
        data[element] = middle;
        const numeric = (above - below) / (2 * step);
        const analytic = found[index]?.data[element] ?? Number.NaN;
        assert(
          Math.abs(analytic - numeric) <= 1e-6 * Math.max(1, Math.abs(numeric)),
          `d/d${source.origin.kind === 'input' ? source.origin.name : ''}[${element}]: ${analytic}, expected ${numeric}`,
        );
      }
    }
  });
}

const FORWARD = LAYERS.filter(([name]) => ['simpleRnn', 'lstm', 'gru'].includes(name));

for (const [name, layer] of FORWARD) {
  test(`${name}: a sequence in two pieces, states handed on, is the sequence in one`, () => {
    for (const training of [true, false]) {
      const run = { layer, training };
      const [whole = assert.fail(), ...finals] = compute({ ...run, x: X });
      const piece = (from: number, to: number): Float64Array =>
        X.filter((_, index) => {
          const step = Math.floor(index / FEATURES) % TIME;
          return step >= from && step < to;
        });
      const [, ...middle] = compute({ ...run, x: piece(0, 2), time: 2 });
      const [late = assert.fail(), ...states] = compute({ ...run, x: piece(2, 6), time: 4, initial: middle });
      const lateOf = whole.filter((_, index) => Math.floor(index / 2) % TIME >= 2);
      assertSame([late, ...states], [lateOf, ...finals]);
    }
  });

  test(`${name}: a mask with holes is the sequence without the masked steps`, () => {
    const mask = [
      [1, 0, 1, 1, 0, 0],
      [0, 0, 1, 0, 1, 1],
      [1, 1, 1, 0, 0, 0],
      [1, 0, 1, 0, 1, 0],
    ];
    const holes = (_: number, index: number): boolean => {
      const [row, step] = [Math.floor(index / (TIME * FEATURES)), Math.floor(index / FEATURES) % TIME];
      return mask[row]?.[step] === 1;
    };
    for (const made of [layer, layer.reversed()]) {
      for (const training of [true, false]) {
        const [y = assert.fail(), ...states] = compute({ layer: made, training, x: X, mask: mask.flat() });
        const short = compute({ layer: made, training, x: X.filter(holes), time: 3 });
        const kept = y.filter((_, index) => mask[Math.floor(index / (TIME * 2))]?.[Math.floor(index / 2) % TIME] === 1);
        assertSame([kept, ...states], short);
        assert.equal(y.filter((value) => value === 0).length, y.length - kept.length);
      }
    }
  });

  test(`${name}: going backwards over padded sequences begins at each one's own end`, () => {
    // Turned round within their lengths and run forwards, they give the same, turned round.
    const turn = (data: Float64Array, size: number): Float64Array =>
      data.map((_, index) => {
        const [row, step, k] = [Math.floor(index / (TIME * size)), Math.floor(index / size) % TIME, index % size];
        const length = LENGTHS[row] ?? 0;
        const from = step < length ? length - 1 - step : step;
        return data[(row * TIME + from) * size + k] ?? 0;
      });
    for (const training of [true, false]) {
      const [y = assert.fail(), ...states] = compute({ layer: layer.reversed(), training, x: X, lengths: LENGTHS });
      const [forward = assert.fail(), ...expected] = compute({
        layer,
        training,
        x: turn(X, FEATURES),
        lengths: LENGTHS,
      });
      assertSame([y, ...states], [turn(forward, 2), ...expected]);
    }
  });
}

test('recurrent layers without returnSequences give the output of each sequence’s last step', () => {
  for (const training of [true, false]) {
    const run = { training, x: X, lengths: [4, 6, 2, 1] };
    const [sequence = assert.fail()] = compute({ ...run, layer: bidirectional(lstm(2, all)) });
    const [last = assert.fail()] = compute({ ...run, layer: bidirectional(lstm(2)) });
    const expected = [4, 6, 2, 1].flatMap((length, row) => [
      ...sequence.slice((row * TIME + length - 1) * 4, (row * TIME + length - 1) * 4 + 2),
      ...sequence.slice(row * TIME * 4 + 2, row * TIME * 4 + 4),
    ]);
    assertSame([last], [expected]);
  }
});

test('bidirectional merges by concat, sum, mul and ave', () => {
  const of = (merge: 'concat' | 'sum' | 'mul' | 'ave'): Float64Array =>
    compute({ layer: bidirectional(gru(1), { merge }), training: false, x: X })[0] ?? assert.fail();
  const both = of('concat');
  const pairs = Array.from({ length: BATCH }, (_, row) => [both[2 * row] ?? 0, both[2 * row + 1] ?? 0] as const);
  assertSame([of('sum')], [pairs.map(([a, b]) => a + b)]);
  assertSame([of('mul')], [pairs.map(([a, b]) => a * b)]);
  assertSame([of('ave')], [pairs.map(([a, b]) => (a + b) / 2)]);
});

test('exported LSTM and GRU are ONNX operators, a plain RNN and masked layers are loops', () => {
  const namesOf = (layer: RecurrentLayer, options: Partial<Run> = {}): readonly string[] => {
    const { y } = build({ layer, training: false, x: X, ...options });
    const names = new Set(sortNodes([y]).map(({ operation }) => operation.name));
    return ['Scan', 'LSTM', 'GRU', 'RNN'].filter((name) => names.has(name));
  };
  assert.deepEqual(namesOf(bidirectional(lstm(2)), { lengths: LENGTHS }), ['LSTM']);
  assert.deepEqual(namesOf(gru(2)), ['GRU']);
  assert.deepEqual(namesOf(simpleRnn(2)), ['Scan']);
  assert.deepEqual(namesOf(lstm(2), { mask: new Array<number>(BATCH * TIME).fill(1) }), ['Scan']);
  assert.deepEqual(namesOf(lstm(2), { training: true }), ['Scan']);
});

test('recurrent parameters are named by direction and layer, start as in Keras, and only kernels decay', () => {
  const network = sequential([stacked([bidirectional(lstm(3)), gru(2)])]);
  const { scope, record } = createScope(true);
  network.apply(input('x', 'float32', [2, 5, 4]), scope);
  const { parameters } = record();
  assert.deepEqual(
    parameters.map(({ name, shape, decays }) => [name, shape.join(), decays]),
    [
      ['0.stacked.0.bidirectional.forward/kernel', '4,12', true],
      ['0.stacked.0.bidirectional.forward/recurrent kernel', '3,12', true],
      ['0.stacked.0.bidirectional.forward/bias', '12', false],
      ['0.stacked.0.bidirectional.backward/kernel', '4,12', true],
      ['0.stacked.0.bidirectional.backward/recurrent kernel', '3,12', true],
      ['0.stacked.0.bidirectional.backward/bias', '12', false],
      ['0.stacked.1.gru/kernel', '6,6', true],
      ['0.stacked.1.gru/recurrent kernel', '2,6', true],
      ['0.stacked.1.gru/bias', '6', false],
      ['0.stacked.1.gru/recurrent bias', '2', false],
    ],
  );
  const start = (index: number): readonly number[] => {
    const { initializer, shape } = parameters[index] ?? assert.fail();
    return [...initializer(shape, createRandom('start'))];
  };
  assert.deepEqual(start(2), [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
  const rows = [0, 1, 2].map((row) => start(1).slice(row * 12, (row + 1) * 12));
  for (const [i, a] of rows.entries()) {
    for (const [j, b] of rows.entries()) {
      const dot = a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);
      assert(Math.abs(dot - (i === j ? 1 : 0)) < 1e-6, `rows ${i} and ${j}: ${dot}`);
    }
  }
  const limit = Math.sqrt(6 / (4 + 12));
  const kernel = start(0).map(Math.abs);
  assert(Math.max(...kernel) <= limit && Math.max(...kernel) > 0.9 * limit);
});

test('stacked drops outputs between layers in training, not after the last', () => {
  const layer = stacked([lstm(2), gru(3, all)], { dropout: 0.5 });
  const count = (training: boolean): readonly (readonly number[])[] => {
    const { scope, record } = createScope(training);
    layer.apply(input('x', 'float32', [BATCH, TIME, FEATURES]), scope);
    return record().randomInputs.map(({ value }) => value.shape.map(Number));
  };
  assert.deepEqual(count(true), [[TIME, BATCH, 2]]);
  assert.deepEqual(count(false), []);
});

function refuses(build: () => unknown, reason: string, message: RegExp): void {
  assert.throws(
    build,
    (error) => error instanceof AmaasError && error.reason === reason && message.test(error.message),
  );
}

test('recurrent layers refuse what does not fit, and say what they expect', () => {
  const { scope } = createScope(true);
  const x = input('x', 'float32', [2, 5, 3]);
  const lengths = input('lengths', 'int32', [2]);
  refuses(() => lstm(0), 'INVALID_ARGUMENT', /lstm: units/);
  refuses(() => stacked([]), 'INVALID_ARGUMENT', /at least one layer/);
  // @ts-expect-error: callers without types may give any word
  refuses(() => bidirectional(lstm(2), { merge: 'average' }), 'INVALID_ARGUMENT', /concat, sum, mul, ave, got average/);
  refuses(
    () => lstm(2).apply(input('x', 'float32', [2, 5]), scope),
    'INVALID_GRAPH',
    /lstm: expected \[batch, time, f/,
  );
  refuses(() => lstm(2).run(x, scope, { initial: [x] }), 'INVALID_GRAPH', /lstm: takes 2 states, got 1/);
  refuses(
    () => gru(2).run(x, scope, { initial: [input('h', 'float32', [2, 3])] }),
    'INVALID_GRAPH',
    /gru: state 0 must be \[2,2\], got \[2,3\]/,
  );
  refuses(() => gru(2).run(x, scope, { mask: lengths }), 'INVALID_GRAPH', /gru: mask must be \[2,5\], got \[2\]/);
  refuses(
    () => gru(2).run(x, scope, { lengths, mask: input('mask', 'bool', [2, 5]) }),
    'INVALID_GRAPH',
    /lengths or a mask/,
  );
  const open = input('open', 'float32', [2, 'T', 3]);
  refuses(() => gru(2).run(open, scope, { lengths }), 'INVALID_GRAPH', /where the time is known; give a mask/);
});
