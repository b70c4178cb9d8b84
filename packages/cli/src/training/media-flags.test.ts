import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { UsageError } from '../command-context.ts';
import { addMediaOptions, type MediaFlags, readMediaFlags, refuseMediaFlags, refuseOtherFlags } from './media-flags.ts';
import { addTableOptions, type TrainFlags } from './train-flags.ts';

const cwd = tmpdir();

function isUsage(message: RegExp) {
  return (thrown: unknown) => thrown instanceof UsageError && message.test(thrown.message);
}

test('readMediaFlags leaves out what was not said, but for the seed', async () => {
  assert.deepEqual(await readMediaFlags({}, 'audio', cwd), { kind: 'audio', seed: 0 });
});

test('readMediaFlags reads every setting', async () => {
  const pictures: MediaFlags = {
    test: '0.25',
    validation: '40',
    groupBy: '_([a-z]+)_',
    seed: '12',
    epochs: '7',
    learningRate: '3e-3',
    batchSize: '16',
    weightDecay: '0',
    size: '96x64',
    gray: true,
    fit: 'letterbox',
  };
  assert.deepEqual(await readMediaFlags(pictures, 'image', cwd), {
    kind: 'image',
    test: 0.25,
    validation: 40,
    groupBy: '_([a-z]+)_',
    seed: 12,
    epochs: 7,
    learningRate: 0.003,
    batchSize: 16,
    weightDecay: 0,
    image: { width: 96, height: 64, fit: 'letterbox', channels: 'gray' },
  });
  assert.deepEqual((await readMediaFlags({ size: '32' }, 'image', cwd)).image, { width: 32, height: 32 });
  const sounds = await readMediaFlags({ sampleRate: '8000', seconds: '2.5' }, 'audio', cwd);
  assert.deepEqual([sounds.sampleRateHz, sounds.seconds], [8000, 2.5]);
  const folder = await readMediaFlags({ test: basename(cwd) }, 'image', dirname(cwd));
  assert.deepEqual([folder.testFolder, folder.test], [basename(cwd), undefined]);
});

test('readMediaFlags refuses what cannot be, naming the option and what came', async () => {
  const table: readonly (readonly [MediaFlags, RegExp])[] = [
    [{ size: '7x64' }, /^--size must be width x height in pixels, 8 to 1024 each, such as 96x64; got "7x64"$/],
    [{ size: '64x1025' }, /--size/],
    [{ size: '64x' }, /--size/],
    [{ size: 'x64' }, /--size/],
    [{ size: '' }, /--size/],
    [{ sampleRate: '999' }, /^--sample-rate must be a whole number ≥ 1000, got "999"$/],
    [{ sampleRate: '192001' }, /^--sample-rate must be at most 192000, got 192001$/],
    [{ seconds: '0' }, /^--seconds must be a number > 0, got "0"$/],
    [{ test: '-1' }, /^--test must be a number > 0, got "-1"$/],
    [{ test: 'no such folder' }, /^--test must be a share, a number or a folder, got "no such folder"$/],
    [{ test: '' }, /^--test must be a share, a number or a folder, got ""$/],
    [{ groupBy: '(' }, /^--group-by of a folder must be a regular expression .*: Invalid regular expression/],
    [{ epochs: '0' }, /--epochs/],
    [{ batchSize: '1.5' }, /--batch-size/],
  ];
  for (const [flags, message] of table)
    await assert.rejects(readMediaFlags(flags, 'image', cwd), isUsage(message), JSON.stringify(flags));
});

test('options of tables, pictures and recordings are refused where they do not fit, every one', () => {
  const shared = ['test', 'validation', 'groupBy', 'seed', 'epochs', 'learningRate', 'batchSize', 'weightDecay'];
  const names = (command: Command): readonly string[] => command.options.map((option) => option.attributeName());
  const ofTables = ['target', ...names(addTableOptions(new Command()))].filter((name) => !shared.includes(name));
  assert.ok(ofTables.length > 15);
  for (const name of ofTables) {
    const flags = { [name]: 'x' } as TrainFlags; // as commander gives them
    assert.throws(
      () => refuseOtherFlags(flags, 'image', 'digits/'),
      isUsage(/ is for tables; digits\/ is a folder of p/),
      name,
    );
  }
  assert.throws(
    () => refuseOtherFlags({ timeBy: 'sold' }, 'audio', 'spoken'),
    isUsage(/^--time-by is for tables; spoken is a folder of recordings$/),
  );
  assert.throws(
    () => refuseOtherFlags({ target: 'y' }, 'image', 'a'),
    isUsage(/, whose classes are the names of its fol/),
  );
  const [pictures, sounds] = [['size', 'gray', 'fit'] as const, ['sampleRate', 'seconds'] as const];
  assert.deepEqual(names(addMediaOptions(new Command())), [...pictures, ...sounds]);
  for (const name of [...pictures, ...sounds]) {
    const flags = { [name]: '8' } as MediaFlags; // as commander gives them
    assert.throws(
      () => refuseMediaFlags(flags, 'heart.csv'),
      isUsage(/ is for folders of .*; heart\.csv is read as a table$/),
    );
    const [own, other] = pictures.some((each) => each === name)
      ? (['image', 'audio'] as const)
      : (['audio', 'image'] as const);
    refuseOtherFlags(flags, own, 'a');
    assert.throws(() => refuseOtherFlags(flags, other, 'a'), isUsage(/^--(size|gray|fit|sample-rate|seconds) is for /));
  }
  for (const name of shared) refuseOtherFlags({ [name]: '8' }, 'image', 'a');
  refuseMediaFlags({ test: '0.5', epochs: '3' }, 'heart.csv');
});
