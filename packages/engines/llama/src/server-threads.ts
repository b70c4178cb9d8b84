// How many threads llama-server is given: as with llama.cpp inside the child by measuring, but a server must be started anew
// for each number.
import { availableParallelism } from 'node:os';
import type { ThreadChoice, ThreadMeasurement } from '@amaas/core';
import { choiceOf, numbersUpTo } from './calibrate.ts';
import { numberIn } from './server-json.ts';
import type { ServerConnection } from './server-connection.ts';
import { type ServerProcess, type ServerStart, startServer } from './server-process.ts';

const PROMPT_TOKENS = 64;
const GENERATED_TOKENS = 8;
/** A number of threads that takes so long is not tried twice. */
const MOST_MS = 400;

/** A server with threads as given, or as they were the fastest. */
export async function startWithThreads(
  start: Omit<ServerStart, 'threads'>,
  threads: number | ThreadChoice | null,
): Promise<{ readonly server: ServerProcess; readonly threads: ThreadChoice }> {
  const given = typeof threads === 'number' ? { generation: threads, prompt: threads, measured: [] } : threads;
  const choice = given ?? (start.use === 'write' ? await measureThreads(start) : ALL_THREADS);
  return { server: await startServer({ ...start, threads: choice }), threads: choice };
}

/** A server that makes vectors writes nothing that could be measured; what it does is one long prompt. */
const ALL_THREADS: ThreadChoice = { generation: 1, prompt: availableParallelism(), measured: [] };

async function measureThreads(start: Omit<ServerStart, 'threads'>): Promise<ThreadChoice> {
  const measured: ThreadMeasurement[] = [];
  for (const threads of numbersUpTo(availableParallelism())) {
    const server = await startServer({ ...start, parallel: 1, threads: { generation: threads, prompt: threads } });
    try {
      measured.push({ threads, ...(await measure(server.connection, start.contextTokens)) });
    } finally {
      await server.kill();
    }
  }
  return choiceOf(measured);
}

async function measure(
  connection: ServerConnection,
  contextTokens: number,
): Promise<Omit<ThreadMeasurement, 'threads'>> {
  const promptTokens = Math.max(1, Math.min(PROMPT_TOKENS, contextTokens - GENERATED_TOKENS));
  const asked = {
    ...{ prompt: Array.from({ length: promptTokens }, () => 1), n_predict: GENERATED_TOKENS },
    ...{ temperature: 0, ignore_eos: true, cache_prompt: false },
  };
  const speeds = { generatedTokensPerSecond: 0, promptTokensPerSecond: 0 };
  const beganMs = performance.now();
  for (let round = 0; round < 2 && (round === 0 || performance.now() - beganMs < MOST_MS); round++) {
    const answer = await connection.ask('/completion', asked);
    const speed = (name: string): number => numberIn(answer, 'timings', `${name}_per_second`);
    speeds.generatedTokensPerSecond = Math.max(speeds.generatedTokensPerSecond, speed('predicted'));
    speeds.promptTokensPerSecond = Math.max(speeds.promptTokensPerSecond, speed('prompt'));
  }
  return speeds;
}
