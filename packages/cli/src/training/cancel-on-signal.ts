// Ctrl-C while something computes: the first asks it to end where that is safe, the second ends the process at once.
import type { Terminal } from '../terminal.ts';

/** npm passes on a Ctrl-C that the terminal has sent to all: two signals this close together are one. */
const SAME_SIGNAL_MS = 500;

/** Runs `work` with a signal that fires on SIGINT or SIGTERM. */
export async function withCancelOnSignal<Result>(
  terminal: Pick<Terminal, 'note'>,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const cancelling = new AbortController();
  let sinceMs: number | null = null;
  const onSignal = (): void => {
    if (sinceMs === null) {
      sinceMs = performance.now();
      terminal.note('amaas: cancelling after the steps at hand (again to end at once) …');
      cancelling.abort();
    } else if (performance.now() - sinceMs >= SAME_SIGNAL_MS) {
      terminal.note('amaas: ended at once');
      process.kill(process.pid, 'SIGKILL'); // an exit would run destructors under the threads that compute
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    return await work(cancelling.signal);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
