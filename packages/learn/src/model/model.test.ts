// The model as somebody new uses it: inputs by name, ids, class numbers, and what is said to each slip.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { concat, matMul } from '../graph/index.ts';
import { dense, embedding, flatten, functional, gpt, l2, layer, sequential } from '../layers/index.ts';
import { sgd, sparseCategoricalCrossentropy } from '../train/index.ts';
import { compile, type CompileSettings, type NestedNumbers, toTensor } from './index.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });
const classes: CompileSettings = { executor, loss: 'sparseCategoricalCrossentropy' };
const numbers: CompileSettings = { executor, loss: 'mse', optimizer: sgd({ learningRate: 0.1 }) };

const x = [
  [0.5, -1],
  [1.5, 2],
  [-0.25, 0.75],
  [2, 1],
];
const ids = [
  [0, 3],
  [1, 2],
  [4, 4],
  [3, 0],
];
const wordNetwork = () => sequential([embedding(5, 3), flatten(), dense(1)]);

for (const [what, labels, found] of [
  ['a fraction', [0, 1, 0.7, 2], 'row 2 has 0.7'],
  ['what is no number', [0, Number.NaN, 1, 2], 'row 1 has NaN'],
  ['a class too many', [0, 1, 2, 3], 'row 3 has 3'],
  ['a negative class', [-1, 1, 2, 0], 'row 0 has -1'],
  ['a huge number', [0, 1e300, 2, 0], 'row 1 has 1e+300'],
] as const) {
  test(`fit and evaluate refuse ${what} as a class number`, async () => {
    const model = compile(dense(3, { activation: 'softmax' }), classes);
    const error = {
      reason: 'INVALID_DATA',
      message: `sparseCategoricalCrossentropy: targets must be whole numbers of 0 … 2, as the network gives 3 classes; ${found}`,
    };
    await assert.rejects(model.fit(x, labels), error);
    const asTensor = createTensor('float64', [4], Float64Array.from(labels));
    await assert.rejects(model.fit(x, asTensor), error);
    await assert.rejects(model.fit(x, [0, 1, 2, 0], { validation: [x, labels] }), error);
    await model.fit(x, [0, 1, 2, 0], { epochs: 1 });
    await assert.rejects(model.evaluate(x, labels), error);
  });
}

test('fit refuses a class number that is not whole where the loss has no words of its own', async () => {
  const { assertTargets: _, ...loss } = sparseCategoricalCrossentropy();
  await assert.rejects(compile(dense(3, { activation: 'softmax' }), { executor, loss }).fit(x, [0, 1, 2, 0.5]), {
    reason: 'INVALID_DATA',
    message:
      'fit: the target: sparseCategoricalCrossentropy takes whole class numbers 0 … C−1, C the classes of the network; row 3 has 0.5',
  });
});

test('fit takes class numbers as int32 and float32 tensors, too', async () => {
  const results = [];
  for (const labels of [
    [0, 2, 1, 1],
    createTensor('int32', [4], Int32Array.of(0, 2, 1, 1)),
    createTensor('float32', [4], Float32Array.of(0, 2, 1, 1)),
    createTensor('int64', [4], BigInt64Array.of(0n, 2n, 1n, 1n)),
  ]) {
    const model = compile(dense(3, { activation: 'softmax' }), { ...classes, metrics: ['accuracy'] });
    results.push((await model.fit(x, labels, { epochs: 2 })).at(-1)?.values);
  }
  assert.equal(typeof results[0]?.['accuracy'], 'number');
  for (const values of results) assert.deepEqual(values, results[0]);
});

test('a network of an input of another name takes rows by themselves and by name', async () => {
  const network = functional(['pixels'], (inputs, scope) => dense(1).apply(inputs.get('pixels'), scope));
  const byItself = compile(network, numbers);
  const byName = compile(network, numbers);
  await byItself.fit(x, [1, 2, 3, 4], { epochs: 3 });
  await byName.fit({ pixels: x }, [1, 2, 3, 4], { epochs: 3, validation: [new Map([['pixels', x]]), [1, 2, 3, 4]] });
  const predictions = await byItself.predict(x);
  assert.deepEqual(await byName.predict({ pixels: x }), predictions);
  assert.deepEqual(await byName.predict(x), predictions);
  assert.deepEqual(await byName.evaluate({ pixels: x }, [1, 2, 3, 4]), await byItself.evaluate(x, [1, 2, 3, 4]));
  assert.deepEqual([...byItself.trained.inputs.keys()], ['pixels']);
});

test('a network of several inputs is trained, measured and asked by their names', async () => {
  const network = functional(['ids', 'age'], (inputs, scope) => {
    const words = sequential([embedding(5, 3), flatten()]).apply(inputs.get('ids'), scope.inside('words'));
    return dense(1).apply(concat([words, inputs.get('age')], 1), scope);
  });
  const age = [[0.1], [0.4], [0.3], [0.9]];
  const y = [1, 0, 2, -1];
  const model = compile(network, numbers);
  assert.match(model.summary({ age: [1], ids: [2] }), /words\.0\.embedding\/table +15 .*\n.*kernel +7 /);
  const before = (await model.fit({ age, ids }, y, { epochs: 1 })).at(-1)?.values['loss'] ?? 0;
  const after = (await model.fit({ ids, age }, y, { epochs: 200, validation: [{ ids, age }, y] })).at(-1);
  assert((after?.values['loss'] ?? 1) < before / 10, `${before} → ${after?.values['loss']}`);
  const { loss = 1 } = await model.evaluate(new Map([['age', age] as const, ['ids', ids] as const]), y);
  assert(Math.abs(loss - (after?.values['validation loss'] ?? 0)) < 1e-6);
  const { data } = await model.predict({ ids, age });
  for (const [row, value] of y.entries()) assert(Math.abs((data[row] ?? 9) - value) < 0.3, `${data}`);
  assert.equal(model.trained.inputs.get('ids')?.dtype, 'int32');
  assert.equal(model.trained.inputs.get('age')?.dtype, 'float32');

  await assert.rejects(model.fit(x, y), {
    reason: 'INVALID_DATA',
    message: 'fit: the network has 2 inputs; give them by name, as { "ids": …, "age": … }',
  });
  await assert.rejects(model.predict({ ids }), {
    reason: 'INVALID_DATA',
    message: 'predict: the network takes the inputs ids, age; given are ids',
  });
  await assert.rejects(model.evaluate({ ids, age, x }, y), {
    message: 'evaluate: the network takes the inputs ids, age; given are ids, age, x',
  });

  const copy = compile(network, numbers);
  copy.loadWeights(model.saveWeights(), { ids: [2], age: [1] });
  assert.deepEqual(await copy.predict({ ids, age }), await model.predict({ ids, age }));
});

test('ids are nested arrays wherever rows are, without a word about their dtype', async () => {
  const model = compile(wordNetwork(), numbers);
  assert.match(model.summary([2]), /0\.embedding\/table +15 .*\n.*kernel +6 .*\n.*bias.*\n.*22\noutput \[N, 1\]/);
  await model.fit(ids, [1, 0, 2, -1], { epochs: 5 });
  const predictions = await model.predict(ids);
  assert.equal(model.trained.inputs.get('x')?.dtype, 'int32');
  const copy = compile(wordNetwork(), numbers);
  copy.loadWeights(model.saveWeights(), [2]);
  assert.deepEqual(await copy.predict(ids), predictions);
  assert.equal(copy.summary(), model.summary([2]));
});

test('declared inputs need no further word, and decide the dtype', async () => {
  const inputs = { ids: { dtype: 'int64', shape: [2] } } as const;
  const model = compile(wordNetwork(), { ...numbers, inputs });
  const before = model.summary();
  await model.fit(ids, [1, 0, 2, -1], { epochs: 2 });
  assert.deepEqual(model.trained.inputs, new Map([['ids', { dtype: 'int64', shape: [2] }]]));
  const copy = compile(wordNetwork(), { ...numbers, inputs: new Map(Object.entries(inputs)) });
  copy.loadWeights(model.saveWeights());
  assert.deepEqual(await copy.predict(ids), await model.predict({ ids }));
  assert.equal(copy.summary(), before);
  assert.throws(() => compile(dense(1), numbers).summary(), {
    reason: 'INVALID_ARGUMENT',
    message: 'summary: give the shape of one row; nothing has said it yet',
  });
  const named = functional(['a'], (given, scope) => dense(1).apply(given.get('a'), scope));
  assert.throws(() => compile(named, { ...numbers, inputs: { b: { shape: [2] } } }), {
    reason: 'INVALID_ARGUMENT',
    message: 'compile: the network takes the inputs a; inputs has b',
  });
  assert.throws(() => compile(dense(1), { ...numbers, inputs: { x: { shape: [0] } } }), {
    message: /^compile: input "x" must have a dtype .* got undefined \[0\]$/,
  });
});

test('a GPT takes ids as arrays', async () => {
  const network = gpt({ vocabularySize: 5, blockSize: 2, layers: 1, heads: 1, width: 4 });
  const model = compile(network, { executor, loss: sparseCategoricalCrossentropy({ fromLogits: true }) });
  await model.fit(ids, ids, { epochs: 1 });
  assert.deepEqual((await model.predict(ids)).shape, [4, 2, 5]);
});

for (const [bad, row, value] of [
  [ids.with(2, [1, 5]), 2, 5],
  [ids.with(0, [-1, 2]), 0, -1],
] as const) {
  test(`ids that an embedding has no row for are refused: ${value}`, async () => {
    const model = compile(wordNetwork(), numbers);
    const message = (what: string): string =>
      `${what}: input "x" must be ids of 0 … 4, as its embedding has 5 rows; row ${row} has ${value}`;
    await assert.rejects(model.fit(bad, [1, 0, 2, -1]), { reason: 'INVALID_DATA', message: message('fit') });
    await model.fit(ids, [1, 0, 2, -1], { epochs: 1 });
    await assert.rejects(model.predict(bad), { reason: 'INVALID_DATA', message: message('predict') });
    await assert.rejects(model.evaluate(bad, [1, 0, 2, -1]), { message: message('evaluate') });
    await assert.rejects(model.fit(ids, [1, 0, 2, -1], { validation: [bad, [1, 0, 2, -1]] }), {
      message: message('fit: validation'),
    });
  });
}

test('fit refuses rows by what is wrong with them', async () => {
  const cases: readonly (readonly [NestedNumbers, string, string])[] = [
    [ids.with(1, [0.5, 1]), 'INVALID_DATA', 'fit: input "x": expected whole numbers of int32; row 1 has 0.5'],
    [
      ids.with(3, [0, 2 ** 31]),
      'INVALID_DATA',
      'fit: input "x": expected whole numbers of int32; row 3 has 2147483648',
    ],
    [ids.with(2, [1]), 'INVALID_DATA', 'fit: input "x": expected rows of length 2, got one of 1'],
  ];
  for (const [rows, reason, message] of cases) {
    await assert.rejects(compile(wordNetwork(), numbers).fit(rows, [1, 0, 2, -1]), { reason, message });
  }
  await assert.rejects(compile(dense(1), numbers).fit([1, 2, 3, 4], [1, 0, 2, -1]), {
    reason: 'INVALID_GRAPH',
    message: 'dense: expected rows that are arrays, [batch, ..., in], got [4]; a row of one number is [v], not v',
  });
  await assert.rejects(compile(dense(1), numbers).fit(x.with(2, [1e39, 0]), [1, 0, 2, -1]), {
    reason: 'INVALID_DATA',
    message: 'fit: input "x": expected numbers that float32 holds (it ends at 3.4e38); row 2 has 1e+39',
  });
  await assert.rejects(compile(dense(1), numbers).fit(x.with(2, [Number.NaN, 0]), [1, 0, 2, -1]), {
    message: 'fit: input "x" is NaN in row 2, and the loss with it; fill in missing values before training',
  });
});

test('a network that fits no dtype speaks for the one that came furthest', async () => {
  const network = sequential([
    embedding(5, 3),
    layer('wrong', (y, scope) => matMul(y, scope.parameter('w', [9, 2], { initializer: () => new Float32Array(18) }))),
  ]);
  await assert.rejects(compile(network, numbers).fit(ids, [1, 0, 2, -1]), { message: /^MatMul: / });
  assert.throws(() => compile(network, numbers).summary([2]), { message: /^MatMul: / });
});

test('fit refuses to run twice at once, and goes on afterwards', async () => {
  const model = compile(dense(1), numbers);
  const first = model.fit(x, [1, 0, 2, -1], { epochs: 2 });
  const error = { reason: 'INVALID_ARGUMENT', message: 'fit: this model is being fitted; await that fit first' };
  await assert.rejects(model.fit(x, [1, 0, 2, -1]), error);
  assert.equal((await first).length, 2);
  await assert.rejects(model.fit(x, [1, 0]));
  assert.equal((await model.fit(x, [1, 0, 2, -1], { epochs: 1 })).length, 1);
});

test('fit and compile refuse options that they have not', async () => {
  const misspelt = { optimiser: 'adam' };
  assert.throws(() => compile(dense(1), { ...numbers, ...misspelt }), {
    reason: 'INVALID_ARGUMENT',
    message:
      'compile: there is no option optimiser; did you mean optimizer? (executor, loss, optimizer, metrics, inputs)',
  });
  const model = compile(dense(1, { kernelRegularizer: l2(0.01) }), numbers);
  const options: readonly (readonly [object, RegExp])[] = [
    [{ epoch: 3 }, /^fit: there is no option epoch; did you mean epochs\? \(/],
    [{ validation_split: 0.2 }, /no option validation_split; did you mean validation\?/],
    [{ verbose: 1 }, /no option verbose; nothing is printed by itself; onEpoch/],
    [{ loss: 'mse' }, /no option loss; see what there is \(epochs, batchSize/],
  ];
  for (const [given, message] of options) {
    await assert.rejects(model.fit(x, [1, 0, 2, -1], given), { reason: 'INVALID_ARGUMENT', message });
  }
});

test('what comes from JavaScript untyped is refused by name, too', async () => {
  const given = (value: unknown): NestedNumbers => value as NestedNumbers; // as a program without types would
  const cases: readonly (readonly [unknown, string])[] = [
    [[['a'], ['b']], 'fit: input "x": expected a number, got "a"'],
    [[[true], [false]], 'fit: input "x": expected a number, got true'],
    [[[1], null], 'fit: input "x": expected an array of shape [1], got null'],
    [[null, [1]], 'fit: input "x": expected a number, got null'],
    [[[1], [[2]]], 'fit: input "x": expected a number, got an array'],
    [undefined, 'fit: expected rows, or an object of rows by input name, got undefined'],
    [{}, 'fit: the network takes one input; given are none'],
  ];
  for (const [rows, message] of cases) {
    await assert.rejects(compile(dense(1), numbers).fit(given(rows), [1, 2]), { reason: 'INVALID_DATA', message });
  }
  // `never` fits where the types would refuse it.
  await assert.rejects(compile(dense(1), numbers).fit([[1], [2]], given('ab')), {
    message: 'fit: the target: expected an array of numbers or a tensor, got ab',
  });
  assert.throws(() => compile(dense(1), { ...numbers, executor: given(null) as never }), {
    message: 'compile: expected an executor, such as await createOrtNodeExecutor()',
  });
  assert.throws(() => compile(dense(1), { ...numbers, loss: given(undefined) as never }), {
    message: /^loss: expected one of meanSquaredError, .* got undefined$/,
  });
});

test('rows may be typed arrays', async () => {
  const plain = compile(dense(1), numbers);
  const typed = compile(dense(1), numbers);
  await plain.fit(x, [1, 0, 2, -1], { epochs: 2 });
  await typed.fit(
    x.map((row) => Float64Array.from(row)),
    Int8Array.of(1, 0, 2, -1),
    { epochs: 2 },
  );
  assert.deepEqual(typed.trained.weights, plain.trained.weights);
});

test('toTensor keeps what numbers mean', () => {
  assert.deepEqual(toTensor([[1, 2.5]]), createTensor('float32', [1, 2], Float32Array.of(1, 2.5)));
  assert.deepEqual(toTensor([-3, 2 ** 40], 'int64'), createTensor('int64', [2], BigInt64Array.of(-3n, 2n ** 40n)));
  assert.throws(() => toTensor([1, 2.5], 'int64'), { message: 'tensor: expected whole numbers; row 1 has 2.5' });
  assert.throws(() => toTensor([[1], [Number.NaN]], 'int32'), {
    message: 'tensor: expected whole numbers of int32; row 1 has NaN',
  });
  assert.equal(toTensor([Number.POSITIVE_INFINITY]).data[0], Number.POSITIVE_INFINITY);
});
