// Validation loss of a character GPT on tiny Shakespeare in nanoGPT's CPU configuration: 4 layers, 4 heads, 128 wide, block
// 64, batch 12, 2,000 steps, AdamW with weight decay 0.1 on matrices, gradient norm ≤ 1, cosine schedule to a tenth. The loss
// is that of all of the validation tenth, cut into blocks. Reference: 1.8857 by nanoGPT itself, whose rate is 1e-3.
// Run: node bench/quality/shakespeare.ts <input.txt> [seeds, default 1,2,3] [steps, default 2000] [learning rate, default 3e-3]
import { readFile } from 'node:fs/promises';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { adamW, compile, cosineDecay, createRandom, gpt, sparseCategoricalCrossentropy } from '@amaas/learn';

const BLOCK = 64;
const BATCH = 12;
const [path = 'input.txt', seeds = '1,2,3', steps = '2000', rate = '3e-3'] = process.argv.slice(2);
const text = await readFile(path, 'utf8');
const characters = [...new Set(text)].toSorted();
const codes = new Map(characters.map((character, index) => [character, index]));
const ids = Int32Array.from(text, (character) => codes.get(character) ?? 0);
const boundary = Math.floor(ids.length * 0.9);
const [training, validation] = [ids.subarray(0, boundary), ids.subarray(boundary)];

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

const executor = await createOrtNodeExecutor();
const held = Array.from({ length: Math.floor((validation.length - 1) / BLOCK) }, (_, block) => block * BLOCK);
const losses: number[] = [];
for (const seed of seeds.split(',')) {
  const random = createRandom(`blocks ${seed}`);
  const count = Number(steps);
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
  const { loss = Number.NaN } = await model.evaluate(...blocksAt(validation, held));
  losses.push(loss);
  process.stdout.write(
    `seed ${seed}: validation loss ${loss.toFixed(4)} after ${count} steps in ${seconds.toFixed(0)} s\n`,
  );
}
const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
process.stdout.write(`mean of ${losses.length}: ${mean.toFixed(4)} (goal ≤ 1.90)\n`);
