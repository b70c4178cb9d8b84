// Trying again what failed for a while: with growing pauses, as long as the other side asks for, never without end.
import { AmaasError, type Clock } from '@amaas/core';

export interface RetryParts {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Hears of every pause. */
  readonly onPause: (error: AmaasError, delayMs: number) => void;
}

/** Tries in a row that bring nothing before it is given up: with the pauses below, half a minute of a hub that is away. */
const MAX_FRUITLESS = 6;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A hub that asks for more has a limit that waiting does not help against. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/**
 * Runs `attempt` until it succeeds. `hasGained` says whether the last one got anywhere: then the count starts anew.
 * @throws the last error; at once what is not worth a second try
 */
export async function withRetries<Result>(
  parts: RetryParts,
  attempt: () => Promise<Result>,
  hasGained: () => boolean = () => false,
): Promise<Result> {
  for (let fruitless = 0; ; ) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof AmaasError) || !thrown.retryable || thrown.reason === 'STORAGE_FULL') throw thrown;
      fruitless = hasGained() ? 1 : fruitless + 1;
      const askedMs = thrown.details['retryAfterMs'];
      const asked = typeof askedMs === 'number' ? askedMs : 0;
      if (fruitless >= MAX_FRUITLESS || asked > MAX_RETRY_AFTER_MS) throw thrown;
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (fruitless - 1)) * (0.5 + parts.random() / 2);
      const delayMs = Math.max(asked, pauseMs);
      parts.onPause(thrown, delayMs);
      await pause(parts, delayMs);
    }
  }
}

/** @throws CANCELLED when the signal fires */
export function pause({ clock, signal }: Pick<RetryParts, 'clock' | 'signal'>, delayMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(new AmaasError('CANCELLED', 'pull: cancelled'));
    };
    const cancel = clock.schedule(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
