// How many tokens a step may have so that it takes no longer than it should: first by what was measured at load, then by how
// long steps really take, because the longer the texts, the longer each of their tokens.
import { MOST_STEP_TOKENS } from './plan-memory.ts';

/** Longest a step should take, so that a cancelled request is gone and a new one begins. */
export const MOST_STEP_MS = 150;
export const LEAST_STEP_TOKENS = 8;
/** Of the step before in the next one: a single slow step says little. */
const INERTIA = 0.75;

export class StepPace {
  #tokens: number;

  /** @param tokens - that fit by what was measured at load */
  constructor(tokens: number) {
    this.#tokens = tokens;
  }

  /** Of the next step at most. */
  get tokens(): number {
    return Math.round(this.#tokens);
  }

  /** A step of prompts alone took so long. Those of far fewer tokens than there may be say nothing. */
  observe(tokens: number, elapsedMs: number): void {
    if (tokens < this.#tokens / 2) return;
    const wanted = (tokens * MOST_STEP_MS) / Math.max(1, elapsedMs);
    const next = INERTIA * this.#tokens + (1 - INERTIA) * wanted;
    this.#tokens = Math.min(MOST_STEP_TOKENS, Math.max(LEAST_STEP_TOKENS, next));
  }
}
