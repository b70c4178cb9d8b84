// The baseline of the decoding bench: llama.cpp by the addon alone, one thread, greedy, ids alone. Arguments: GGUF file, first
// id, tokens. Prints one line of JSON. Start it with UV_THREADPOOL_SIZE=1: pool threads spin against each other.
import { loadBinding } from '../../packages/engines/llama/src/binding.ts';

const [path = '', first = '1', count = '200'] = process.argv.slice(2);
const binding = await loadBinding((message) => process.stderr.write(`${message}\n`));
const model = new binding.AddonModel(path, { addonExports: binding, gpuLayers: 0, useMmap: true, checkTensors: false });
if (!(await model.init())) throw new Error(`llama.cpp does not load ${path}`);
const size = { contextSize: Number(count) + 8, batchSize: 512, sequences: 1 };
const context = new binding.AddonContext(model, { ...size, threads: 1, flashAttention: 'auto' });
if (!(await context.init())) throw new Error('there is no context');
const sampler = new binding.AddonSampler(model);
sampler.applyConfig({ temperature: 0, seed: 0 });

async function decode(): Promise<{
  readonly wallUs: number;
  readonly cpuUs: number;
  readonly tokens: readonly number[];
}> {
  context.removeTokenCellsFromSequence(0, -1, -1);
  const tokens: number[] = [];
  const before = process.cpuUsage();
  const startMs = performance.now();
  let token = Number(first);
  while (tokens.length < Number(count)) {
    context.initBatch(1);
    const [place = 0] = context.addToBatch(0, tokens.length, Uint32Array.of(token), Uint32Array.of(0));
    await context.decodeBatch();
    token = await context.sampleToken(place, sampler);
    tokens.push(token);
    if (model.isEogToken(token)) break;
  }
  const wallUs = ((performance.now() - startMs) * 1000) / tokens.length;
  const { user, system } = process.cpuUsage(before);
  return { wallUs, cpuUs: (user + system) / tokens.length, tokens };
}

await decode();
process.stdout.write(`${JSON.stringify(await decode())}\n`);
await context.dispose();
await model.dispose();
await binding.dispose();
