// `amaas chat`: talks with a language model, at a terminal or once.
import { text as readText } from 'node:stream/consumers';
import type { Command } from 'commander';
import { askOnce, chatInteractively, chooseModel, Conversation, TerminalLines } from '../chatting/index.ts';
import { type CommandContext, connect, optionsOf, UsageError } from '../command-context.ts';
import { number, optional, wholeNumber } from '../training/flag-values.ts';

interface ChatOptions {
  readonly model?: string;
  readonly system?: string;
  readonly temperature?: string;
  readonly maxTokens?: string;
  readonly seed?: string;
  readonly verbose?: true;
}

/** A word that stands for what is piped in. */
const STDIN = '-';

export function registerChat(program: Command, context: CommandContext): void {
  program
    .command('chat [model] [message...]')
    .description(
      'talk with a language model, given as name, name:label or name@version; with a message, or one piped in, it answers once',
    )
    .option('--model <name>', 'the model; every word is then of the message (default: the only one, or story-teller)')
    .option('--system <text>', 'what the model is to know before anything is said')
    .option('--temperature <number>', 'how freely it draws; 0: always the likeliest (default: as the model is set)')
    .option('--max-tokens <n>', 'tokens of an answer at most')
    .option('--seed <n>', 'draw the same again')
    .option('--verbose', 'say how many tokens an answer had, and how quickly they came')
    .addHelpText(
      'after',
      `
Example:
  $ amaas chat                                             at the terminal; /help shows what can be done
  $ amaas chat story-teller 'Once upon a time'
  $ cat notes.txt | amaas chat my-model 'In one sentence:' -
  $ amaas chat --model my-model --system 'Be brief.' --json 'What is ONNX?'`,
    )
    .action(async (model: string | undefined, message: readonly string[], _options: unknown, command: Command) => {
      const options = optionsOf<ChatOptions>(command);
      const words = model === undefined || options.model === undefined ? message : [model, ...message];
      const settings = {
        ...optional('temperature', number('--temperature', options.temperature, { least: 0, below: 2.1 })),
        ...optional('maxTokens', wholeNumber('--max-tokens', options.maxTokens, 1)),
        ...optional('seed', wholeNumber('--seed', options.seed, 0)),
      };
      const text = await readMessage(context, words);
      if (text === null && options.json) throw new UsageError('--json needs a message: it prints one answer');
      const client = await connect(context, options);
      const conversation = new Conversation({
        client,
        model: options.model ?? model ?? chooseModel(await client.chatModels()),
        system: options.system,
        settings,
        nowMs: () => performance.now(),
      });
      const isVerbose = options.verbose === true;
      if (text !== null) {
        await askOnce(context, conversation, { text, isVerbose, json: options.json === true });
        return;
      }
      const lines = new TerminalLines(context.world.stdin, process.stdout);
      await chatInteractively({
        context,
        client,
        conversation,
        readLine: (prompt) => lines.read(prompt),
        onInterrupt,
        isVerbose,
      });
    });
}

/** The message of the command line, or what is piped in; null: a user sits at a terminal. @throws UsageError when empty */
async function readMessage({ world }: CommandContext, words: readonly string[]): Promise<string | null> {
  const isTerminal = 'isTTY' in world.stdin && world.stdin.isTTY === true;
  if (words.length === 0 && isTerminal) return null;
  const piped = words.length === 0 || words.includes(STDIN) ? (await readText(world.stdin)).trimEnd() : '';
  const text = words.length === 0 ? piped : words.map((word) => (word === STDIN ? piped : word)).join(' ');
  if (text.trim() === '') throw new UsageError('there is no message: give one, or pipe one in');
  return text;
}

function onInterrupt(listener: () => void): () => void {
  process.on('SIGINT', listener);
  return () => process.off('SIGINT', listener);
}
