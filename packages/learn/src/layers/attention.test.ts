// Attention and Transformer blocks against PyTorch's values and gradients, against finite differences, and by what masks
// promise: what is hidden changes nothing and gets no gradient.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { constantOf, gradients, input, mul, reduceSum, type Value, verifyGraph } from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf, tensorFromArray } from '../reference/index.ts';
import { madeNumbers } from '../train/testing/made-numbers.ts';
import {
  additiveAttention,
  alibiSlopes,
  createScope,
  type Layer,
  learnedPositions,
  multiHeadCrossAttention,
  multiHeadSelfAttention,
  multiplicativeAttention,
  type Parameter,
  sinusoidalPositions,
  transformerBlock,
  transformerDecoderBlock,
} from './index.ts';
import {
  ATTENTION_CASES,
  type AttentionCase,
  BATCH,
  MASK,
  SOURCE_MASK,
  SOURCE_TIME,
  TIME,
  torchAttention,
} from './testing/attention-cases.ts';

const executor = createOrtNodeExecutor({ threads: 1 });

/** As for `train/testing/torch-models.ts`, whose fixture was made by the same script. */
function caseParameter({ name, shape }: Parameter, seed: number): NumericArray {
  const count = shape.reduce((product, size) => product * size, 1);
  const scale = shape.length === 1 ? 0.3 : 1.5 / Math.sqrt(shape[0] ?? 1);
  const middle = name.endsWith('scale') ? 1 : 0;
  const data = madeNumbers(seed, count, scale).map((value) => Math.fround(middle + value));
  return { dtype: 'float32', shape, data };
}

interface Built {
  readonly y: Value;
  readonly total: Value;
  /** x, the source where there is one, and the parameters, by name. */
  readonly sources: ReadonlyMap<string, Value>;
  readonly slopes: ReadonlyMap<string, Value>;
  readonly feeds: Map<Value, NumericArray>;
}

/** @param counted - which positions of y count in the sum that is differentiated; default all */
function build(attention: AttentionCase, counted: readonly number[] = Array<number>(BATCH * TIME).fill(1)): Built {
  const { width, sourceWidth = width, uses } = attention;
  const { scope, record } = createScope(false);
  const x = input('x', 'float32', [BATCH, TIME, width]);
  const source = input('source', 'float32', [BATCH, SOURCE_TIME, sourceWidth]);
  const mask = constantOf('bool', [BATCH, TIME], MASK);
  // Numbers do as well as booleans.
  const sourceMask = constantOf('int64', [BATCH, SOURCE_TIME], SOURCE_MASK);
  const y = attention.build({ x, source, mask, sourceMask }, scope);
  const last = Number(y.shape.at(-1));
  const factors = madeNumbers(3, BATCH * TIME * last).map((value, at) => value * (counted[Math.floor(at / last)] ?? 0));
  const total = reduceSum(mul(y, constantOf('float32', y.shape.map(Number), factors)));
  const { parameters } = record();
  const sources = new Map([
    ['x', x],
    ...(uses.includes('source') ? [['source', source] as const] : []),
    ...parameters.map(({ name, value }) => [name, value] as const),
  ]);
  const found = gradients(total, [...sources.values()]);
  const feeds = new Map<Value, NumericArray>([
    [x, made([BATCH, TIME, width], 1)],
    [source, made([BATCH, SOURCE_TIME, sourceWidth], 2)],
    ...parameters.map((parameter, k) => [parameter.value, caseParameter(parameter, 100 + k)] as const),
  ]);
  const slopes = new Map([...sources.keys()].map((name, index) => [name, found[index] ?? x]));
  verifyGraph([y, ...slopes.values()]);
  return { y, total, sources, slopes, feeds };
}

function made(shape: readonly number[], seed: number): NumericArray {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'float32', shape, data: madeNumbers(seed, count, 1.5) };
}

function assertNear(actual: ArrayLike<number>, expected: readonly number[], [tolerance, what]: [number, string]): void {
  assert.equal(actual.length, expected.length, what);
  for (const [at, wanted] of expected.entries()) {
    const found = actual[at] ?? Number.NaN;
    assert(
      Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted)),
      `${what}[${at}]: ${found}, PyTorch ${wanted}`,
    );
  }
}

function assertTorch(name: string, results: ReadonlyMap<string, ArrayLike<number>>, tolerance: number): void {
  const expected = torchAttention[name] ?? assert.fail('no fixture');
  for (const [key, data] of results) {
    if (key === 'y') assertNear(data, expected.y, [tolerance, 'y']);
    else if (key === 'x') assertNear(data, expected.x, [tolerance, 'gradient of x']);
    else if (key === 'source') assertNear(data, expected.source ?? [], [tolerance, 'gradient of the source']);
    else {
      const weights = madeNumbers(99, data.length);
      const product = weights.reduce((sum, weight, at) => sum + weight * (data[at] ?? 0), 0);
      const norm = Math.sqrt(weights.reduce((sum, _, at) => sum + (data[at] ?? 0) ** 2, 0));
      assertNear([product, norm], expected.parameters[key] ?? [], [tolerance, `gradient of ${key}`]);
    }
  }
  assert.deepEqual(
    [...results.keys()].toSorted(),
    ['y', 'x', ...(expected.source ? ['source'] : []), ...Object.keys(expected.parameters)].toSorted(),
  );
}

for (const [name, attention] of Object.entries(ATTENTION_CASES)) {
  test(`${name}: values and gradients are PyTorch's, in float64 and on ONNX Runtime`, async () => {
    const { y, slopes, feeds } = build(attention);
    const outputs = new Map([['y', y], ...slopes]);
    const exact = evaluate([...outputs.values()], feeds).map((array) => numbersOf(array).data);
    assertTorch(name, new Map([...outputs.keys()].map((key, index) => [key, exact[index] ?? []])), 1e-6);

    const named = new Map([...outputs].map(([key, value]) => [`of ${key}`, value]));
    const compiled = await (await executor).compile(compileToOnnx(simplify(named)));
    const found = await compiled.run(
      new Map(
        [...feeds].flatMap(([value, array]) => {
          const key = value.origin.kind === 'input' ? value.origin.name : '';
          return compiled.inputNames.includes(key) ? [[key, tensorFromArray(array)] as const] : [];
        }),
      ),
    );
    await compiled.dispose();
    const results = [...outputs.keys()].map((key) => {
      const tensor = found.get(`of ${key}`);
      assert(tensor?.dtype === 'float32');
      return [key, tensor.data] as const;
    });
    assertTorch(name, new Map(results), 2e-5);
  });

  test(`${name}: gradients are those of finite differences`, () => {
    const { total, sources, slopes, feeds } = build(attention);
    const found = evaluate([...slopes.values()], feeds).map((array) => numbersOf(array).data);
    const at = (): number => numbersOf(evaluate([total], feeds)[0]).data[0] ?? Number.NaN;
    for (const [index, [key, value]] of [...sources].entries()) {
      const { data } = feeds.get(value) ?? assert.fail();
      // A dozen elements of each, spread evenly.
      for (let element = 0; element < data.length; element += Math.ceil(data.length / 12)) {
        const middle = data[element] ?? 0;
        data[element] = middle + 1e-5;
        const above = at();
        data[element] = middle - 1e-5;
        const numeric = (above - at()) / 2e-5;
        data[element] = middle;
        const slope = found[index]?.[element] ?? Number.NaN;
        assert(
          Math.abs(slope - numeric) <= 1e-6 * Math.max(1, Math.abs(numeric)),
          `${key}[${element}]: ${slope}, ${numeric}`,
        );
      }
    }
  });

  test(`${name}: exported for any number of sequences, it gives the same`, async () => {
    const { width, sourceWidth = width } = attention;
    const { scope, record } = createScope(false);
    const [x, source] = [
      input('x', 'float32', ['N', TIME, width]),
      input('source', 'float32', ['N', SOURCE_TIME, sourceWidth]),
    ];
    const [mask, sourceMask] = [input('mask', 'bool', ['N', TIME]), input('source mask', 'int64', ['N', SOURCE_TIME])];
    const y = attention.build({ x, source, mask, sourceMask }, scope);
    assert.equal(y.shape[0], 'N');
    const feeds = new Map([
      ['x', made([BATCH, TIME, width], 1)],
      ['source', made([BATCH, SOURCE_TIME, sourceWidth], 2)],
      ['mask', { dtype: 'bool', shape: [BATCH, TIME], data: Float64Array.from(MASK) } as const],
      ['source mask', { dtype: 'int64', shape: [BATCH, SOURCE_TIME], data: Float64Array.from(SOURCE_MASK) } as const],
      ...record().parameters.map((parameter, k) => [parameter.name, caseParameter(parameter, 100 + k)] as const),
    ]);
    const compiled = await (await executor).compile(compileToOnnx(simplify(new Map([['y', y]]))));
    const given = [...feeds].filter(([key]) => compiled.inputNames.includes(key));
    const found = await compiled.run(new Map(given.map(([key, array]) => [key, tensorFromArray(array)])));
    await compiled.dispose();
    const tensor = found.get('y');
    assert(tensor?.dtype === 'float32');
    assertNear(tensor.data, torchAttention[name]?.y ?? [], [2e-5, 'y']);
  });

  if (attention.uses.length === 0) continue;
  test(`${name}: what a mask hides changes nothing else and gets no gradient`, () => {
    const hidesTokens = attention.uses.includes('mask');
    const { y, slopes, sources, feeds } = build(attention, hidesTokens ? MASK : undefined);
    const evaluated = () => evaluate([y, ...slopes.values()], feeds).map((array) => [...numbersOf(array).data]);
    const before = evaluated();
    const names = ['y', ...slopes.keys()];
    for (const [key, mask] of [['x', MASK] as const, ['source', SOURCE_MASK] as const]) {
      if (!attention.uses.includes(key === 'x' ? 'mask' : 'sourceMask')) continue;
      const { data, shape } = feeds.get(sources.get(key) ?? assert.fail()) ?? assert.fail();
      const width = shape[2] ?? 1;
      const slope = before[names.indexOf(key)];
      for (const [at, is] of mask.entries()) {
        if (is === 1) continue;
        data.fill(7 * (at + 1), at * width, (at + 1) * width);
        assert(slope?.slice(at * width, (at + 1) * width).every((value) => value === 0) ?? false, `${key} ${at}`);
      }
    }
    const after = evaluated();
    for (const [index, numbers] of before.entries()) {
      const width = numbers.length / (BATCH * TIME);
      const counts = (at: number): boolean =>
        names[index] !== 'y' || !hidesTokens || MASK[Math.floor(at / width)] === 1;
      assert.deepEqual(
        after[index]?.filter((_, at) => counts(at)),
        numbers.filter((_, at) => counts(at)),
        names[index] ?? '',
      );
    }
  });
}

test('attention of tokens that see none is the output’s bias, without NaN, and without gradients', () => {
  const everything = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1];
  for (const [causal, keyValueHeads] of [
    [false, 4],
    [true, 4],
    [true, 2],
  ] as const) {
    const attention: AttentionCase = {
      width: 8,
      uses: ['mask'],
      build: ({ x }, scope) =>
        multiHeadSelfAttention({ heads: 4, keyValueHeads, causal }).run(x, scope, {
          mask: constantOf('bool', [BATCH, TIME], everything),
        }),
    };
    // The second sequence is all padding; of the third, when causal, the first two tokens see nothing.
    const blind = (at: number): boolean => (at >= 5 && at < 10) || (causal && (at === 10 || at === 11));
    const { y, slopes, feeds, sources } = build(
      attention,
      everything.map((_, at) => (blind(at) ? 1 : 0)),
    );
    const bias = feeds.get(sources.get('output/bias') ?? assert.fail())?.data ?? [];
    const [found = [], ...gradient] = evaluate([y, ...slopes.values()], feeds).map((array) => [
      ...numbersOf(array).data,
    ]);
    for (let at = 0; at < 15; at++) {
      if (blind(at)) assert.deepEqual(found.slice(8 * at, 8 * at + 8), [...bias]);
      else assert.notDeepEqual(found.slice(8 * at, 8 * at + 8), [...bias]);
    }
    for (const [index, key] of [...slopes.keys()].entries()) {
      const isZero = gradient[index]?.every((value) => value === 0);
      assert.equal(isZero, key !== 'output/bias', key);
    }
  }
});

test('alignment: weights sum to 1 over what is there, to 0 where nothing is, and single queries are as one of many', () => {
  const sourceMask = constantOf('bool', [2, 3], [1, 0, 1, 0, 0, 0]);
  const source = input('source', 'float32', [2, 3, 4]);
  const many = input('query', 'float32', [2, 1, 4]);
  const single = input('single', 'float32', [2, 4]);
  for (const layer of [
    additiveAttention({ units: 5 }),
    multiplicativeAttention(),
    multiplicativeAttention({ score: 'dot' }),
  ]) {
    const { scope, record } = createScope(false);
    const each = layer.run(many, scope, { source, sourceMask });
    const one = layer.run(single, scope, { source, sourceMask });
    assert.deepEqual(
      [each.y.shape, each.weights.shape],
      [
        [2, 1, 4],
        [2, 1, 3],
      ],
    );
    assert.deepEqual(
      [one.y.shape, one.weights.shape],
      [
        [2, 4],
        [2, 3],
      ],
    );
    const query = made([2, 1, 4], 5);
    const feeds = new Map<Value, NumericArray>([
      [source, made([2, 3, 4], 6)],
      [many, query],
      [single, { ...query, shape: [2, 4] }],
      ...record().parameters.map((parameter, k) => [parameter.value, caseParameter(parameter, k)] as const),
    ]);
    const [y, weights, oneY, oneWeights] = evaluate([each.y, each.weights, one.y, one.weights], feeds).map((array) => [
      ...numbersOf(array).data,
    ]);
    assert.deepEqual([oneY, oneWeights], [y, weights]);
    assert(Math.abs((weights?.[0] ?? 0) + (weights?.[2] ?? 0) - 1) < 1e-12);
    assert.deepEqual(
      weights?.filter((_, at) => at !== 0 && at !== 2),
      [0, 0, 0, 0],
    );
    assert.deepEqual(y?.slice(4), [0, 0, 0, 0]);
  }
});

test('positions: sinusoids of Vaswani, a trained table, and slopes of ALiBi', () => {
  const x = input('x', 'float32', [2, 3, 4]);
  const feeds = new Map<Value, NumericArray>([[x, made([2, 3, 4], 1)]]);
  const zero = made([2, 3, 4], 1).data;
  const { scope, record } = createScope(false);
  const [fixed, learned] = [sinusoidalPositions().apply(x, scope), learnedPositions(5).apply(x, scope)];
  const [parameter = assert.fail()] = record().parameters;
  assert.deepEqual([parameter.name, parameter.shape], ['positions', [5, 4]]);
  feeds.set(parameter.value, made([5, 4], 7));
  const [a, b] = evaluate([fixed, learned], feeds).map((array) => numbersOf(array).data);
  const table = made([5, 4], 7).data;
  for (let at = 0; at < 24; at++) {
    const [position, column] = [Math.floor(at / 4) % 3, at % 4];
    const angle = position / (column < 2 ? 1 : 100);
    const expected = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    assert(Math.abs((a?.[at] ?? 0) - (zero[at] ?? 0) - expected) < 1e-7, `${at}`);
    assert.equal(b?.[at], (zero[at] ?? 0) + (table[4 * position + column] ?? 0));
  }
  // As the authors' code gives them.
  assert.deepEqual(alibiSlopes(8), [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]);
  assert.deepEqual(alibiSlopes(6), [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8]);
});

test('attention is built for batches not known yet, with every option', () => {
  const mask = input('mask', 'bool', ['N', 5]);
  const x = input('x', 'float32', ['N', 5, 8]);
  const source = input('source', 'float32', ['N', 4, 6]);
  const sourceMask = input('source mask', 'int64', ['N', 4]);
  const { scope } = createScope(true);
  const options = { heads: 4, keyValueHeads: 2 };
  for (const y of [
    multiHeadSelfAttention({ ...options, causal: true, rotary: true }).run(x, scope.inside('a'), { mask }),
    multiHeadSelfAttention({ ...options, alibi: true }).run(x, scope.inside('b'), { mask }),
    multiHeadCrossAttention(options).run(x, scope.inside('c'), { source, sourceMask }),
    transformerDecoderBlock(options).run(x, scope.inside('d'), { mask, source, sourceMask }),
    transformerBlock({ ...options, activation: 'swiglu', norm: 'rms' }).run(x, scope.inside('e'), { mask }),
    learnedPositions(9).apply(sinusoidalPositions().apply(x, scope), scope),
  ]) {
    assert.deepEqual(y.shape, ['N', 5, 8]);
    verifyGraph([y]);
  }
  const { y, weights } = additiveAttention({ units: 3 }).run(x, scope.inside('f'), { source, sourceMask });
  assert.deepEqual(
    [y.shape, weights.shape],
    [
      ['N', 5, 6],
      ['N', 5, 4],
    ],
  );
});

test('attention refuses what does not fit, by name', () => {
  const x = input('x', 'float32', [2, 5, 8]);
  const source = input('source', 'float32', [2, 4, 6]);
  const mask = input('mask', 'bool', [2, 4]);
  const { scope } = createScope(false);
  const apply = (layer: Layer): Value => layer.apply(x, scope);
  const refused: readonly (readonly [() => unknown, string, string?])[] = [
    [() => multiHeadSelfAttention({ heads: 2 }).run(x, scope, { mask }), 'attention: expected a mask [2,5], got [2,4]'],
    [
      () => multiHeadCrossAttention({ heads: 2 }).run(x, scope, { source: mask }),
      'attention: expected a source [2, time, width], time and width of known sizes, got [2,4]',
    ],
    [
      () => multiHeadCrossAttention({ heads: 2 }).run(input('x', 'float32', [3, 5, 8]), scope, { source }),
      'attention: expected a source [3, time, width], time and width of known sizes, got [2,4,6]',
    ],
    [
      () => apply(multiHeadSelfAttention({ heads: 4, keyValueHeads: 3 })),
      'attention: 4 heads cannot share 3 heads of keys and values',
    ],
    [
      () => apply(multiHeadSelfAttention({ heads: 8, rotary: true })),
      'rotary: expected [time, batch, heads, an even depth] and a base above 0, got [5,2,16,1] and 10000',
    ],
    [
      () => apply(multiHeadSelfAttention({ heads: 4, rotary: { base: 0 } })),
      'rotary: expected [time, batch, heads, an even depth] and a base above 0, got [5,2,8,2] and 0',
    ],
    [() => apply(learnedPositions(4)), 'learnedPositions: expected at most 4 positions, got 5'],
    [
      () => multiplicativeAttention({ score: 'dot' }).run(x, scope, { source }),
      'multiplicativeAttention: dot needs a query and a source of one width, got 8 and 6',
    ],
    [
      () => additiveAttention({ units: 3 }).run(x, scope, { source, sourceMask: input('m', 'bool', [2, 5]) }),
      'additiveAttention: expected a mask [2,4], got [2,5]',
    ],
    [
      () => additiveAttention({ units: 0 }),
      'additiveAttention: units must be a whole number of at least 1, got 0',
      'INVALID_ARGUMENT',
    ],
  ];
  for (const [attempt, message, reason = 'INVALID_GRAPH'] of refused) assert.throws(attempt, { reason, message });
});
