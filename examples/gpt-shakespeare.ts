// A GPT that learns Shakespeare letter by letter, as nanoGPT's smallest one does: 4 layers, 4 heads, 128 wide, 64 letters.
// Needs the plays as one text. 2,000 steps take some minutes and reach a loss of about 1.87 per letter on what was held out.
// Run: npx node examples/gpt-shakespeare.ts <input.txt> [steps]
import { readFile } from 'node:fs/promises';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { trainLanguageModel } from '@amaas/learn/language';

const [path = 'input.txt', steps = '2000'] = process.argv.slice(2);
const { validation, samples } = await trainLanguageModel({
  corpus: await readFile(path, 'utf8'),
  executor: await createOrtNodeExecutor(),
  tokenizer: { kind: 'characters' },
  architecture: { name: 'gpt', layers: 4, heads: 4, width: 128, blockSize: 64 },
  steps: Number(steps),
  evaluateEvery: Math.min(500, Number(steps)),
  batchSize: 12,
  learningRate: 3e-3,
  samples: { prompts: ['ROMEO:'], temperature: 0.8, maxTokens: 300 },
  onEvent(event) {
    if (event.kind === 'progress')
      process.stderr.write(`\rstep ${event.step}/${event.steps}  loss ${event.loss.toFixed(3)} `);
    if (event.kind === 'measured') process.stderr.write(` held out ${event.point.validationLoss?.toFixed(3)}\n`);
  },
});
process.stdout.write(`${samples[0]?.prompt}${samples[0]?.text}\n\n`);
process.stdout.write(`held-out loss ${validation?.nats.toFixed(4)} per letter\n`);
