// One question, one answer: for scripts and pipes.
import type { CommandContext } from '../command-context.ts';
import { AnswerWriter, cutLine, factsLine, tokensPerSecond } from './answer-text.ts';
import type { Conversation } from './conversation.ts';

export interface OnceOptions {
  readonly json: boolean;
  readonly isVerbose: boolean;
}

/** Ctrl-C ends the process, as ever: nothing is left half-done. @throws as the client's `chat` */
export async function askOnce(
  { world, terminal }: CommandContext,
  conversation: Conversation,
  { text, json, isVerbose }: OnceOptions & { readonly text: string },
): Promise<void> {
  const writer = new AnswerWriter(world.stdout);
  const { signal } = new AbortController();
  const told = await conversation
    .ask(text, (piece) => (json ? undefined : writer.write(piece)), signal)
    .finally(() => writer.finish());
  if (json) {
    const { promptTokens, completionTokens, firstMs, reason, thinking } = told;
    const answer = {
      model: conversation.model,
      text: told.text,
      ...(thinking === '' ? {} : { thinking }),
      reason,
      usage: { promptTokens, completionTokens },
      firstMs: firstMs === null ? null : Math.round(firstMs),
      tokensPerSecond: tokensPerSecond(told),
    };
    terminal.print(JSON.stringify(answer, null, 2));
    return;
  }
  const cut = cutLine(told, conversation.mostTokens);
  if (cut !== null) terminal.note(cut);
  if (isVerbose) terminal.note(factsLine(told));
}
