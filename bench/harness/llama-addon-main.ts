// A baseline of the bench of language models: llama.cpp by the addon alone, as little JavaScript around it as it takes to keep
// sequences full. Arguments: GGUF file, sequences, tokens of each, threads. Lines of JSON in and out: the streams' work, their
// times. Start it with UV_THREADPOOL_SIZE=1: pool threads spin against each other.
import { createInterface } from 'node:readline';
import { type BoundSampler, loadBinding } from '../../packages/engines/llama/src/binding.ts';
import { type LoadTimes, StreamClock, type StreamTimes, type StreamWork } from './llama-load.ts';

const [path = '', sequences = '1', contextTokens = '512', threads = '1'] = process.argv.slice(2);
const STEP_TOKENS = 512;
const binding = await loadBinding((message) => process.stderr.write(`${message}\n`));
const model = new binding.AddonModel(path, { addonExports: binding, gpuLayers: 0, useMmap: true, checkTensors: false });
if (!(await model.init())) throw new Error(`llama.cpp does not load ${path}`);
const context = new binding.AddonContext(model, {
  ...{ contextSize: Number(contextTokens) * Number(sequences), batchSize: STEP_TOKENS, sequences: Number(sequences) },
  ...{ threads: Number(threads), flashAttention: 'auto' },
});
if (!(await context.init())) throw new Error('there is no context');

interface Stream {
  readonly sequence: number;
  readonly clock: StreamClock;
  readonly sampler: BoundSampler;
  waiting: Uint32Array;
  position: number;
  left: number;
  written: number;
}

async function run(work: readonly StreamWork[]): Promise<LoadTimes> {
  const beganMs = performance.now();
  let streams = work.map(({ prompt, maxTokens }, sequence): Stream => {
    context.removeTokenCellsFromSequence(sequence, -1, -1);
    const sampler = new binding.AddonSampler(model);
    sampler.applyConfig({ temperature: 0, seed: 0 });
    const waiting = Uint32Array.from(prompt);
    return { ...{ sequence, sampler, waiting, position: 0, left: maxTokens, written: 0 }, clock: new StreamClock() };
  });
  const times: StreamTimes[] = [];
  while (streams.length > 0) {
    const drawing: { readonly stream: Stream; readonly place: number }[] = [];
    let room = STEP_TOKENS;
    context.initBatch(room);
    for (const stream of streams.toSorted((a, b) => a.waiting.length - b.waiting.length)) {
      const tokens = stream.waiting.subarray(0, room);
      if (tokens.length === 0) continue;
      const isLast = tokens.length === stream.waiting.length;
      const wanted = isLast ? Uint32Array.of(tokens.length - 1) : new Uint32Array();
      const [place] = context.addToBatch(stream.sequence, stream.position, tokens, wanted);
      room -= tokens.length;
      stream.position += tokens.length;
      stream.waiting = stream.waiting.subarray(tokens.length);
      if (place !== undefined) drawing.push({ stream, place });
    }
    await context.decodeBatch();
    const drawn = await Promise.all(drawing.map(({ stream, place }) => context.sampleToken(place, stream.sampler)));
    for (const [index, { stream }] of drawing.entries()) {
      stream.waiting = Uint32Array.of(drawn[index] ?? 0);
      stream.clock.tick();
      stream.written++;
      if (stream.written < stream.left) continue;
      stream.sampler.dispose();
      times.push(stream.clock.times(stream.written));
      streams = streams.filter((each) => each !== stream);
    }
  }
  return { wallMs: performance.now() - beganMs, streams: times };
}

process.stdout.write('{}\n');
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}
