// The chat at a terminal: reads, asks, shows, until the user leaves. What it reads from and who interrupts it is given.
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AmaasClient } from '@amaas/client';
import { AmaasError } from '@amaas/core';
import type { CommandContext } from '../command-context.ts';
import { failureText } from '../failures.ts';
import { AnswerWriter, cutLine, factsLine } from './answer-text.ts';
import type { Conversation } from './conversation.ts';
import { type ReadLine, readInput } from './read-input.ts';
import { parseSlashCommand, SLASH_HELP, type SlashCommand } from './slash-command.ts';

export interface InteractiveParts {
  readonly context: CommandContext;
  readonly client: Pick<AmaasClient, 'chatModels'>;
  readonly conversation: Conversation;
  readonly readLine: ReadLine;
  /** Calls the listener for each Ctrl-C outside of `readLine`; gives how to stop. */
  readonly onInterrupt: (listener: () => void) => () => void;
  readonly isVerbose: boolean;
}

/** npm passes on a Ctrl-C that the terminal has sent to all: two signals this close together are one. */
const SAME_SIGNAL_MS = 500;

/** Resolves when the user leaves. */
export async function chatInteractively(parts: InteractiveParts): Promise<void> {
  const { context, conversation, readLine } = parts;
  const { terminal } = context;
  terminal.print(`${conversation.model}  (/help shows what can be done, Ctrl-D leaves)`);
  let isLeaving = false;
  for (;;) {
    const input = await readInput(readLine);
    if (input.kind === 'end') return;
    if (input.kind === 'interrupted') {
      if (isLeaving) return;
      isLeaving = true;
      terminal.print('Ctrl-C once more leaves.');
      continue;
    }
    isLeaving = false;
    if (input.text.trim() === '') continue;
    const command = parseSlashCommand(input.text);
    if (command?.kind === 'exit') return;
    if (command !== null) {
      await obey(parts, command).catch((thrown: unknown) => terminal.note(failureText(thrown)));
      continue;
    }
    const outcome = await answer(parts, input.text);
    if (outcome === 'left') return;
    isLeaving = outcome === 'stopped';
  }
}

async function answer(parts: InteractiveParts, text: string): Promise<'told' | 'stopped' | 'left'> {
  const { context, conversation, onInterrupt, isVerbose } = parts;
  const { terminal, world } = context;
  const writer = new AnswerWriter(world.stdout);
  const stopping = new AbortController();
  let stoppedMs: number | null = null;
  let hasLeft = false;
  const stopListening = onInterrupt(() => {
    hasLeft ||= stoppedMs !== null && performance.now() - stoppedMs >= SAME_SIGNAL_MS;
    stoppedMs ??= performance.now();
    stopping.abort();
  });
  try {
    const told = await conversation.ask(text, (piece) => writer.write(piece), stopping.signal);
    writer.finish();
    if (told.reason === 'stopped') terminal.note('(stopped)');
    const cut = cutLine(told, conversation.mostTokens);
    if (cut !== null) terminal.note(cut);
    if (isVerbose) terminal.note(factsLine(told));
    return hasLeft ? 'left' : told.reason === 'stopped' ? 'stopped' : 'told';
  } catch (thrown) {
    writer.finish();
    terminal.note(failureText(thrown));
    return 'told';
  } finally {
    stopListening();
  }
}

async function obey({ context, client, conversation }: InteractiveParts, command: SlashCommand): Promise<void> {
  const { terminal, world } = context;
  switch (command.kind) {
    case 'help':
      terminal.print(SLASH_HELP);
      break;
    case 'clear':
      conversation.clear();
      terminal.print('a new conversation');
      break;
    case 'system':
      if (command.value !== null) conversation.system = command.value === '-' ? undefined : command.value;
      terminal.print(conversation.system ?? 'no system message');
      break;
    case 'model':
      if (command.value !== null) {
        await assertModel(client, command.value);
        conversation.model = command.value;
      }
      terminal.print(conversation.model);
      break;
    case 'save': {
      const { model, messages } = conversation;
      const path = resolve(world.cwd, command.file);
      await writeFile(path, `${JSON.stringify({ model, messages }, null, 2)}\n`, { flag: 'wx' });
      terminal.print(`${messages.length} messages in ${path}`);
      break;
    }
    case 'unknown':
      terminal.note(command.problem);
      break;
    case 'exit':
      break;
    default:
      command satisfies never;
  }
}

async function assertModel(client: Pick<AmaasClient, 'chatModels'>, model: string): Promise<void> {
  const names = (await client.chatModels()).map(({ name }) => name);
  const [bare = ''] = model.split(/[:@]/);
  if (names.includes(bare)) return;
  const message = `there is no language model ${JSON.stringify(bare)}; there are: ${names.join(', ')}`;
  throw new AmaasError('MODEL_NOT_FOUND', message);
}
