// Time as a port, so that tests own it.

/** Cancels what {@link Clock.schedule} set up. */
export type CancelTimer = () => void;

export interface Clock {
  /** Milliseconds on a monotonic clock with an arbitrary origin; for durations. */
  nowMs(): number;
  /** Wall time; for records that people read. */
  wallTime(): Date;
  /** Calls `action` once, about `delayMs` later. */
  schedule(delayMs: number, action: () => void): CancelTimer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallTime: () => new Date(),
  schedule(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};
