import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { axisOf, cellOf, decodeConfiguration, encodeConfiguration, unitOf, valueAt } from './axis.ts';
import { parseConfiguration, parseSearchSpace, searchSpaceToJson } from './parse-space.ts';
import { configurationToJson, describeSearchSpace, type SearchSpace } from './search-space.ts';
import { createGridSampler, sampleConfiguration } from './simple-samplers.ts';
import { conditional, mixedRastrigin } from './testing/objectives.ts';
import type { TrialRecord } from './trial.ts';

test('parseSearchSpace names the parameter and the fault', () => {
  const faults: readonly (readonly [unknown, RegExp])[] = [
    [null, /expects an object of parameters, got null/],
    [[], /got a list/],
    [{}, /has no parameters/],
    [{ x: { uniform: [1] } }, /"x" uniform needs \[low, high\], got \[1\]/],
    [{ x: { uniform: [1, '2'] } }, /"x" uniform needs two finite numbers, got \[1,"2"\]/],
    [{ x: { uniform: [-1.7e308, 1.7e308] } }, /two finite numbers/],
    [{ x: { uniform: [2, 1] } }, /"x" uniform needs low < high, got 2 and 1/],
    [{ x: { logUniform: [0, 1] } }, /"x" logUniform needs low > 0, got 0/],
    [{ x: { integer: [1, 2.5] } }, /"x" integer needs whole bounds, got 1 and 2.5/],
    [{ x: { integer: [0, 9], step: 2.5 } }, /"x" needs a whole step, got 2.5/],
    [{ x: { uniform: [0, 1], step: Number.NaN } }, /"x" needs a step above 0 and at most 1, got NaN/],
    [{ x: { uniform: [0, 1], step: 1e-300 } }, /too small a step/],
    [{ x: { logInteger: [0, 8] } }, /"x" logInteger needs low ≥ 1, got 0/],
    [{ x: { logUniform: [1, 2], step: 1 } }, /"x" \(logUniform\) does not know "step"/],
    [{ x: { choice: [] } }, /at least one value/],
    [{ x: { choice: ['a', 'b', 'a'] } }, /has the choice "a" twice/],
    [{ x: { choice: [Number.POSITIVE_INFINITY] } }, /needs JSON values/],
    [{ x: { boolean: false } }, /is written {"boolean": true}, got false/],
    [{ x: { uniform: [0, 1], choice: [1] } }, /exactly one of uniform, .*got \["uniform","choice"\]/],
    [{ x: { normal: [0, 1] } }, /exactly one of/],
    [{ '': 1 }, /names have 1 to 200 characters/],
    [{ x: { boolean: true, when: { y: 1 } } }, /"x" depends on "y", which is not a parameter/],
    [{ x: { boolean: true, when: {} } }, /"x" when needs/],
    [
      { y: { uniform: [0, 1] }, x: { boolean: true, when: { y: 0.5 } } },
      /cannot depend on "y", whose values are continuous/,
    ],
    [
      { y: { choice: ['a', 'b'] }, x: { boolean: true, when: { y: ['a', 'c'] } } },
      /depends on "y" being "c", which it cannot be/,
    ],
    [
      { x: { boolean: true, when: { y: true } }, y: { boolean: true, when: { x: true } } },
      /"x", "y" depend on one another in a circle/,
    ],
  ];
  for (const [json, message] of faults) {
    assert.throws(() => parseSearchSpace(json), { name: 'AmaasError', reason: 'INVALID_CONFIG', message });
  }
  let deep: unknown = 1;
  for (let i = 0; i < 1e5; i++) deep = [deep];
  assert.throws(() => parseSearchSpace({ x: deep }), { reason: 'INVALID_CONFIG' });
});

test('searchSpaceToJson is read back to the same space', () => {
  for (const { space } of [mixedRastrigin, conditional]) {
    const json: unknown = JSON.parse(JSON.stringify(searchSpaceToJson(space)));
    assert.deepEqual(parseSearchSpace(json), space);
  }
});

test('parseSearchSpace puts parents before their children and keeps names of any kind', () => {
  const space = parseSearchSpace(
    JSON.parse(
      '{"__proto__": {"choice": [1, 2], "when": {"flag": true}}, "flag": {"boolean": true}, "constructor": 3}',
    ),
  );
  assert.deepEqual(
    space.parameters.map(({ name }) => name),
    ['flag', '__proto__', 'constructor'],
  );
  const configuration = decodeConfiguration(space, [0.7, 0.9, 0]);
  const json: unknown = JSON.parse(JSON.stringify(configurationToJson(configuration)));
  assert.deepEqual(
    [...parseConfiguration(space, json)],
    [
      ['flag', true],
      ['__proto__', 2],
      ['constructor', 3],
    ],
  );
});

test('parseConfiguration refuses what is missing, out of range or not active', () => {
  const { space } = conditional;
  const refused = (json: unknown, message: RegExp): void =>
    assert.throws(() => parseConfiguration(space, json), { reason: 'INVALID_DATA', message });
  refused({ model: 'linear' }, /"penalty" is missing/);
  refused({ model: 'forest', penalty: 1 }, /"model" cannot be "forest"/);
  refused({ model: 'linear', penalty: 1000 }, /"penalty" cannot be 1000/);
  refused({ model: 'linear', penalty: 1, depth: 3 }, /"depth" is not an active parameter/);
  refused({ model: 'trees', penalty: 1, depth: 3.5, shrinkage: 0.1 }, /"depth" cannot be 3.5/);
  refused('x', /expects an object/);
});

test('encodeConfiguration and decodeConfiguration are inverse over every kind of parameter', () => {
  const random = createRandom('axes');
  for (const { space } of [mixedRastrigin, conditional]) {
    for (let i = 0; i < 300; i++) {
      const configuration = sampleConfiguration(space, random);
      const units = encodeConfiguration(space, configuration);
      for (const [name, value] of decodeConfiguration(space, units)) {
        const before = configuration.get(name);
        if (typeof value === 'number' && typeof before === 'number') {
          assert(Math.abs(value - before) <= 1e-12 * Math.max(1, Math.abs(before)), `${name}: ${before} → ${value}`);
        } else assert.deepEqual(value, before);
      }
      assert.deepEqual(parseConfiguration(space, configurationToJson(configuration)), configuration);
    }
  }
});

test('valueAt covers both ends, equal parts of whole ranges and orders of magnitude alike', () => {
  const distributionOf = (json: unknown): SearchSpace['parameters'][number]['distribution'] => {
    const [parameter] = parseSearchSpace({ x: json }).parameters;
    assert(parameter !== undefined);
    return parameter.distribution;
  };
  const rate = distributionOf({ logUniform: [1e-5, 1e-1] });
  assert.equal(valueAt(rate, 0), 1e-5);
  assert.equal(valueAt(rate, 1), 1e-1);
  assert(Math.abs(Number(valueAt(rate, 0.5)) - 1e-3) < 1e-15);
  const stepped = distributionOf({ uniform: [0.1, 0.75], step: 0.1 });
  assert.deepEqual(
    [0, 0.2, 0.4, 0.5, 0.99, 1].map((unit) => valueAt(stepped, unit)),
    [0.1, 0.2, 0.3, 0.4, 0.7, 0.7],
  );
  assert.deepEqual(axisOf(distributionOf({ uniform: [0, 0.3], step: 0.1 })), { kind: 'ordinal', count: 4 });
  const log = distributionOf({ logInteger: [1, 100] });
  // The share of k is log((k + ½)/(k − ½)) over log(100.5/0.5).
  for (const [index, k] of [1, 2, 10, 100].map((value) => [value - 1, value] as const)) {
    const [from, to] = cellOf(log, index);
    const share = Math.log((k + 0.5) / (k - 0.5)) / Math.log(201);
    assert(Math.abs(to - from - share) < 1e-12, `${k}: ${to - from} against ${share}`);
    assert.equal(valueAt(log, from + 1e-9), k);
    assert.equal(valueAt(log, to - 1e-9), k);
    assert.equal(valueAt(log, unitOf(log, k)), k);
  }
});

test('sampleConfiguration draws uniformly on the scale asked for', () => {
  const space = parseSearchSpace({
    rate: { logUniform: [1e-4, 1] },
    whole: { integer: [3, 7] },
    letter: { choice: ['a', 'b'] },
  });
  const random = createRandom('share');
  const counts = new Map<unknown, number>();
  for (let i = 0; i < 20_000; i++) {
    const configuration = sampleConfiguration(space, random);
    const decade = `1e${Math.floor(Math.log10(Number(configuration.get('rate'))))}`;
    for (const key of [decade, configuration.get('whole'), configuration.get('letter')])
      counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const decade of ['1e-4', '1e-3', '1e-2', '1e-1'])
    assert(Math.abs((counts.get(decade) ?? 0) - 5000) < 250, decade);
  for (const whole of [3, 4, 5, 6, 7]) assert(Math.abs((counts.get(whole) ?? 0) - 4000) < 230, String(whole));
  assert(Math.abs((counts.get('a') ?? 0) - 10_000) < 300);
});

test('createGridSampler lists every configuration of a conditional space once', () => {
  const space = parseSearchSpace({
    model: { choice: ['linear', 'network'] },
    layers: { integer: [1, 3], when: { model: 'network' } },
    dropout: { uniform: [0, 0.2], step: 0.1, when: { layers: [2, 3] } },
    bias: { boolean: true },
  });
  const sampler = createGridSampler(space);
  const trials: TrialRecord[] = [];
  for (;;) {
    const configuration = sampler.ask({ trials, index: trials.length, attempt: 0 });
    if (configuration === null) break;
    trials.push(trialOf(trials.length, configuration));
    assert(trials.length <= 100);
  }
  // linear: 2 biases; network: 1 layer · 2 + 2 layer counts · 3 dropouts · 2 biases.
  assert.equal(new Set(trials.map(({ configuration }) => JSON.stringify([...configuration]))).size, 2 + 2 + 12);
  assert.equal(trials.length, 16);
  assert.throws(() => createGridSampler(conditional.space), { message: /grid: "learningRate" is continuous/ });
});

test('describeSearchSpace says range, scale and condition of each parameter', () => {
  assert.deepEqual(
    describeSearchSpace(
      parseSearchSpace({
        rate: { logUniform: [0.001, 1] },
        optimiser: { choice: ['sgd', 'adam w'] },
        momentum: { uniform: [0, 0.9], step: 0.1, when: { optimiser: 'sgd' } },
        layers: [64, 32],
      }),
    ),
    [
      'rate       0.001 … 1, logarithmic',
      'optimiser  one of sgd, "adam w"',
      'momentum   0 … 0.9 in steps of 0.1, when optimiser is sgd',
      'layers     always [64,32]',
    ],
  );
});

function trialOf(index: number, configuration: TrialRecord['configuration']): TrialRecord {
  return {
    index,
    configuration,
    promotedFrom: null,
    status: 'completed',
    reports: [],
    value: 0,
    failure: null,
    startedMs: 0,
    endedMs: 0,
  };
}
