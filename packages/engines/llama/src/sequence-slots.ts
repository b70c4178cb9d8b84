// The sequences of a context and what their caches hold, so that a request finds the one that knows most of its prompt.
// Pure bookkeeping: whoever changes it changes the context alike.

export interface Slot {
  readonly sequence: number;
  /** Tokens whose keys and values are there, by position. */
  tokens: number[];
  isBusy: boolean;
  /** Increases with every use. */
  lastUse: number;
}

/** Where a prompt is computed, and how much of it is known. */
export interface SlotChoice {
  readonly slot: Slot;
  /** Tokens at the prompt's beginning whose cache can be used. */
  readonly common: number;
  /** A sequence that knows more of it, to copy from. */
  readonly copyFrom: Slot | null;
}

/** A sequence, and the tokens at a prompt's beginning that it knows. */
export interface Known {
  readonly slot: Slot;
  readonly common: number;
}

/** Copying moves the whole cache of a sequence; below so many tokens computing them is no slower. */
const WORTH_COPYING = 64;

export class SequenceSlots {
  readonly #slots: readonly Slot[];
  #uses = 0;

  constructor(count: number) {
    this.#slots = Array.from({ length: count }, (_, sequence) => ({ sequence, tokens: [], isBusy: false, lastUse: 0 }));
  }

  get free(): number {
    return this.#slots.filter(({ isBusy }) => !isBusy).length;
  }

  /**
   * The sequence that knows most of the prompt, where it is free and has little else to lose; otherwise another, and what is
   * known is copied where that is worth it. Of those that know alike one beside a busy sequence: llama.cpp computes neighbours
   * together and all others one after the other. Of those the longest unused. Null when all are busy.
   */
  choose(prompt: Uint32Array): SlotChoice | null {
    // The last token is always computed: its logits are wanted.
    const known = this.#slots.map((slot) => ({
      slot,
      common: Math.min(commonLength(slot.tokens, prompt), prompt.length - 1),
    }));
    const most = known.reduce((best, each) => (each.common > best.common ? each : best));
    const free = known
      .filter(({ slot }) => !slot.isBusy)
      .toSorted(
        (a, b) => Number(this.#isBeside(b.slot)) - Number(this.#isBeside(a.slot)) || a.slot.lastUse - b.slot.lastUse,
      );
    const bestFree = free.reduce<Known | null>(
      (best, each) => (each.common > (best?.common ?? -1) ? each : best),
      null,
    );
    if (bestFree === null) return null;
    const isSpare = ({ slot, common }: Known): boolean => slot.tokens.length - common < WORTH_COPYING;
    const target = isSpare(bestFree) ? bestFree : (free.find(({ slot }) => slot !== bestFree.slot) ?? bestFree);
    const copyFrom = most.common >= target.common + WORTH_COPYING ? most.slot : null;
    return { slot: target.slot, common: copyFrom === null ? target.common : most.common, copyFrom };
  }

  /** A sequence that by now knows so much more of a prompt than the one it was given that copying is worth it; null: none. */
  findBetter(prompt: Uint32Array, given: Slot): Known | null {
    const least = commonLength(given.tokens, prompt) + WORTH_COPYING;
    let best: Known | null = null;
    for (const slot of this.#slots) {
      const common = Math.min(commonLength(slot.tokens, prompt), prompt.length - 1);
      if (common >= (best === null ? least : best.common + 1)) best = { slot, common };
    }
    return best;
  }

  take(slot: Slot, known: readonly number[]): void {
    slot.isBusy = true;
    slot.tokens = [...known];
    slot.lastUse = ++this.#uses;
  }

  /** What the cache holds stays, for whoever begins alike. */
  leave(slot: Slot): void {
    slot.isBusy = false;
  }

  #isBeside({ sequence }: Slot): boolean {
    return [sequence - 1, sequence + 1].some((beside) => this.#slots[beside]?.isBusy === true);
  }
}

function commonLength(known: readonly number[], prompt: Uint32Array): number {
  const most = Math.min(known.length, prompt.length);
  let length = 0;
  while (length < most && known[length] === prompt[length]) length++;
  return length;
}
