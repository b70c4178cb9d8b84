// How answers look: text as it comes, thoughts dimmed on a terminal and left out elsewhere, figures in a line.
import type { Streams } from '../terminal.ts';
import type { AnswerFacts, AnswerPiece } from './conversation.ts';

const DIM = '\u001b[2m';
const PLAIN = '\u001b[22m';
/** A model's text may hold sequences that would make the terminal do something. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Writes one answer, piece by piece. */
export class AnswerWriter {
  readonly #stdout: Streams['stdout'];
  #kind: AnswerPiece['kind'] | null = null;
  #endsLine = true;

  constructor(stdout: Streams['stdout']) {
    this.#stdout = stdout;
  }

  write({ kind, text }: AnswerPiece): void {
    const isTerminal = this.#stdout.isTTY === true;
    if (kind === 'thinking' && !isTerminal) return;
    const shown = isTerminal ? text.replace(CONTROLS, '') : text;
    const turn = this.#turnTo(kind);
    this.#stdout.write(kind === 'thinking' ? `${turn}${DIM}${shown}${PLAIN}` : `${turn}${shown}`);
    if (shown !== '') this.#endsLine = shown.endsWith('\n');
  }

  /** Ends the line the answer stands in. */
  finish(): void {
    if (!this.#endsLine) this.#stdout.write('\n');
    this.#endsLine = true;
  }

  /** A blank line between thoughts and answer. */
  #turnTo(kind: AnswerPiece['kind']): string {
    const isTurn = this.#kind !== null && this.#kind !== kind;
    this.#kind = kind;
    return isTurn ? (this.#endsLine ? '\n' : '\n\n') : '';
  }
}

/** `38 tokens, 412 tokens/s, first after 0.03 s, prompt 9 tokens`. */
export function factsLine(facts: AnswerFacts): string {
  const { promptTokens, completionTokens, firstMs } = facts;
  const rate = tokensPerSecond(facts);
  const parts = [
    completionTokens === null ? null : `${completionTokens} tokens`,
    rate === null ? null : `${rate} tokens/s`,
    firstMs === null ? 'nothing came' : `first after ${(firstMs / 1000).toFixed(2)} s`,
    promptTokens === null ? null : `prompt ${promptTokens} tokens`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

/** Why an answer ends in the middle, and what gives a longer one; null: it does not. @param mostTokens - asked for */
export function cutLine(
  { reason, completionTokens }: Pick<AnswerFacts, 'reason' | 'completionTokens'>,
  mostTokens: number | undefined,
): string | null {
  if (reason !== 'length') return null;
  const after = completionTokens === null ? '' : ` after ${completionTokens} token${completionTokens === 1 ? '' : 's'}`;
  const isAsked = mostTokens !== undefined && (completionTokens ?? mostTokens) >= mostTokens;
  return isAsked
    ? `(cut${after}: --max-tokens is ${mostTokens}; start with a greater one for more)`
    : `(cut${after}: no more room in the model's context, or its maxTokens; /clear or a shorter text makes room, --max-tokens asks for more)`;
}

/** From the first token to the last; null where there is nothing between them. */
export function tokensPerSecond({
  completionTokens,
  writingMs,
}: Pick<AnswerFacts, 'completionTokens' | 'writingMs'>): number | null {
  if (completionTokens === null || completionTokens < 2 || writingMs <= 0) return null;
  const rate = ((completionTokens - 1) * 1000) / writingMs;
  return rate >= 100 ? Math.round(rate) : Number(rate.toFixed(1));
}
