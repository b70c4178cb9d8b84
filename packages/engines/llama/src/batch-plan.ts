// Which tokens the next step computes, decided purely: those who write get their one token, and what is left of the step is
// shared by the prompts. A step is short, so that writing goes on while long prompts are read, and a cancelled request is
// gone with the step at hand.

/** A sequence with something to compute. */
export interface PlannedSequence {
  /** Tokens not yet computed, ≥ 1; exactly 1 while it writes. */
  readonly waiting: number;
  readonly isWriting: boolean;
}

/**
 * Tokens of each sequence in the next step, in their order; 0: it waits.
 * @param stepTokens - of the step in all; sequences that write are never cut off for it
 */
export function planStep(sequences: readonly PlannedSequence[], stepTokens: number): readonly number[] {
  const shares = sequences.map(({ isWriting }): number => (isWriting ? 1 : 0));
  let left = stepTokens - shares.reduce((sum, share) => sum + share, 0);
  // Short prompts take what they need; the others share alike what that leaves. At least one prompt goes on.
  let reading = sequences.flatMap(({ isWriting }, index) => (isWriting ? [] : [index]));
  if (reading.length > 0) left = Math.max(left, 1);
  while (left > 0 && reading.length > 0) {
    const each = Math.max(1, Math.floor(left / reading.length));
    for (const index of reading) {
      const given = Math.min(each, left, (sequences[index]?.waiting ?? 0) - (shares[index] ?? 0));
      shares[index] = (shares[index] ?? 0) + given;
      left -= given;
    }
    reading = reading.filter((index) => (shares[index] ?? 0) < (sequences[index]?.waiting ?? 0));
  }
  return shares;
}
