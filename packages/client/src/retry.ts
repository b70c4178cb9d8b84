// Decides whether and when a failed call is tried again: a pure function of what happened. Knows no sockets and no clock.
import type { AmaasError } from '@amaas/core';

/** How often and how patiently a call is repeated. */
export interface RetryPolicy {
  /** Attempts in all, the first included; 1 never repeats. Default 3: one more than rides out a single lost connection. */
  readonly maxAttempts: number;
  /** Upper bound of the first pause, in milliseconds; doubles with every attempt. Default 100: a queue empties in less. */
  readonly baseDelayMs: number;
  /** Upper bound of any pause, in milliseconds; a server's Retry-After may ask for more. Default 5000. */
  readonly maxDelayMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 3, baseDelayMs: 100, maxDelayMs: 5000 };

/** One attempt that failed. */
export interface FailedAttempt {
  /** 1 for the first. */
  readonly attempt: number;
  readonly error: AmaasError;
  /** HTTP status of the reply; null when none came. */
  readonly status: number | null;
  /** What the server asked for, in milliseconds; null when it did not. */
  readonly retryAfterMs: number | null;
  /** Whether doing the call twice is harmless: reading, replacing, inference. */
  readonly repeatable: boolean;
}

/**
 * Milliseconds to wait before the next attempt, or null to give up.
 *
 * Repeated are replies 429 and 503 (the server says it did not do it), and, where repeating is harmless, 502 and
 * failures without a reply, which leave open whether the call was done.
 * @param random uniform in [0, 1); the pause is drawn evenly from the whole interval ("full jitter"), so that callers
 *   refused together do not return together.
 */
export function planRetryMs(failed: FailedAttempt, policy: RetryPolicy, random: () => number): number | null {
  if (failed.attempt >= policy.maxAttempts || !failed.error.retryable || !mayRepeat(failed)) return null;
  const bound = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (failed.attempt - 1));
  return (failed.retryAfterMs ?? 0) + random() * bound;
}

function mayRepeat(failed: FailedAttempt): boolean {
  if (failed.status === 429 || failed.status === 503) return true;
  return failed.repeatable && (failed.status === null || failed.status === 502);
}

/** Reads a Retry-After header (seconds, or a date compared with `now`) as milliseconds ≥ 0; null when absent or unreadable. */
export function parseRetryAfterMs(header: string | null, now: Date): number | null {
  if (header === null) return null;
  if (/^[0-9]{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at = /^[A-Z][a-z]{2},/.test(header) ? Date.parse(header) : Number.NaN; // Date.parse alone takes "-2" for a year
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
