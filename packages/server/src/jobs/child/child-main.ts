// Where a job's process begins: imports the entry module named by its first argument, runs it, and says how it went. The
// job's id is the second argument, so that a process left over from a killed server can be told by its command line.
import { writeFileSync } from 'node:fs';
import { extname, isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AmaasError, serializeError, systemClock } from '@amaas/core';
import type { RunJob } from '../job-kind.ts';
import type { FromChild, ToChild } from '../messages.ts';
import { createRuntime } from './runtime.ts';
import { writeResult } from './result-file.ts';

const LIFELINE_FD = 4;

const lifelinePath = join(import.meta.dirname, `lifeline${extname(import.meta.filename)}`);
new Worker(lifelinePath, { workerData: LIFELINE_FD }).unref();
// A terminal sends these to the whole group; when the job ends is the server's business.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
preferForKilling();
process.once('message', (message: ToChild) => {
  if (message.type === 'start') void runToEnd(message);
});

async function runToEnd(start: Extract<ToChild, { readonly type: 'start' }>): Promise<void> {
  const { runtime, stop, flush } = createRuntime(start, { clock: systemClock, say });
  process.on('message', (message: ToChild) => {
    if (message.type === 'stop') stop(message.why);
  });
  try {
    const runJob = await importEntry(process.argv[2] ?? '');
    const result = await runJob(runtime);
    flush();
    await writeResult(start.resultPath, result);
    await printed();
    say({ type: 'result' });
  } catch (thrown) {
    flush();
    // Of an unexpected failure the caller is told nothing but that; whoever reads the log gets all of it.
    if (!(thrown instanceof AmaasError)) console.error(thrown);
    await printed();
    say({ type: 'error', error: serializeError(thrown) });
  }
  // The server ends this process when it has heard: an exit from here could run into native threads at work.
}

/** Resolves when the server has all that was printed: what is still here would go with this process. */
async function printed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}

async function importEntry(entry: string): Promise<RunJob> {
  const module: unknown = await import(isAbsolute(entry) ? pathToFileURL(entry).href : entry);
  if (typeof module === 'object' && module !== null && 'runJob' in module && typeof module.runJob === 'function') {
    return module.runJob as RunJob; // the composition root names modules that export one
  }
  throw new Error(`${entry} does not export runJob`);
}

function say(message: FromChild): void {
  try {
    process.send?.(message, undefined, undefined, () => {}); // a server that has gone is the lifeline's business
  } catch (thrown) {
    console.error(`a ${message.type} could not be said:`, thrown); // it holds what JSON cannot
  }
}

/** Where memory runs out, the system is to end the job rather than the server. */
function preferForKilling(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '500');
  } catch {
    // not Linux, or not allowed
  }
}
