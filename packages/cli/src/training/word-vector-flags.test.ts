import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { UsageError } from '../command-context.ts';
import { addLanguageOptions } from './language-flags.ts';
import { addMediaOptions } from './media-flags.ts';
import { addTableOptions } from './train-flags.ts';
import {
  addWordVectorOptions,
  readWordVectorFlags,
  refuseWordVectorFlags,
  type WordVectorFlags,
} from './word-vector-flags.ts';

/** The options of a command line as `train` hears them. */
function parse(...argv: readonly string[]): WordVectorFlags {
  const tables = addTableOptions(new Command(), ['word-vectors']);
  const command = addWordVectorOptions(addLanguageOptions(addMediaOptions(tables)));
  return command.exitOverride().parse(argv, { from: 'user' }).opts();
}

const read = (text: string) => readWordVectorFlags(parse('--task', 'word-vectors', ...text.split(' ').filter(Boolean)));

test('readWordVectorFlags gives what was said and leaves the rest to the trainer', () => {
  assert.deepEqual(read(''), { method: 'skip-gram', seed: 0, minCount: 5 });
  assert.deepEqual(
    read('--method cbow --dimensions 20 --window 3 --min-count 2 --subwords --epochs 7 --learning-rate 0.2 --seed 4'),
    {
      ...{ method: 'cbow', dimensions: 20, window: 3, minCount: 2, subwords: true },
      ...{ epochs: 7, learningRate: 0.2, seed: 4 },
    },
  );
});

test('readWordVectorFlags refuses what cannot be, and what is of other trainings', () => {
  for (const [text, message] of [
    ['--dimensions 0', /--dimensions must be a whole number ≥ 1/],
    ['--min-count x', /--min-count must be a whole number/],
    ['--learning-rate 0', /--learning-rate must be a number > 0/],
    ['--method glove --subwords', /--subwords is for --method skip-gram and cbow, not for glove/],
    ['--method ppmi-svd --epochs 3', /has neither --epochs/],
    ['--hidden 32', /--hidden is nothing word vectors are learned with/],
    ['--block-size 8', /--block-size is nothing word vectors/],
  ] as const) {
    assert.throws(
      () => read(text),
      (error) => error instanceof UsageError && message.test(error.message),
      text,
    );
  }
});

test('refuseWordVectorFlags names the option that other trainings do not have', () => {
  refuseWordVectorFlags(parse('--epochs', '3'));
  assert.throws(() => refuseWordVectorFlags(parse('--min-count', '3')), /--min-count is for word vectors/);
});
