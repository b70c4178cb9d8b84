// Runs in a process of its own: answers one question to llama.cpp, given as JSON on standard input, with JSON on standard
// output. Numbers are in 32 bits throughout: caches are F32 and attention is the plain one.
import { loadBinding } from '../../../../engines/llama/src/binding.ts';
import type { LlamaCppAnswer, LlamaCppQuestion } from './llama-cpp.ts';

const CONTEXT_TOKENS = 512;
/** ggml's number of the type. */
const F32 = 0;

let input = '';
for await (const chunk of process.stdin) input += chunk;
const question = JSON.parse(input) as LlamaCppQuestion; // llama-cpp.ts wrote it
const binding = await loadBinding((message) => process.stderr.write(`${message}\n`));
const model = new binding.AddonModel(question.model, {
  addonExports: binding,
  gpuLayers: 0,
  useMmap: true,
  checkTensors: true,
});
if (!(await model.init())) throw new Error('the model does not load');
const context = new binding.AddonContext(model, {
  contextSize: CONTEXT_TOKENS,
  batchSize: CONTEXT_TOKENS,
  sequences: 1,
  threads: 1,
  flashAttention: false,
  kvCacheKeyType: F32,
  kvCacheValueType: F32,
});
if (!(await context.init())) throw new Error('there is no context');
if (question.lora !== undefined) {
  const adapter = new binding.AddonModelLora(model, question.lora);
  await model.loadLora(adapter);
  context.setLoras([adapter], [1]);
}
const sampler = new binding.AddonSampler(model);
sampler.applyConfig({ temperature: 0, seed: 0 });

const answer: LlamaCppAnswer = {
  tokens: (question.texts ?? []).map((text) => [...model.tokenize(text, true)]),
  logits: [],
  greedy: [],
};
for (const ids of question.logitsOf ?? []) {
  context.removeTokenCellsFromSequence(0, -1, -1);
  const places = await compute(0, ids);
  const rows: number[][] = [];
  for (const place of places) {
    const [, , , pairs] = await context.sampleToken(place, sampler, false, false, true, true);
    const row: number[] = [];
    for (let at = 0; at < pairs.length; at += 2) row[pairs[at] ?? 0] = pairs[at + 1] ?? Number.NaN;
    rows.push(row);
  }
  answer.logits.push(rows);
}
if (question.greedy !== undefined) {
  context.removeTokenCellsFromSequence(0, -1, -1);
  let waiting = question.greedy.ids;
  for (let computed = 0; answer.greedy.length < question.greedy.count; ) {
    const place = (await compute(computed, waiting)).at(-1) ?? 0;
    computed += waiting.length;
    const token = await context.sampleToken(place, sampler);
    answer.greedy.push(token);
    if (model.isEogToken(token)) break;
    waiting = [token];
  }
}
process.stdout.write(JSON.stringify(answer));
await context.dispose();
await model.dispose();
await binding.dispose();

/** @returns where the logits of each token are */
async function compute(from: number, ids: readonly number[]): Promise<Uint32Array> {
  context.initBatch(ids.length);
  const places = context.addToBatch(0, from, Uint32Array.from(ids), Uint32Array.from(ids.keys()));
  await context.decodeBatch();
  return places;
}
