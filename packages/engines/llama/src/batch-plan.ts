// Which tokens the next step computes, decided purely: those who write get their one token, and what is left of the step goes to
// prompts, to few of them at a time. A step is short, so that writing goes on while long prompts are read, and a cancelled
// request is gone with the step at hand.

/** A sequence with something to compute. */
export interface PlannedSequence {
  /** Tokens not yet computed, ≥ 1; exactly 1 while it writes. */
  readonly waiting: number;
  readonly isWriting: boolean;
  /** When the request's turn came, by any clock. */
  readonly startedMs: number;
}

/**
 * Tokens of each sequence in the next step, in their order; 0: it waits. The prompt that began first has half of what is left
 * for prompts, so that it ends; the rest goes to the shortest, which soon write. Prompts side by side would all end late, and
 * llama.cpp computes sequences of different lengths one after the other.
 * @param stepTokens - of the step in all; sequences that write are never cut off for it
 */
export function planStep(sequences: readonly PlannedSequence[], stepTokens: number): readonly number[] {
  const shares = sequences.map(({ isWriting }): number => (isWriting ? 1 : 0));
  const writing = shares.reduce((sum, share) => sum + share, 0);
  const reading = [...sequences.entries()].filter(([, { isWriting }]) => !isWriting);
  const oldest = reading.toSorted(([, a], [, b]) => a.startedMs - b.startedMs)[0];
  if (oldest === undefined) return shares;
  // At least one prompt goes on.
  let left = Math.max(1, stepTokens - writing);
  const give = (index: number, tokens: number): void => {
    shares[index] = (shares[index] ?? 0) + tokens;
    left -= tokens;
  };
  const [first, { waiting }] = oldest;
  give(first, Math.min(waiting, Math.ceil(left / 2)));
  const missing = reading
    .map(([index, each]) => ({ index, startedMs: each.startedMs, tokens: each.waiting - (shares[index] ?? 0) }))
    .toSorted((a, b) => a.tokens - b.tokens || a.startedMs - b.startedMs);
  for (const { index, tokens } of missing) {
    if (tokens <= left) give(index, tokens);
  }
  // What no prompt fits into as a whole goes to the one that has begun.
  if (left > 0) give(first, Math.min(left, waiting - (shares[first] ?? 0)));
  return shares;
}
