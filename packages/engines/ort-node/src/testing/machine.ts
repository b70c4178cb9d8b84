// What tests ask the machine: children, threads, memory. Linux only, as are the tests that use it.
import { readdirSync, readFileSync } from 'node:fs';
import { readStatusBytes } from '../process-memory.ts';

/** Skip reason for tests that read /proc. */
export const skipWithoutProc: string | false = process.platform === 'linux' ? false : 'reads /proc, which Linux has';

/** Children of a process, by default of this one. */
export function childPids(pid: number = process.pid): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return []; // gone
  }
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie has ended; it only waits for its parent to ask.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Threads of this process, those of the runtime included. */
export function threadCount(): number {
  return readdirSync('/proc/self/task').length;
}

export function residentBytes(): number {
  return readStatusBytes('self', 'VmRSS') ?? 0;
}

/** Waits for something to come true; gives up after a minute, which only a failing test takes. */
export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 60_000;
  while (!isTrue()) {
    if (performance.now() > giveUpMs) throw new Error(`waited a minute for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
