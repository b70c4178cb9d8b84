// Runs in a process of its own: answers one question to llama.cpp, given as JSON on standard input, with JSON on standard
// output. Numbers are in 32 bits throughout: caches are F32 and attention is the plain one.
import { getLlama, LlamaLogLevel, type Token } from 'node-llama-cpp';
import type { LlamaCppAnswer, LlamaCppQuestion } from './llama-cpp.ts';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const question = JSON.parse(input) as LlamaCppQuestion; // llama-cpp.ts wrote it
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: question.model });
const context = await model.createContext({
  contextSize: 512,
  threads: 1,
  flashAttention: false,
  experimentalKvCacheKeyType: 'F32',
  experimentalKvCacheValueType: 'F32',
  ...(question.lora === undefined ? {} : { lora: question.lora }),
});
const sequence = context.getSequence();

const answer: LlamaCppAnswer = {
  tokens: (question.texts ?? []).map((text) => [...model.tokenize(text, true)]),
  logits: [],
  greedy: [],
};
for (const ids of question.logitsOf ?? []) {
  await sequence.clearHistory();
  const results = await sequence.controlledEvaluate(
    ids.map((id) => [
      id as Token,
      { generateNext: { logits: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } },
    ]),
  );
  answer.logits.push(
    results.map((result) => {
      const row: number[] = [];
      for (const [id, logit] of result?.next.logits ?? []) row[id] = logit;
      return row;
    }),
  );
}
if (question.greedy !== undefined) {
  await sequence.clearHistory();
  // A number is what llama.cpp calls a token.
  const start = question.greedy.ids as Token[];
  for await (const token of sequence.evaluate(start, { temperature: 0, yieldEogToken: true })) {
    answer.greedy.push(token);
    if (answer.greedy.length >= question.greedy.count) break;
  }
}
process.stdout.write(JSON.stringify(answer));
await context.dispose();
await model.dispose();
await llama.dispose();
