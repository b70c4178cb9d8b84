// `amaas train --task language-model` by the real command: what it writes, and that a training which was interrupted ends as
// one that was not.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const COMMAND = join(import.meta.dirname, '../../bin/amaas.mjs');
const SMALL =
  '--layers 1 --heads 2 --width 16 --block-size 16 --vocabulary 300 --sample-every 20 --batch-size 4 --dropout 0.1 --no-deploy';

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in a folder. @param onLine - hears its stdout as it comes; gets how to interrupt it */
function run(
  cwd: string,
  argv: readonly string[],
  onText: (text: string, interrupt: () => void) => void = () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, [COMMAND, ...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    onText(stdout, () => child.kill('SIGINT'));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

async function folderWithStories(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-language-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const stories = Array.from(
    { length: 300 },
    (_, index) => `The ${index % 3} cats saw ${index % 7} dogs in the garden.`,
  );
  await writeFile(join(folder, 'stories.jsonl'), stories.map((text) => JSON.stringify({ text })).join('\n'));
  return folder;
}

test('train --task language-model writes a model with its course, and shows it on the way', async (t) => {
  const folder = await folderWithStories(t);
  const argv = [
    'train',
    'stories.jsonl',
    '--task',
    'language-model',
    '--steps',
    '40',
    '--prompt',
    'The',
    ...SMALL.split(' '),
  ];
  const { code, stdout, stderr } = await run(folder, argv);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /text +stories\.jsonl: [\d,]+ bytes in 1 file, 300 documents/);
  assert.match(stdout, /step 20 {2}loss [\d.]+ {2}held out [\d.]+, [\d.]+ bits per byte\n {2}\| The/);
  assert.match(stdout, /held out +[\d.]+ bits per byte, perplexity [\d.]+ per token/);
  assert.deepEqual((await readdir(join(folder, 'trained/stories'))).sort(), [
    ...['amaas.json', 'config.json', 'example.json', 'loss.svg', 'model.gguf', 'model.onnx', 'model.safetensors'],
    ...['prompt.onnx', 'step.onnx', 'tokenizer.json', 'tokenizer_config.json', 'training.json'],
  ]);
  const course = JSON.parse(await readFile(join(folder, 'trained/stories/training.json'), 'utf8'));
  assert.deepEqual(
    course.curve.map(({ step }: { readonly step: number }) => step),
    [20, 40],
  );
});

test('train --task language-model interrupted and resumed ends with the same weights', async (t) => {
  const folder = await folderWithStories(t);
  const argv = ['train', 'stories.jsonl', '--task', 'language-model', '--steps', '400', ...SMALL.split(' ')];
  const whole = await run(folder, [...argv, '--name', 'whole', '--json']);
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal(JSON.parse(whole.stdout).step, 400);
  let asked = false;
  const cut = await run(folder, [...argv, '--name', 'cut'], (text, interrupt) => {
    if (asked || !text.includes('step 20 ')) return;
    asked = true;
    interrupt();
  });
  assert.equal(cut.code, 1);
  assert.match(cut.stderr, /Repeat the command with --resume to go on/);
  assert.deepEqual((await readdir(join(folder, 'trained/cut/checkpoints'))).sort(), [
    'model.safetensors',
    'training.json',
  ]);
  const other = await run(folder, [...argv, '--name', 'cut', '--seed', '5', '--resume']);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /other data or other settings/);
  const resumed = await run(folder, [...argv, '--name', 'cut', '--resume', '--json']);
  assert.equal(resumed.code, 0, resumed.stderr);
  const weights = (name: string): Promise<Buffer> => readFile(join(folder, 'trained', name, 'model.safetensors'));
  assert((await weights('cut')).equals(await weights('whole')));
  assert.deepEqual(JSON.parse(resumed.stdout).samples, JSON.parse(whole.stdout).samples);
});

test('train --task language-model says what is wrong in the words of the command', async (t) => {
  const folder = await folderWithStories(t);
  const failed = await run(folder, [
    'train',
    'stories.jsonl',
    '--task',
    'language-model',
    '--block-size',
    '9000',
    '--no-deploy',
  ]);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /give more text or a smaller --block-size/);
  const strange = await run(folder, ['train', 'stories.jsonl', '--steps', '5', '--target', 'text']);
  assert.equal(strange.code, 2);
  assert.match(strange.stderr, /--steps is for language models; say --task language-model/);
});
