// A small Llama that learns to tell stories from a text file (documents between <|endoftext|>, or one long text), and goes
// into a GGUF file that llama.cpp and what is built on it can run.
// Run: npx node examples/story-teller.ts <stories.txt> [steps] [story-teller.gguf]
import { readFile, writeFile } from 'node:fs/promises';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { languageModelFiles, trainLanguageModel } from '@amaas/learn/language';

const [path = 'stories.txt', steps = '1000', out = 'story-teller.gguf'] = process.argv.slice(2);
const trained = await trainLanguageModel({
  corpus: await readFile(path, 'utf8'),
  executor: await createOrtNodeExecutor(),
  tokenizer: { kind: 'bpe', vocabularySize: 1024 },
  architecture: { name: 'llama', layers: 4, heads: 4, keyValueHeads: 2, width: 128, blockSize: 128, dropout: 0.1 },
  steps: Number(steps),
  schedule: 'warmup-stable-decay',
  patience: 3,
  samples: { prompts: [''], temperature: 0.8, maxTokens: 120 },
  onEvent(event) {
    if (event.kind === 'sampled') process.stderr.write(`${event.samples[0]?.text}\n`);
    if (event.kind !== 'measured') return;
    const { step, loss, bitsPerByte } = event.point;
    process.stderr.write(`step ${step}  loss ${loss.toFixed(3)}  held out ${bitsPerByte?.toFixed(3)} bits per byte\n`);
  },
});
const files = await languageModelFiles(trained, { name: 'story-teller', quantization: 'Q8_0' });
const gguf = files.get('model.gguf');
if (gguf === undefined) throw new Error('llama.cpp has no tokenizer like this one');
await writeFile(out, gguf);
process.stdout.write(
  `${trained.validation?.bitsPerByte?.toFixed(3)} bits per byte; ${out}: ${gguf.byteLength} bytes\n`,
);
