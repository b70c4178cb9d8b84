// `amaas eval` and `compare` of language models by the real command: what they say is what the engine says, token by token.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LlamaEngine } from '@amaas/engine-llama';
import { createGguf, readGguf } from '@amaas/learn/gguf';
import { llamaFromGguf, llamaToGguf } from '@amaas/learn/language';
import { sharedDataPath } from '../tools/test-data.ts';
import { AmaasHome, type CommandResult } from './testing/amaas-command.ts';
import { publishedStory, skipWithoutStories } from './testing/stories.ts';

const skip = skipWithoutStories;
const MODEL = sharedDataPath('llm/stories260K.gguf');
let home: AmaasHome;
let folder = '';
let story = '';

before(async () => {
  home = await AmaasHome.create();
  folder = home.folder;
  if (skip) return;
  story = (await publishedStory()).repeat(4);
  await writeFile(join(folder, 'story.txt'), story);
  const loaded = await llamaFromGguf(await readGguf(await readFile(MODEL)));
  assert(loaded.tokenizer !== null);
  const { tokenizer } = loaded;
  await writeFile(join(folder, 'q4.gguf'), createGguf(llamaToGguf(loaded, { tokenizer, quantization: 'Q4_0' })));
  await writeFile(join(folder, 'f32.gguf'), await readFile(MODEL));
});
after(() => home?.dispose());

const amaas = (...argv: readonly string[]): Promise<CommandResult> => home.run(argv);

test('amaas eval of a language model tells the perplexity of a text longer than its windows', { skip }, async () => {
  const { code, stdout, stderr } = await amaas('eval', 'f32.gguf', 'story.txt', '--samples', '1', '--json');
  assert.equal(code, 0, stderr);
  const said = JSON.parse(stdout);
  const engine = new LlamaEngine();
  try {
    const model = await engine.load(
      { label: 'oracle', modelPath: MODEL },
      { contextTokens: 512, parallel: 1, maxMemoryBytes: 1e9, maxLoadMs: 60_000, maxQueueSize: 1, threads: 1 },
    );
    const tokens = await model.tokenize([{ text: story, special: false }]);
    assert(tokens.length > 511, 'more than one window');
    assert.equal(said.scores.tokens, tokens.length);
    const first = await model.score([], [{ tokens: tokens.slice(0, 511) }]);
    const rest = await model.score([{ tokens: tokens.slice(-511, 511) }], [{ tokens: tokens.slice(511) }]);
    const sum = [...first, ...rest].reduce((a, b) => a + b, 0);
    const perplexity = Math.exp(-sum / tokens.length);
    assert(Math.abs(said.scores.perplexity / perplexity - 1) < 0.02, `${said.scores.perplexity}, here ${perplexity}`);
    assert(Math.abs(said.scores.bitsPerByte + sum / Math.LN2 / Buffer.byteLength(story)) < 0.02);
  } finally {
    await engine.dispose();
  }
  assert.equal(said.samples.length, 1);
  assert(said.samples[0].length > 20);
});

test('amaas eval of a language model counts the choices it prefers', { skip }, async () => {
  const lines = [
    { prompt: 'Once upon a', choices: [' time', ' banana'], answer: 0 },
    { prompt: 'The little girl was very', choices: [' happy', ' the'], answer: 1 },
  ];
  await writeFile(join(folder, 'questions.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
  const { code, stdout, stderr } = await amaas('eval', 'f32.gguf', 'questions.jsonl');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /questions {2}2\naccuracy {3}50\.0 % \(9\.5 % to 90\.5 %\)\n/);
  await writeFile(join(folder, 'questions.jsonl'), '{"prompt": 1}');
  const refused = await amaas('eval', 'f32.gguf', 'questions.jsonl');
  assert.deepEqual([refused.code, refused.stderr], [1, 'amaas: questions.jsonl, line 1: "prompt" must be a text\n']);
});

test('amaas compare puts quantisations side by side in one table', { skip }, async () => {
  const { code, stdout, stderr } = await amaas('compare', 'f32.gguf', 'q4.gguf', '--data', 'story.txt');
  assert.equal(code, 0, stderr);
  const lines = stdout.split('\n');
  assert.equal(lines[0], '2 models on story.txt');
  assert.match(
    lines[2] ?? '',
    /^model +weights +file +memory +perplexity +against the first +bits per byte +reads +writes$/,
  );
  assert.match(lines[3] ?? '', /^f32\.gguf +F32 +1\.19 MB +[\d.]+ MB +\d+\.\d{3} +– +\d\.\d{4} +[\d,]+ +[\d,]+$/);
  assert.match(
    lines[4] ?? '',
    /^q4\.gguf +Q4_0 +\d+ kB +[\d.]+ MB +\d+\.\d{3} +\+\d+\.\d\d % +\d\.\d{4} +[\d,]+ +[\d,]+$/,
  );
  const twice = await amaas('compare', 'f32.gguf', 'f32.gguf', '--data', 'story.txt');
  assert.equal(twice.code, 2);
});

test('amaas eval of a language model says what is wrong with its arguments', { skip }, async () => {
  assert.match((await amaas('eval', 'nothing.gguf', 'story.txt')).stderr, /eval: there is no file nothing\.gguf/);
  const count = await amaas('eval', 'f32.gguf', 'story.txt', '--samples', 'x');
  assert.deepEqual([count.code, /--samples must be a whole number ≥ 0, got "x"/.test(count.stderr)], [2, true]);
  await writeFile(join(folder, 'broken.gguf'), 'GGUF');
  const broken = await amaas('eval', 'broken.gguf', 'story.txt');
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /^amaas: gguf: /);
});
