// What takes part in a training bench: something that starts a workload and then does steps when told. Sides in processes
// of their own talk in lines of JSON: a first line `{"ready": "what it is"}`, then one answer per `{"steps": n}`.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Workload } from './workloads.ts';

export interface StepTiming {
  readonly msPerStep: number;
  /** Of the last step. */
  readonly loss: number;
}

export interface RunningSide {
  /** What computes, with its version. */
  readonly about: string;
  readonly step: (steps: number) => Promise<StepTiming>;
  readonly close: () => Promise<void>;
}

export interface Side {
  /** As goals call it. */
  readonly name: string;
  /** Rejects with the reason where it cannot take part. */
  readonly start: (workload: Workload, threads: number) => Promise<RunningSide>;
}

/** Starts a process that speaks the protocol above; other lines it prints are passed over. */
export async function startProcess(command: string, args: readonly string[]): Promise<RunningSide> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (error) => reject(new Error(`${command} cannot be started: ${error.message}`)));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    for (;;) {
      const { value, done } = await Promise.race([lines.next(), failed]);
      if (done) throw new Error(`${command} ${args.join(' ')} ended early`);
      if (value.startsWith('{')) return JSON.parse(value);
    }
  };
  const hello = (await next()) as { readonly ready?: string; readonly missing?: string }; // the protocol, here and below
  if (hello.ready === undefined) {
    await end(child);
    throw new Error(hello.missing ?? 'it did not say that it is ready');
  }
  return {
    about: hello.ready,
    async step(steps) {
      child.stdin.write(`${JSON.stringify({ steps })}\n`);
      return (await next()) as StepTiming;
    },
    close: () => end(child),
  };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve();
    else child.once('exit', () => resolve());
    child.stdin?.end();
  });
}
