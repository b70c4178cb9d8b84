// Asks llama.cpp about a model file, in a process of its own with one thread, as the engine has it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface LlamaCppQuestion {
  /** Path of a GGUF file. */
  readonly model: string;
  /** Path of an adapter. */
  readonly lora?: string;
  /** Texts to cut into tokens, special ones in them found. */
  readonly texts?: readonly string[];
  /** Sequences whose logits are wanted, at every position. */
  readonly logitsOf?: readonly (readonly number[])[];
  /** What to go on with, and for how many tokens at most. */
  readonly greedy?: { readonly ids: readonly number[]; readonly count: number };
}

export interface LlamaCppAnswer {
  readonly tokens: readonly (readonly number[])[];
  /** [sequence][position][token] */
  readonly logits: (readonly (readonly number[])[])[];
  readonly greedy: number[];
}

export async function askLlamaCpp(question: LlamaCppQuestion): Promise<LlamaCppAnswer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'llama-cpp-child.ts')], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1', OMP_NUM_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdin.end(JSON.stringify(question));
  const [code] = await once(child, 'close');
  const text = Buffer.concat(out).toString('utf8');
  if (code !== 0 || text === '')
    throw new Error(`llama.cpp ended with ${code}: ${Buffer.concat(errors).toString('utf8')}`);
  return JSON.parse(text) as LlamaCppAnswer; // the child wrote it
}
