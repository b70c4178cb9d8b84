// The baseline of the decoding bench: llama.cpp through node-llama-cpp, one thread, greedy, ids alone. Arguments: GGUF file,
// first id, tokens. Prints one line of JSON. Start it with UV_THREADPOOL_SIZE=1: pool threads spin against each other.
import { getLlama, type Token } from 'node-llama-cpp';

const [path = '', first = '1', count = '200'] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false });
const model = await llama.loadModel({ modelPath: path });
const context = await model.createContext({ contextSize: Number(count) + 8, threads: 1 });
const sequence = context.getSequence();

async function decode(): Promise<{
  readonly wallUs: number;
  readonly cpuUs: number;
  readonly tokens: readonly number[];
}> {
  await sequence.clearHistory();
  const tokens: number[] = [];
  const before = process.cpuUsage();
  const startMs = performance.now();
  // Ids are numbers; the library only marks their type.
  for await (const token of sequence.evaluate([Number(first) as Token], { temperature: 0, yieldEogToken: true })) {
    tokens.push(token);
    if (tokens.length === Number(count)) break;
  }
  const wallUs = ((performance.now() - startMs) * 1000) / tokens.length;
  const { user, system } = process.cpuUsage(before);
  return { wallUs, cpuUs: (user + system) / tokens.length, tokens };
}

await decode();
process.stdout.write(`${JSON.stringify(await decode())}\n`);
await context.dispose();
await model.dispose();
await llama.dispose();
