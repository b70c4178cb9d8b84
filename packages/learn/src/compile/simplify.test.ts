import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import {
  add,
  applyOne,
  cast,
  concat,
  constant,
  constantOf,
  constantStrings,
  defineOperation,
  div,
  exp,
  expand,
  input,
  matMul,
  mul,
  neg,
  reduceMax,
  reduceMean,
  reduceSum,
  reshape,
  scan,
  type Shape,
  sortNodes,
  split,
  sub,
  tanh,
  transpose,
  type Value,
  verifyGraph,
  withGradient,
} from '../graph/index.ts';
import { arrayFromTensor, evaluate, type NumericArray, numbersOf, tensorFromArray } from '../reference/index.ts';
import { createRandom, type Random } from '../statistics/index.ts';
import { compileToOnnx, simplify } from './index.ts';

function simplified(...values: readonly Value[]): readonly Value[] {
  return [...simplify(new Map(values.map((value, index) => [`y${index}`, value]))).values()];
}

/** Operators with the attributes that say what was taken in. */
function operators(values: readonly Value[]): readonly string[] {
  return sortNodes(values).map(({ operation, attributes, inputs }) => {
    const flags = Object.entries(attributes).flatMap(([name, value]) =>
      /^(alpha|trans)/.test(name) && value !== (name === 'alpha' ? 1 : 0) ? [`${name}=${value}`] : [],
    );
    const addend = operation.name === 'Gemm' && inputs.length === 3 ? ['C'] : [];
    return [operation.name, ...flags, ...addend].join(' ');
  });
}

const x = input('x', 'float32', [2, 3]);
const y = input('y', 'float32', [2, 3]);
const w = input('w', 'float32', [3, 2]);
const square2 = input('square', 'float32', [2, 2]);
const cube = input('cube', 'float32', [4, 2, 3]);
const cubes = input('cubes', 'float32', [4, 3, 2]);
const time = input('time', 'float32', [3, 4, 2, 5]);
const times = input('times', 'float32', [3, 4, 2, 5]);
const images = input('images', 'float32', [8, 32, 8, 9]);
const row = input('row', 'float32', [3]);
const far = input('far', 'float32', ['N', 3]);
const count = input('count', 'int64', [2, 3]);
const half = constantOf('float32', [], [0.5]);
/** −0.5 · x, with the factor behind. */
const halved = mul(x, -0.5);

/** Per rule the graph it changes and what it leaves; and where it must keep off, the graph as it was. */
const RULES: readonly (readonly [string, readonly Value[], readonly string[]])[] = [
  ['a reshape of a reshape is one', [reshape(reshape(x, [6]), [3, 2])], ['Reshape']],
  ['a reshape back is none', [exp(reshape(reshape(x, [6]), [2, 3]))], ['Exp']],
  ['transposes that cancel go', [exp(transpose(transpose(cube, [1, 2, 0]), [2, 0, 1]))], ['Exp']],
  ['transposes in a row are one', [transpose(transpose(cube, [1, 2, 0]), [1, 2, 0])], ['Transpose']],
  ['an identity goes', [exp(withGradient(tanh(x), [], () => []))], ['Tanh', 'Exp']],
  ['adding 0 goes, on either side', [exp(add(x, 0)), exp(add(0, y))], ['Exp', 'Exp']],
  ['adding 0 that makes the shape stays', [add(row, constantOf('float32', [2, 3], Array(6).fill(0)))], ['Add']],
  ['subtracting 0 goes', [exp(sub(x, 0))], ['Exp']],
  ['subtracting from 0 stays', [sub(0, x)], ['Sub']],
  ['multiplying by 1 goes, on either side', [exp(mul(x, 1)), exp(mul(1, y))], ['Exp', 'Exp']],
  ['dividing by 1 goes', [exp(div(x, 1))], ['Exp']],
  ['dividing 1 stays', [div(1, x)], ['Div']],
  ['adding what was negated subtracts, on either side', [add(x, neg(y)), add(neg(exp(x)), y)], ['Sub', 'Exp', 'Sub']],
  ['subtracting what was negated adds', [sub(x, neg(y))], ['Add']],
  ['negating a product negates its factor', [neg(mul(x, 0.5))], ['Mul']],
  ['a product that others read is not negated in place', [neg(halved), exp(halved)], ['Mul', 'Neg', 'Exp']],
  ['factors of factors are one, on either side', [mul(0.5, mul(x, 3)), mul(mul(y, 0.25), 3)], ['Mul', 'Mul']],
  ['a factor of what was negated is negated', [mul(neg(x), 3)], ['Mul']],
  ['factors that would vanish together stay', [mul(mul(x, 1e-30), 1e-30)], ['Mul', 'Mul']],
  ['factors that would overflow together stay', [mul(mul(x, 1e30), 1e30)], ['Mul', 'Mul']],
  [
    'repetition that addition does anyway goes',
    [add(expand(row, [2, 3]), y), add(y, expand(row, [2, 3]))],
    ['Add', 'Add'],
  ],
  [
    'so it does in differences, products and quotients',
    [sub(x, expand(row, [2, 3])), mul(expand(row, [2, 3]), y), div(x, expand(row, [2, 3]))],
    ['Sub', 'Mul', 'Div'],
  ],
  ['repetition that makes the shape stays', [add(expand(row, [2, 3]), row)], ['Expand', 'Add']],
  ['a product of matrices is a Gemm', [matMul(x, w)], ['Gemm']],
  [
    'a Gemm takes transposed operands',
    [matMul(transpose(w), w), matMul(x, transpose(y)), matMul(transpose(x), transpose(w))],
    ['Gemm transA=1', 'Gemm transB=1', 'Gemm transA=1 transB=1'],
  ],
  [
    'the transpose of a product is the product of transposes',
    [transpose(matMul(x, w)), transpose(matMul(transpose(w), transpose(x)))],
    ['Gemm transA=1 transB=1', 'Gemm'],
  ],
  [
    'a product that others read is not transposed in place',
    [transpose(matMul(x, w)), matMul(x, w)],
    ['Gemm', 'Transpose'],
  ],
  [
    'a Gemm takes a factor, on either side',
    [mul(matMul(x, w), 0.5), mul(half, matMul(transpose(w), w))],
    ['Gemm alpha=0.5', 'Gemm alpha=0.5 transA=1'],
  ],
  [
    'a Gemm takes an addend, on either side',
    [add(matMul(x, w), square2), add(input('b', 'float32', [2]), matMul(y, w))],
    ['Gemm C', 'Gemm C'],
  ],
  ['of two products the first takes the second', [add(matMul(x, w), matMul(y, w))], ['Gemm', 'Gemm C']],
  ['an addend that is larger stays', [add(matMul(x, w), input('wide', 'float32', [4, 2, 2]))], ['Gemm', 'Add']],
  ['a factor on a sum stays', [mul(add(matMul(x, w), square2), 0.5)], ['Gemm C', 'Mul']],
  ['a product that others read takes nothing', [add(matMul(x, w), square2), exp(matMul(x, w))], ['Gemm', 'Add', 'Exp']],
  ['nor a factor', [mul(matMul(x, w), 0.5), exp(matMul(x, w))], ['Gemm', 'Mul', 'Exp']],
  ['a plain product of batches stays', [matMul(cube, cubes)], ['MatMul']],
  [
    'a product of batches takes transposed operands',
    [matMul(transpose(cube, [0, 2, 1]), cube), matMul(cube, transpose(cube, [0, 2, 1]))],
    ['FusedMatMul transA=1', 'FusedMatMul transB=1'],
  ],
  [
    'and operands whose batch is not in front',
    [matMul(transpose(time, [1, 2, 0, 3]), transpose(times, [1, 2, 3, 0]))],
    ['FusedMatMul transB=1 transBatchA=1 transBatchB=1'],
  ],
  [
    'other transposes stay',
    [matMul(transpose(time, [2, 1, 0, 3]), transpose(times, [2, 1, 3, 0]))],
    ['Transpose', 'Transpose', 'MatMul'],
  ],
  ['batches of another rank stay', [matMul(transpose(cube, [0, 2, 1]), square2)], ['Transpose', 'MatMul']],
  [
    'a product of batches takes a factor',
    [mul(matMul(cube, cubes), 0.5), mul(matMul(transpose(cubes, [0, 2, 1]), cubes), 2)],
    ['FusedMatMul alpha=0.5', 'FusedMatMul alpha=2 transA=1'],
  ],
  [
    'equal nodes are one',
    [add(exp(x), exp(x)), add(tanh(x), 2), add(tanh(x), constantOf('float32', [], [2]))],
    ['Exp', 'Add', 'Tanh', 'Add'],
  ],
  [
    'equal small constants are one',
    [
      concat([constantOf('float32', [2], [1, 2]), constantOf('float32', [2], [1, 2])], 0),
      add(constantOf('float32', [2], [1, 2]), 1),
      add(constantOf('float32', [2], [1, 2]), 1),
    ],
    ['Concat', 'Add'],
  ],
  [
    'symbols that one reshape cannot place stay two reshapes',
    [reshape(reshape(input('ab', 'float32', [1, 'A', 'B']), ['A', 1, 'B']), ['A', 'B', 1])],
    ['Reshape', 'Reshape'],
  ],
  ['a reshape keeps its symbols', [reshape(reshape(far, ['N', 3, 1]), ['N', 1, 3])], ['Reshape']],
  [
    'a transpose that only moves axes of size 1 is a reshape',
    [transpose(input('ones', 'float32', [4, 1, 2, 1]), [3, 0, 2, 1])],
    ['Reshape'],
  ],
  [
    'large runs of axes that change places are a matrix transposed',
    [transpose(images, [2, 3, 0, 1])],
    ['Reshape', 'Transpose', 'Gather', 'Reshape'],
  ],
  [
    'one axis that moves past the others stays',
    [transpose(images, [1, 2, 3, 0]), transpose(images, [3, 0, 1, 2])],
    ['Transpose', 'Transpose'],
  ],
  ['other large transposes stay', [transpose(images, [0, 2, 1, 3])], ['Transpose']],
  ['small runs of axes stay', [transpose(input('few', 'float32', [2, 3, 4, 5]), [2, 3, 0, 1])], ['Transpose']],
  [
    'short rows are summed side by side first',
    [reduceSum(images, { axes: [0, 1, 2] }), reduceMean(images, { axes: [0, 2, 1], keepAxes: true })],
    ['Reshape', 'ReduceSum', 'Reshape', 'ReduceSum', 'ReduceMean', 'Reshape', 'ReduceMean', 'Reshape'],
  ],
  [
    'sums of long rows, of all and along rows stay',
    [reduceSum(images, { axes: [0] }), reduceSum(images), reduceSum(images, { axes: [2, 3] })],
    ['ReduceSum', 'ReduceSum', 'ReduceSum'],
  ],
  ['products of integers stay', [matMul(count, transpose(count))], ['Transpose', 'MatMul']],
];

for (const [name, values, expected] of RULES) {
  test(`simplify: ${name}`, () => {
    const after = simplified(...values);
    verifyGraph(after);
    assert.deepEqual(operators(after), expected);
    assertSame(values, after, createRandom(name));
  });
}

test('simplify tells apart constants and attributes that print alike', () => {
  const zeros = [div(x, constantOf('float32', [], [0])), div(x, constantOf('float32', [], [-0]))];
  assert.equal(operators(simplified(...zeros)).length, 2);
  const texts = constantStrings([1], ['a']);
  const encode = (...keys: readonly string[]) => {
    const operation = defineOperation<{ readonly keys: readonly string[] }>({
      name: 'Encoder',
      attributes: { keys: { kind: 'strings' } },
      infer: () => [{ dtype: 'int64', shape: [1] }],
    });
    return applyOne(operation, [texts], { keys });
  };
  assert.equal(operators(simplified(encode('a,b', 'c'), encode('a', 'b,c'))).length, 2);
  assert.equal(operators(simplified(encode('a', 'b'), encode('a', 'b'))).length, 1);
});

test('simplify leaves a float64 product its factor where an attribute would round it', () => {
  const [a, b] = [input('a', 'float64', [2, 2]), input('b', 'float64', [2, 2])];
  assert.deepEqual(operators(simplified(mul(matMul(a, b), 0.1))), ['Gemm', 'Mul']);
  assert.deepEqual(operators(simplified(mul(matMul(a, b), 0.25))), ['Gemm alpha=0.25']);
});

test('simplify works inside loops', () => {
  const { states } = scan([square2], [cube], ([state = square2], [element = x]) => ({
    states: [add(mul(neg(state), 1), matMul(transpose(transpose(element)), transpose(element)))],
    outputs: [],
  }));
  const [after] = simplified(...states);
  const node = sortNodes(after ? [after] : []).find(({ operation }) => operation.name === 'Scan');
  const body = node?.attributes['body'];
  assert(typeof body === 'object' && 'outputs' in body && !('dtype' in body));
  assert.deepEqual(operators(body.outputs), ['Gemm transB=1', 'Sub']);
  assertSame(states, after ? [after] : [], createRandom('loop'));
});

/** Feeds random numbers and compares every element; symbols become sizes. */
function assertSame(before: readonly Value[], after: readonly Value[], random: Random): void {
  const feeds = new Map<Value, NumericArray>();
  for (const value of inputsOf(before)) {
    const sizes: Readonly<Record<string, number>> = { N: 4, A: 2, B: 3 };
    const shape = value.shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? 1)));
    const length = shape.reduce((product, size) => product * size, 1);
    const data = Float64Array.from({ length }, () =>
      value.dtype === 'int64' ? random.integer(9) - 4 : random.normal(),
    );
    feeds.set(value, { dtype: value.dtype, shape, data });
  }
  const expected = evaluate(before, feeds).map(numbersOf);
  for (const [index, { shape, data }] of evaluate(after, feeds).map(numbersOf).entries()) {
    const wanted = expected[index] ?? assert.fail();
    assert.deepEqual(shape, wanted.shape);
    for (const [k, value] of data.entries()) {
      const right = wanted.data[k] ?? Number.NaN;
      const close = Object.is(value, right) || Math.abs(value - right) <= 1e-11 * Math.max(1, Math.abs(right));
      assert(close, `output ${index} [${k}]: ${value}, before ${right}`);
    }
  }
}

function inputsOf(values: readonly Value[]): ReadonlySet<Value> {
  const found = new Set(values.filter(({ origin }) => origin.kind === 'input'));
  for (const { inputs } of sortNodes(values))
    for (const value of inputs) if (value.origin.kind === 'input') found.add(value);
  return found;
}

/** Factors whose products are exact in float32, so that before and after differ by nothing but the order of sums. */
const FACTORS = [0, 1, -1, 0.5, 2, -3, 0.25, 1.5];
const SIZES = [1, 2, 3];

/** A graph of some thirty nodes, made of what the rules look for. */
function randomGraph(random: Random): readonly Value[] {
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] ?? assert.fail();
  const shape = (): Shape => Array.from({ length: 1 + random.integer(4) }, () => pick(SIZES));
  const pool: Value[] = Array.from({ length: 3 }, (_, k) => input(`in${k}`, 'float32', shape()));
  const shuffled = (length: number): readonly number[] => random.shuffle([...Array(length).keys()]);
  const size = (value: Value): number => value.shape.reduce<number>((product, each) => product * Number(each), 1);
  const broadcasting = (a: Value): Value => {
    const fits = pool.filter(
      (b) =>
        Array.from({ length: Math.min(a.shape.length, b.shape.length) }, (_, k) => [
          a.shape.at(-1 - k),
          b.shape.at(-1 - k),
        ]).every(([left, right]) => left === right || left === 1 || right === 1) && b.shape.length <= 4,
    );
    return fits.length === 0 ? a : pick(fits);
  };
  const makers: readonly ((a: Value) => Value)[] = [
    (a) => pick([add, sub, mul])(a, broadcasting(a)),
    (a) => pick([add, sub, mul, mul, mul])(a, pick(FACTORS)),
    (a) => pick([add, mul])(pick(FACTORS), a),
    (a) => div(a, pick(FACTORS.filter((factor) => factor !== 0))),
    (a) => neg(a),
    (a) => add(a, neg(broadcasting(a))),
    (a) => (random.integer(3) === 0 ? tanh(a) : mul(neg(a), pick(FACTORS))),
    (a) => transpose(a, shuffled(a.shape.length)),
    (a) => reshape(a, pick([[-1], [1, -1], [-1, 1], [...a.shape].reverse()])),
    (a) => (size(a) > 40 || a.shape.length > 3 ? a : expand(a, [pick(SIZES), ...a.shape])),
    (a) =>
      pick([reduceSum, reduceMean, reduceMax])(a, {
        axes: [random.integer(a.shape.length || 1)].slice(0, a.shape.length),
        keepAxes: random.integer(2) === 0,
      }),
    (a) => withGradient(a, [], () => []),
    (a) => product(a),
    (a) => product(a),
    (a) => (a.shape.length === 0 ? a : concat(split(a, 0, [Number(a.shape[0])]).concat(a), 0)),
    (a) => cast(cast(a, 'float64'), 'float32'),
  ];
  /** A product with a transposed copy of something of the same last axis, or of the value itself. */
  function product(a: Value): Value {
    if (a.shape.length < 2) return a;
    const others = pool.filter(
      (b) => b.shape.length === a.shape.length && a.shape.slice(0, -2).every((each, axis) => each === b.shape[axis]),
    );
    const b = pick(others.length === 0 ? [a] : others);
    const swap = (value: Value): Value =>
      transpose(value, [...value.shape.keys()].slice(0, -2).concat([value.shape.length - 1, value.shape.length - 2]));
    const candidates = [
      [a, b],
      [a, swap(b)],
      [swap(a), b],
      [swap(a), swap(b)],
    ].filter(([left, right]) => left?.shape.at(-1) === right?.shape.at(-2));
    const [left = a, right = swap(a)] = candidates.length === 0 ? [] : pick(candidates);
    const result = matMul(left, right);
    return pick([
      (v: Value) => v,
      (v: Value) => mul(v, pick(FACTORS)),
      (v: Value) => (v.shape.length === 2 ? transpose(v) : v),
      (v: Value) => add(v, broadcasting(v)),
    ])(result);
  }
  for (let node = 0; node < 30; node++) {
    const made = pick(makers)(pick(pool.slice(-8)));
    if (size(made) <= 200 && made.shape.length <= 5) pool.push(made);
  }
  return [pick(pool.slice(-4)), pick(pool.slice(-8)), pool.at(-1) ?? assert.fail()];
}

test('simplify keeps what random graphs compute, and every operand form of products comes up', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 400; seed++) {
    const random = createRandom(`graph ${seed}`);
    const before = randomGraph(random);
    const after = simplified(...before);
    verifyGraph(after);
    assert.deepEqual(
      after.map(({ shape, dtype }) => [dtype, ...shape]),
      before.map(({ shape, dtype }) => [dtype, ...shape]),
    );
    try {
      assertSame(before, after, random);
    } catch (cause) {
      throw new Error(`graph ${seed}: ${operators(before).join(', ')} became ${operators(after).join(', ')}`, {
        cause,
      });
    }
    for (const operator of operators(after))
      for (const part of operator.split(' '))
        seen.add(part.replace(/=.*/, operator.startsWith('Fused') ? ' fused' : ' gemm'));
  }
  for (const part of [
    'Gemm',
    'C',
    'alpha gemm',
    'transA gemm',
    'transB gemm',
    'FusedMatMul',
    'alpha fused',
    'transA fused',
    'transB fused',
    'Sub',
    'Expand',
    'Transpose',
  ])
    assert(seen.has(part), `${part} never came up`);
});

test('simplify keeps what random graphs compute on ONNX Runtime', async () => {
  const executor = await createOrtNodeExecutor({ threads: 1 });
  for (let seed = 0; seed < 25; seed++) {
    const random = createRandom(`runtime ${seed}`);
    const outputs = new Map(randomGraph(random).map((value, index) => [`y${index}`, value]));
    const given = [...inputsOf([...outputs.values()])];
    if (given.length === 0) continue;
    const arrays = given.map((value): NumericArray => {
      const shape = value.shape.map(Number);
      const length = shape.reduce((product, size) => product * size, 1);
      return { dtype: 'float32', shape, data: Float64Array.from({ length }, () => Math.fround(random.normal())) };
    });
    const compiled = await executor.compile(compileToOnnx(simplify(outputs), { inputs: given }));
    const names = given.map(({ origin }) => (origin.kind === 'input' ? origin.name : ''));
    const results = await compiled.run(
      new Map(arrays.map((array, index) => [names[index] ?? '', tensorFromArray(array)])),
    );
    const expected = evaluate(
      [...outputs.values()],
      new Map(given.map((value, index) => [value, arrays[index] ?? assert.fail()])),
    ).map(numbersOf);
    for (const [index, { data }] of expected.entries()) {
      const found = numbersOf(arrayFromTensor(results.get(`y${index}`) ?? assert.fail())).data;
      const scale = data.reduce((greatest, value) => Math.max(greatest, Math.abs(value)), 1);
      for (const [k, value] of data.entries())
        assert(Math.abs((found[k] ?? Number.NaN) - value) <= 1e-4 * scale, `graph ${seed}, output ${index}`);
    }
    await compiled.dispose();
  }
});

test('simplify keeps the names and order of outputs, also of inputs and constants', () => {
  const outputs = new Map([
    ['second', x],
    ['first', constant({ dtype: 'float32', shape: [], data: Float32Array.of(2) })],
    ['third', add(x, 0)],
  ]);
  assert.deepEqual([...simplify(outputs).keys()], ['second', 'first', 'third']);
  assert.equal(simplify(outputs).get('third'), x);
});
