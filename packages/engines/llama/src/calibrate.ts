// How many threads llama.cpp is given, by measuring: the best number for a small model is 1, for a large one all cores, and
// more threads than cores make it hundreds of times slower.
import type { ThreadChoice, ThreadMeasurement } from '@amaas/core';
import type { BoundContext } from './binding.ts';

const PROMPT_TOKENS = 64;
const GENERATED_TOKENS = 8;
/** Longest one number of threads is tried: a large model then has one prompt and a few tokens to judge by. */
const MOST_MS = 400;
/** More threads must be worth it: other models run beside this one. */
const WORTH_IT = 1.1;

export interface Trial {
  /** Any token. */
  readonly token: number;
  /** Tokens that the context's first sequence has room for. */
  readonly room: number;
}

/** Measures 1, 2, 4, … `most` threads and leaves the context's first sequence empty. */
export async function chooseThreads(context: BoundContext, most: number, trial: Trial): Promise<ThreadChoice> {
  const { token, room } = trial;
  if (room < 2) return { generation: 1, prompt: 1, measured: [] };
  const measured: ThreadMeasurement[] = [];
  // The first step of a context makes room; it is not measured.
  context.setThreads(1);
  await compute(context, { token, from: 0, count: 1 });
  context.removeTokenCellsFromSequence(0, -1, -1);
  for (const threads of numbersUpTo(most)) {
    context.setThreads(threads);
    measured.push({ threads, ...(await measure(context, trial)) });
  }
  return choiceOf(measured);
}

/** For each of the two kinds of work the fewest threads that others do not clearly surpass. */
export function choiceOf(measured: readonly ThreadMeasurement[]): ThreadChoice {
  return {
    generation: best(measured, ({ generatedTokensPerSecond }) => generatedTokensPerSecond),
    prompt: best(measured, ({ promptTokensPerSecond }) => promptTokensPerSecond),
    measured,
  };
}

/** Tokens of a prompt computed in a second by threads that were given. Leaves the context's first sequence empty. */
export async function measurePrompt(context: BoundContext, threads: number, trial: Trial): Promise<number> {
  const count = Math.max(1, Math.min(PROMPT_TOKENS, trial.room));
  let leastMs = Number.POSITIVE_INFINITY;
  context.setThreads(threads);
  // The first step of a context makes room, and any one may be disturbed.
  for (let round = 0; round < 4; round++) {
    leastMs = Math.min(leastMs, await compute(context, { token: trial.token, from: 0, count }));
    context.removeTokenCellsFromSequence(0, -1, -1);
  }
  return (1000 * count) / leastMs;
}

async function measure(context: BoundContext, { token, room }: Trial): Promise<Omit<ThreadMeasurement, 'threads'>> {
  const promptTokens = Math.max(1, Math.min(PROMPT_TOKENS, room - GENERATED_TOKENS));
  const generatedTokens = Math.min(GENERATED_TOKENS, room - promptTokens);
  const beganMs = performance.now();
  let promptMs = Number.POSITIVE_INFINITY;
  let tokenMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3 && (round === 0 || performance.now() - beganMs < MOST_MS); round++) {
    promptMs = Math.min(promptMs, await compute(context, { token, from: 0, count: promptTokens }));
    let generatedMs = 0;
    let generated = 0;
    while (generated < generatedTokens && (generated === 0 || performance.now() - beganMs < MOST_MS)) {
      generatedMs += await compute(context, { token, from: promptTokens + generated, count: 1 });
      generated++;
    }
    tokenMs = Math.min(tokenMs, generatedMs / generated);
    context.removeTokenCellsFromSequence(0, -1, -1);
  }
  return {
    generatedTokensPerSecond: 1000 / tokenMs,
    promptTokensPerSecond: (1000 * promptTokens) / promptMs,
  };
}

interface Step {
  readonly token: number;
  readonly from: number;
  readonly count: number;
}

/** @returns milliseconds */
async function compute(context: BoundContext, { token, from, count }: Step): Promise<number> {
  const startedMs = performance.now();
  context.initBatch(count);
  context.addToBatch(0, from, new Uint32Array(count).fill(token), Uint32Array.of(count - 1));
  await context.decodeBatch();
  return performance.now() - startedMs;
}

function best(measured: readonly ThreadMeasurement[], speed: (each: ThreadMeasurement) => number): number {
  let chosen = measured[0];
  for (const each of measured) {
    if (chosen !== undefined && speed(each) > WORTH_IT * speed(chosen)) chosen = each;
  }
  return chosen?.threads ?? 1;
}

/** 1, 2, 4, … `most`. */
export function numbersUpTo(most: number): readonly number[] {
  const numbers: number[] = [];
  for (let threads = 1; threads < most; threads *= 2) numbers.push(threads);
  return [...numbers, Math.max(1, most)];
}
