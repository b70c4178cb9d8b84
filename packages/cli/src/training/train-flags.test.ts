import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../command-context.ts';
import { readReadingFlags, readTrainFlags, type TrainFlags } from './train-flags.ts';

test('readTrainFlags leaves out what was not said, but for the seed', () => {
  assert.deepEqual(readTrainFlags({ target: 'price' }), { settings: { target: 'price', seed: 0 }, reading: {} });
});

test('readTrainFlags reads every setting', () => {
  const { settings } = readTrainFlags({
    target: 'y',
    task: 'regression',
    exclude: ['a,b', 'c d'],
    test: '0.25',
    validation: '100',
    groupBy: 'patient',
    seed: '12',
    epochs: '7',
    hidden: '64, 32',
    learningRate: '3e-3',
    batchSize: '16',
    dropout: '0',
    weightDecay: '0.01',
    allowLeakage: true,
  });
  assert.deepEqual(settings, {
    target: 'y',
    task: 'regression',
    exclude: ['a', 'b', 'c d'],
    test: 0.25,
    validation: 100,
    groupBy: 'patient',
    seed: 12,
    epochs: 7,
    hidden: [64, 32],
    learningRate: 0.003,
    batchSize: 16,
    dropout: 0,
    weightDecay: 0.01,
    allowLeakage: true,
  });
  assert.deepEqual(readTrainFlags({ target: 'y', hidden: 'none' }).settings.hidden, []);
});

test('readTrainFlags refuses numbers that cannot be, naming the option and what came', () => {
  const table: readonly (readonly [TrainFlags, RegExp])[] = [
    [{ epochs: '0' }, /^--epochs must be a whole number ≥ 1, got "0"$/],
    [{ epochs: '1.5' }, /--epochs/],
    [{ seed: '-1' }, /^--seed must be a whole number ≥ 0, got "-1"$/],
    [{ hidden: '64,,32' }, /--hidden must be a whole number ≥ 1, got ""/],
    [{ learningRate: '0' }, /^--learning-rate must be a number > 0, got "0"$/],
    [{ learningRate: 'fast' }, /--learning-rate/],
    [{ test: '' }, /^--test must be a number > 0, got ""$/],
    [{ dropout: '1' }, /^--dropout must be a number ≥ 0 and < 1, got "1"$/],
    [{ weightDecay: '-0.1' }, /--weight-decay must be a number ≥ 0/],
    [{ groupBy: 'a', timeBy: 'b' }, /--group-by or --time-by, not both/],
  ];
  for (const [flags, message] of table) {
    assert.throws(
      () => readTrainFlags({ target: 'y', ...flags }),
      (thrown: unknown) => thrown instanceof UsageError && message.test(thrown.message),
      JSON.stringify(flags),
    );
  }
});

test('readReadingFlags gives the reader its own words', () => {
  const reading = readReadingFlags({
    separator: '\\t',
    quote: 'none',
    header: 'no',
    skipLines: '2',
    decimal: ',',
    missing: ['-', 'n.a.'],
    as: ['zip=string', 'a=b=number'],
  });
  assert.deepEqual(reading, {
    separator: '\t',
    quote: '',
    header: false,
    skipLines: 2,
    decimal: ',',
    missing: ['-', 'n.a.'],
    kinds: [
      ['zip', 'string'],
      ['a=b', 'number'],
    ],
  });
  assert.throws(() => readReadingFlags({ separator: '||' }), /--separator must be one character, got "\|\|"/);
  assert.throws(
    () => readReadingFlags({ as: ['zip=text'] }),
    /--as must be column=kind with one of number, .*"zip=text"/,
  );
  assert.throws(() => readReadingFlags({ as: ['=string'] }), /--as/);
});
