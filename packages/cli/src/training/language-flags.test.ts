import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { UsageError } from '../command-context.ts';
import { addLanguageOptions, type LanguageFlags, readLanguageFlags, refuseLanguageFlags } from './language-flags.ts';
import { addMediaOptions } from './media-flags.ts';
import { groupByData } from './option-groups.ts';
import { addTableOptions } from './train-flags.ts';

/** The options of a command line as `train` hears them. */
function parse(...argv: readonly string[]): LanguageFlags {
  const command = addLanguageOptions(addMediaOptions(addTableOptions(new Command(), ['language-model'])));
  return command.exitOverride().parse(argv, { from: 'user' }).opts();
}

const read = (...argv: readonly string[]) => readLanguageFlags(parse('--task', 'language-model', ...argv), '/none');

async function refusal(work: () => unknown): Promise<string> {
  const failed = await Promise.resolve()
    .then(work)
    .then(() => null)
    .catch((error: unknown) => error);
  assert(failed instanceof UsageError, String(failed));
  return failed.message;
}

test('readLanguageFlags gives what was said and leaves the rest to the training', async () => {
  assert.deepEqual(await read(), {
    architecture: { name: 'llama' },
    tokenizer: { kind: 'bpe', vocabularySize: 1024 },
    ...{ prompt: '', temperature: 0.8, quantization: 'F16', seed: 0 },
  });
  const all =
    '--architecture llama --layers 2 --heads 4 --key-value-heads 2 --width 64 --block-size 32 --dropout 0.1 --tokenizer unigram --vocabulary 500 --epochs 2.5 --batch-size 8 --accumulate 3 --learning-rate 2e-3 --weight-decay 0 --schedule warmup-stable-decay --validation 0 --sample-every 50 --patience 2 --prompt Once --temperature 0 --quantization Q8_0 --seed 7';
  assert.deepEqual(await read(...all.split(' ')), {
    architecture: { name: 'llama', layers: 2, heads: 4, keyValueHeads: 2, width: 64, blockSize: 32, dropout: 0.1 },
    tokenizer: { kind: 'unigram', vocabularySize: 500 },
    ...{ epochs: 2.5, batchSize: 8, accumulate: 3, learningRate: 2e-3, weightDecay: 0, validation: 0 },
    ...{ schedule: 'warmup-stable-decay', evaluateEvery: 50, patience: 2 },
    ...{ prompt: 'Once', temperature: 0, quantization: 'Q8_0', seed: 7 },
  });
});

test('readLanguageFlags reads a tokenizer from its file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-flags-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'mine.json'), '{"a":1}');
  const { tokenizer } = await readLanguageFlags(parse('--tokenizer', 'mine.json'), folder);
  assert.deepEqual(tokenizer, { kind: 'given', json: '{"a":1}' });
});

test('readLanguageFlags refuses what cannot be, and options of other trainings', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['--steps 5 --epochs 2', /--steps or --epochs, not both/],
    ['--layers 0', /--layers must be a whole number ≥ 1/],
    ['--dropout 1', /--dropout must be a number ≥ 0 and < 1/],
    ['--architecture gpt --key-value-heads 2', /--key-value-heads is for --architecture llama/],
    ['--tokenizer characters --vocabulary 90', /--vocabulary is for --tokenizer bpe and unigram/],
    ['--tokenizer words', /must be bpe, unigram, characters or a tokenizer\.json, got words/],
    ['--exclude a', /--exclude is nothing a language model is learned with/],
    ['--max-rows-in-memory 5', /--max-rows-in-memory is nothing/],
    ['--size 32x32', /--size is nothing/],
    ['--test 0.2', /--test is nothing/],
  ];
  for (const [line, message] of cases) assert.match(await refusal(() => read(...line.split(' '))), message);
});

test('refuseLanguageFlags names an option of language models where none is learned', async () => {
  assert.match(
    await refusal(() => refuseLanguageFlags(parse('--block-size', '9'))),
    /--block-size is for language models/,
  );
  refuseLanguageFlags(parse('--epochs', '9', '--dropout', '0.1'));
});

test('the help lists options of language models by themselves, in lines of at most 120 characters', () => {
  const command = groupByData(addLanguageOptions(addMediaOptions(addTableOptions(new Command(), ['language-model']))));
  const help = command.configureHelp({ helpWidth: 120 }).helpInformation();
  assert.match(help, /Language models:\n {2}--architecture <name>/);
  for (const line of help.split('\n')) assert(line.length <= 120, line);
});
