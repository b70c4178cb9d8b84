// Which tokens the next step computes, decided purely: those who write get their one token, and what is left of the step goes to
// prompts. A step is short, so that writing goes on while long prompts are read, and a cancelled request is gone with the step at
// hand.

/** A sequence with something to compute. */
export interface PlannedSequence {
  /** Tokens not yet computed, ≥ 1; exactly 1 while it writes. */
  readonly waiting: number;
  readonly isWriting: boolean;
  /** When the request's turn came, by any clock. */
  readonly startedMs: number;
}

/** Prompts of at most so many tokens are read side by side. */
const SHORT_PROMPT = 64;

/**
 * Tokens of each sequence in the next step, in their order; 0: it waits. Long prompts are read one after the other: side by side
 * all of them would end late. The one that began first has half of what is left for prompts, so that it ends. Short ones have the
 * rest, the same number each, because llama.cpp computes sequences with as many tokens together and others one by one.
 * @param stepTokens - of the step in all; sequences that write are never cut off for it
 */
export function planStep(sequences: readonly PlannedSequence[], stepTokens: number): readonly number[] {
  const shares = sequences.map(({ isWriting }): number => (isWriting ? 1 : 0));
  const writing = shares.reduce((sum, share) => sum + share, 0);
  const reading = sequences
    .map((each, index) => ({ ...each, index }))
    .filter(({ isWriting }) => !isWriting)
    .toSorted((a, b) => a.startedMs - b.startedMs);
  const [oldest] = reading;
  if (oldest === undefined) return shares;
  // At least one prompt goes on.
  let left = Math.max(1, stepTokens - writing);
  const missing = ({ waiting, index }: (typeof reading)[number]): number => waiting - (shares[index] ?? 0);
  const give = (each: (typeof reading)[number], tokens: number): void => {
    const given = Math.min(tokens, missing(each), left);
    shares[each.index] = (shares[each.index] ?? 0) + given;
    left -= given;
  };
  if (oldest.waiting > SHORT_PROMPT) give(oldest, Math.ceil(left / 2));
  let short = reading.filter(({ waiting }) => waiting <= SHORT_PROMPT);
  while (short.length > 0 && left > 0) {
    const each = Math.floor(left / short.length);
    if (each === 0 && short.some(({ index }) => (shares[index] ?? 0) > 0)) break; // no number that all of them can have
    for (const prompt of short) give(prompt, Math.max(1, each));
    short = short.filter((prompt) => missing(prompt) > 0);
  }
  // Of the long ones those that fit as a whole, the shortest first; what none fits into goes to the one that has begun.
  const long = reading.filter(({ waiting }) => waiting > SHORT_PROMPT).toSorted((a, b) => missing(a) - missing(b));
  for (const prompt of long) {
    if (missing(prompt) <= left) give(prompt, left);
  }
  if (oldest.waiting > SHORT_PROMPT) give(oldest, left);
  return shares;
}
