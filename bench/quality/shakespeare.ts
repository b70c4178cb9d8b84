// Validation loss of a character GPT on tiny Shakespeare in nanoGPT's CPU configuration: 4 layers, 4 heads, 128 wide, block
// 64, batch 12, 2,000 steps, AdamW with weight decay 0.1 on matrices, gradient norm ≤ 1, cosine schedule to a tenth. The loss
// is that of all of the validation tenth, cut into blocks. Reference: 1.8857 by nanoGPT itself, whose rate is 1e-3.
// Run: node bench/quality/shakespeare.ts <input.txt> [seeds, default 1,2,3] [steps, default 2000] [learning rate, default 3e-3]
// With a number of seconds in place of steps, such as 60s, and PYTHON naming a Python that has PyTorch, both are given that
// time, in turn, seed by seed: each trains as many steps as it was first measured to make in it, on a schedule of that length.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { adamW, compile, cosineDecay, createRandom, gpt, sparseCategoricalCrossentropy } from '@amaas/learn';

const BLOCK = 64;
const BATCH = 12;
/** Of a run that measures speed; the first runs of either are slower. */
const MEASURED_STEPS = 150;
const [path = 'input.txt', seeds = '1,2,3', steps = '2000', rate = '3e-3'] = process.argv.slice(2);
const text = await readFile(path, 'utf8');
const characters = [...new Set(text)].toSorted();
const codes = new Map(characters.map((character, index) => [character, index]));
const ids = Int32Array.from(text, (character) => codes.get(character) ?? 0);
const boundary = Math.floor(ids.length * 0.9);
const [training, validation] = [ids.subarray(0, boundary), ids.subarray(boundary)];
const executor = await createOrtNodeExecutor();

interface Trained {
  readonly steps: number;
  /** Of the training alone. */
  readonly seconds: number;
  readonly loss: number;
}

type Train = (steps: number, seed: string) => Promise<Trained>;

/** Blocks of ids from the starts given, and the ids that follow each. */
function blocksAt(from: Int32Array, starts: readonly number[]) {
  const x = new Int32Array(starts.length * BLOCK);
  const y = new BigInt64Array(starts.length * BLOCK);
  for (const [row, start] of starts.entries()) {
    for (let k = 0; k < BLOCK; k++) {
      x[row * BLOCK + k] = from[start + k] ?? 0;
      y[row * BLOCK + k] = BigInt(from[start + k + 1] ?? 0);
    }
  }
  const shape = [starts.length, BLOCK];
  return [createTensor('int32', shape, x), createTensor('int64', shape, y)] as const;
}

const ours: Train = async (count, seed) => {
  const random = createRandom(`blocks ${seed}`);
  const starts = Array.from({ length: count * BATCH }, () => random.integer(training.length - BLOCK));
  const model = compile(gpt({ vocabularySize: characters.length, blockSize: BLOCK, layers: 4, heads: 4, width: 128 }), {
    executor,
    loss: sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adamW({
      learningRate: cosineDecay(Number(rate), count, { warmupSteps: 100, minRate: Number(rate) / 10 }),
      beta2: 0.99,
      weightDecay: 0.1,
    }),
  });
  const startedMs = performance.now();
  await model.fit(...blocksAt(training, starts), { epochs: 1, batchSize: BATCH, shuffle: false, clipNorm: 1, seed });
  const seconds = (performance.now() - startedMs) / 1000;
  const held = Array.from({ length: Math.floor((validation.length - 1) / BLOCK) }, (_, block) => block * BLOCK);
  const { loss = Number.NaN } = await model.evaluate(...blocksAt(validation, held));
  return { steps: count, seconds, loss };
};

const pyTorch: Train = async (count, seed) => {
  const script = join(import.meta.dirname, 'shakespeare-pytorch.py');
  const argv = [script, path, String(count), seed, rate];
  const { stdout } = await promisify(execFile)(process.env['PYTHON'] ?? 'python3', argv);
  return JSON.parse(stdout);
};

function show(name: string, { steps: count, seconds, loss }: Trained): void {
  process.stdout.write(`${name}: validation loss ${loss.toFixed(4)} after ${count} steps in ${seconds.toFixed(0)} s\n`);
}

function showMean(name: string, losses: readonly number[], end = ''): void {
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  process.stdout.write(`${name}mean of ${losses.length}: ${mean.toFixed(4)}${end}\n`);
}

if (steps.endsWith('s')) {
  const seconds = Number(steps.slice(0, -1));
  const sides = new Map<string, Train>([
    ['amaas', ours],
    ['PyTorch', pyTorch],
  ]);
  const losses = new Map([...sides.keys()].map((name): [string, number[]] => [name, []]));
  for (const seed of seeds.split(',')) {
    for (const [name, train] of sides) {
      const measured = await train(MEASURED_STEPS, seed);
      const trained = await train(Math.round((seconds * measured.steps) / measured.seconds), seed);
      show(`seed ${seed}, ${name}`, trained);
      losses.get(name)?.push(trained.loss);
    }
  }
  for (const [name, found] of losses) showMean(`${name}, `, found);
} else {
  const losses: number[] = [];
  for (const seed of seeds.split(',')) {
    const trained = await ours(Number(steps), seed);
    show(`seed ${seed}`, trained);
    losses.push(trained.loss);
  }
  showMean('', losses, ' (goal ≤ 1.90)');
}
