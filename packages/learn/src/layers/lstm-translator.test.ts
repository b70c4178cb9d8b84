// The recurrent encoder–decoder against PyTorch 2.13 in float64 (torch-lstm-translator.json: cells by `lstm_cell`, every
// source by itself and only as long as it is, attention and the layer before the logits as plain formulas), against finite
// differences, and step by step against itself. Weights are `weightsOf` of their names times 0.8; the fixture holds y, and of
// the gradient of Σ y · madeNumbers(3, …) per parameter its product with madeNumbers(99, …) and the root of its sum of squares.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { constantOf, gradients, input, mul, reduceSum, type Value, verifyGraph } from '../graph/index.ts';
import { evaluate, type NumericArray, numbersOf, tensorFromArray } from '../reference/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { madeIndices, madeNumbers } from '../train/testing/made-numbers.ts';
import {
  createScope,
  lstmEncoderDecoder,
  type LstmEncoderDecoderOptions,
  lstmEncoderDecoderSteps,
  SOURCE_INPUT,
  TARGET_INPUT,
} from './index.ts';
import { Decoding, ids, run, weightsOf } from './testing/stepwise-runs.ts';

const SMALL = { sourceVocabularySize: 7, width: 4, units: 3 } as const;
const CASES: Readonly<Record<string, LstmEncoderDecoderOptions>> = {
  additive: SMALL,
  multiplicative: { ...SMALL, targetVocabularySize: 6, layers: 2, attention: 'multiplicative', tied: false },
};
const LENGTHS = [5, 3, 1];
const TIME = 4;

/** Ids of 1 … 6, then padding. */
const SOURCES = LENGTHS.map((length, row) =>
  madeIndices(1, 15, 6)
    .slice(5 * row, 5 * row + 5)
    .map((id, at) => (at < length ? id + 1 : 0)),
);

const targetsOf = ({ targetVocabularySize = 7 }: LstmEncoderDecoderOptions): number[][] =>
  [0, 1, 2].map((row) => madeIndices(2, 3 * TIME, targetVocabularySize).slice(TIME * row, TIME * row + TIME));

interface TorchTranslator {
  readonly y: readonly number[];
  readonly gradients: Readonly<Record<string, readonly [number, number]>>;
}

// Written by the script whose essentials stand above.
const torch = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testing/torch-lstm-translator.json'), 'utf8'),
) as Readonly<Record<string, TorchTranslator>>;

function build(options: LstmEncoderDecoderOptions, training: boolean, sources = SOURCES) {
  const { scope, record } = createScope(training);
  const targets = targetsOf(options);
  const feeds = new Map<string, NumericArray>([
    [SOURCE_INPUT, ids(sources)],
    [TARGET_INPUT, ids(targets)],
  ]);
  const inputs = new Map([...feeds].map(([name, { shape }]) => [name, input(name, 'int64', shape)]));
  const y = lstmEncoderDecoder(options).build(inputs, scope);
  verifyGraph([y]);
  const { parameters } = record();
  const given = new Map<Value, NumericArray>(
    [...inputs].map(([name, value]) => [value, feeds.get(name) ?? assert.fail()]),
  );
  for (const [value, array] of weightsOf(parameters)) {
    given.set(value, { ...array, data: Float64Array.from(array.data, (weight) => 0.8 * weight) });
  }
  const shape = y.shape.map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  const total = reduceSum(mul(y, constantOf('float32', shape, madeNumbers(3, count))));
  return { y, total, parameters, given };
}

function assertNear(found: ArrayLike<number>, expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, what);
  for (const [at, value] of expected.entries()) {
    const near = Math.abs((found[at] ?? Number.NaN) - value) <= tolerance * Math.max(1, Math.abs(value));
    assert(near, `${what}[${at}]: ${found[at]}, PyTorch ${value}`);
  }
}

for (const [name, options] of Object.entries(CASES)) {
  const expected = torch[name] ?? assert.fail(name);

  test(`lstmEncoderDecoder, ${name}: logits and gradients are PyTorch's`, () => {
    const { y, total, parameters, given } = build(options, true);
    const slopes = gradients(
      total,
      parameters.map(({ value }) => value),
    );
    const [found, ...arrays] = evaluate([y, ...slopes.map((slope) => slope ?? assert.fail())], given);
    // Directions of the sum are rounded to float32.
    assertNear(numbersOf(found).data, expected.y, 1e-7, 'y');
    assert.deepEqual(parameters.map((each) => each.name).toSorted(), Object.keys(expected.gradients).toSorted());
    for (const [index, parameter] of parameters.entries()) {
      const { data } = numbersOf(arrays[index]);
      const directions = madeNumbers(99, data.length);
      const summary = [
        data.reduce((sum, value, at) => sum + value * (directions[at] ?? 0), 0),
        Math.sqrt(data.reduce((sum, value) => sum + value * value, 0)),
      ];
      assertNear(summary, expected.gradients[parameter.name] ?? [], 1e-6, parameter.name);
    }
  });

  test(`lstmEncoderDecoder, ${name}: ONNX Runtime gives PyTorch's logits, by its own LSTM`, async () => {
    const { y, parameters, given } = build(options, false);
    const model = compileToOnnx(simplify(new Map([['y', y]])));
    assert(Buffer.from(model).includes('LSTM'));
    const compiled = await (await ortExecutor()).compile(model);
    const feeds = [...given].map(([value, array]) => {
      const parameter = parameters.find((each) => each.value === value);
      const named = value.origin.kind === 'input' ? value.origin.name : '';
      return [parameter?.name ?? named, tensorFromArray(array)] as const;
    });
    const found = (await compiled.run(new Map(feeds))).get('y');
    await compiled.dispose();
    assert(found?.dtype === 'float32');
    assertNear(found.data, expected.y, 2e-5, 'y');
  });

  test(`lstmEncoderDecoder, ${name}: gradients are those of finite differences`, () => {
    const { total, parameters, given } = build(options, true);
    const slopes = gradients(
      total,
      parameters.map(({ value }) => value),
    ).map((slope) => slope ?? assert.fail());
    const found = evaluate(slopes, given).map((array) => numbersOf(array).data);
    const at = (): number => numbersOf(evaluate([total], given)[0]).data[0] ?? Number.NaN;
    for (const [index, { name: key, value }] of parameters.entries()) {
      const { data } = given.get(value) ?? assert.fail();
      for (let element = 0; element < data.length; element += Math.ceil(data.length / 8)) {
        const middle = data[element] ?? 0;
        data[element] = middle + 1e-5;
        const above = at();
        data[element] = middle - 1e-5;
        const numeric = (above - at()) / 2e-5;
        data[element] = middle;
        assertNear([found[index]?.[element] ?? Number.NaN], [numeric], 1e-6, `${key}[${element}]`);
      }
    }
  });

  test(`lstmEncoderDecoder, ${name}: more padding changes nothing, in training and in inference`, () => {
    const padded = SOURCES.map((row) => [...row, 0, 0, 0]);
    for (const training of [true, false]) {
      const [narrow, wide] = [build(options, training), build(options, training, padded)];
      const numbers = ({ y, given }: typeof narrow): number[] => [...numbersOf(evaluate([y], given)[0]).data];
      assertNear(numbers(wide), numbers(narrow), 1e-12, `training ${training}`);
    }
  });

  test(`lstmEncoderDecoderSteps, ${name}: its steps give the network's logits, sources being padded or empty`, () => {
    const sources = ids([...SOURCES.slice(0, 2), [0, 0, 0, 0, 0]]);
    const targets = targetsOf(options);
    const feeds = new Map([
      [SOURCE_INPUT, sources],
      [TARGET_INPUT, ids(targets)],
    ]);
    const whole = run(feeds, (inputs, scope) => new Map([['y', lstmEncoderDecoder(options).build(inputs, scope)]])).get(
      'y',
    );
    const size = options.targetVocabularySize ?? 7;
    const decoding = new Decoding(lstmEncoderDecoderSteps(options), 3, new Map([[SOURCE_INPUT, sources]]));
    for (let time = 0; time < TIME; time++) {
      const found = decoding.step(
        targets.map((row) => [row[time] ?? 0]),
        { onlyLast: time % 2 === 0 },
      );
      const rows = [0, 1, 2].flatMap((row) => [
        ...(whole?.data ?? []).slice((row * TIME + time) * size, (row * TIME + time + 1) * size),
      ]);
      assert.deepEqual(found.shape, time % 2 === 0 ? [3, size] : [3, 1, size]);
      assertNear(found.data, rows, 1e-9, `step ${time}`);
    }
  });
}

test('lstmEncoderDecoder refuses sizes that are none, and targets that are no rows of ids', () => {
  assert.throws(() => lstmEncoderDecoder({ ...SMALL, units: 0 }), {
    reason: 'INVALID_ARGUMENT',
    message: 'lstmEncoderDecoder: units must be a whole number of at least 1, got 0',
  });
  const { scope } = createScope(false);
  const { encode, decode } = lstmEncoderDecoder(SMALL);
  const source = encode(input('source', 'int64', [2, 3]), scope);
  assert.throws(() => decode(input('target', 'int64', [6]), scope, source), {
    reason: 'INVALID_GRAPH',
    message: 'lstmEncoderDecoder: expected ids [batch, time], got [6]',
  });
});
