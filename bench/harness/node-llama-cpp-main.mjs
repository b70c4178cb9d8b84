// A baseline of the bench of language models: node-llama-cpp as its users call it, in its own process. Arguments: the folder
// it is installed in, GGUF file, sequences, tokens of each, threads. Lines of JSON in and out, as llama-addon-main.ts.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, path, sequences, contextTokens, threads] = process.argv.slice(2);
const entry = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp');
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({
  sequences: Number(sequences),
  contextSize: Number(contextTokens),
  threads: Number(threads),
});

async function write({ prompt, maxTokens }, sequence) {
  const beganMs = performance.now();
  const arrivals = [];
  await sequence.clearHistory();
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    void token;
    arrivals.push(performance.now());
    if (arrivals.length >= maxTokens) break;
  }
  const gapsMs = arrivals.slice(1).map((at, index) => at - arrivals[index]);
  return { tokens: arrivals.length, firstMs: arrivals[0] - beganMs, gapsMs };
}

const free = Array.from({ length: Number(sequences) }, () => context.getSequence());
process.stdout.write('{}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const work = JSON.parse(line);
  const beganMs = performance.now();
  const streams = await Promise.all(work.map((each, index) => write(each, free[index])));
  process.stdout.write(`${JSON.stringify({ wallMs: performance.now() - beganMs, streams })}\n`);
}
process.exit(0);
