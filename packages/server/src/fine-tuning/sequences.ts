// Training examples as sequences of tokens with what is to be learned of them: conversations as the model's own template
// writes them, of which the answers are learned and that they end. An answer stands behind the very prompt that the server
// would make of the messages before it.
import { AmaasError, type ChatInput, type PromptPiece } from '@amaas/core';
import type { LearnedSequence } from '@amaas/learn/language';
import type { TrainingExample } from '@amaas/protocols/fine-tuning';
import type { ConversationFormat } from '../dataplane/index.ts';
import type { ModelTokens } from './tokens.ts';

type ChatExample = Extract<TrainingExample, { kind: 'chat' }>;

export interface SequenceParts {
  readonly format: Pick<ConversationFormat, 'render'>;
  readonly tokens: ModelTokens;
  /** Tokens of a sequence at most. */
  readonly maxTokens: number;
}

/** A sequence that is still growing. */
interface Growing {
  readonly ids: number[];
  readonly learned: number[];
}

/**
 * One sequence, or one per answer where the template does not write earlier answers again as the model has written them.
 * @throws INVALID_ARGUMENT naming the field in `details.field`; what rendering throws
 */
export function sequencesOf(example: TrainingExample, parts: SequenceParts): readonly LearnedSequence[] {
  const found = example.kind === 'chat' ? ofChat(example, parts) : [ofText(example, parts)];
  return found.map(({ ids, learned }) => {
    if (ids.length > parts.maxTokens) {
      throw invalid('', `has ${ids.length} tokens, and the model sees ${parts.maxTokens} at most`);
    }
    return { ids: Int32Array.from(ids), learned: Uint8Array.from(learned) };
  });
}

function ofText(example: Exclude<TrainingExample, ChatExample>, { tokens }: SequenceParts): Growing {
  const [prompt, answer] = example.kind === 'text' ? ['', example.text] : [example.prompt, example.completion];
  const before = tokens.ofPrompt(prompt === '' ? [] : [{ text: prompt, special: false }]);
  const written = [...tokens.ofAnswer(answer, before), ...(tokens.end === null ? [] : [tokens.end])];
  return grown(null, before, written);
}

function ofChat(example: ChatExample, parts: SequenceParts): readonly Growing[] {
  const sequences: Growing[] = [];
  let current: Growing | null = null;
  for (const [index, isLearned] of example.learned.entries()) {
    if (!isLearned) continue;
    const prompt = render(example, index, parts);
    const before = parts.tokens.ofPrompt(prompt);
    const written = answerOf(example, index, { prompt, before, ...parts });
    const goesOn: boolean = current?.ids.every((id, at) => before[at] === id) ?? false;
    if (current !== null && goesOn) sequences.pop();
    current = grown(goesOn ? current : null, before, written);
    sequences.push(current);
  }
  return sequences;
}

/** The prompt, of which nothing more is learned, and the answer behind it. */
function grown(earlier: Growing | null, before: readonly number[], written: readonly number[]): Growing {
  const read = before.map((_, at) => earlier?.learned[at] ?? 0);
  return { ids: [...before, ...written], learned: [...read, ...written.map(() => 1)] };
}

interface AnswerContext extends SequenceParts {
  readonly prompt: readonly PromptPiece[];
  readonly before: readonly number[];
}

/** What the model would write: the message, and the token with which the template ends it. */
function answerOf(example: ChatExample, index: number, context: AnswerContext): readonly number[] {
  const { tokens, prompt, before } = context;
  const message = example.messages[index];
  const content = message?.content ?? '';
  const isPlain = message?.toolCalls === undefined && message?.reasoning === undefined;
  const after = behind(prompt, render(example, index + 1, context));
  const said = [content, content.trim()].find((known) => textOf(after ?? []).startsWith(known));
  if (isPlain) {
    const rest = after === null || said === undefined ? [] : from(after, said.length);
    const end = firstEnd(rest, tokens);
    const isEnd = end !== null && textOf(upTo(rest, end.at)).trim() === '';
    const last = isEnd ? end.id : tokens.end;
    return [...tokens.ofAnswer(said ?? content, before), ...(last === null ? [] : [last])];
  }
  const end = after === null ? null : firstEnd(after, tokens);
  if (after === null || end === null) {
    const why = after === null ? 'writes the messages before it in another way' : 'has no token that ends a turn';
    throw invalid(`messages[${index}]`, `calls tools or thinks, and the model's template ${why}: it cannot be learned`);
  }
  const written: number[] = [];
  for (const piece of upTo(after, end.at)) {
    if ('tokens' in piece) written.push(...piece.tokens);
    else written.push(...tokens.ofAnswer(piece.text, [...before, ...written], piece.special));
  }
  return [...written, end.id];
}

/** The first messages, and what invites the next. */
function render({ messages, tools }: ChatExample, count: number, { format }: SequenceParts): readonly PromptPiece[] {
  const input: ChatInput = {
    kind: 'chat',
    messages: messages.slice(0, count),
    ...(tools.length === 0 ? {} : { tools }),
  };
  try {
    return format.render(input);
  } catch (thrown) {
    if (!(thrown instanceof AmaasError) || thrown.code === 'INTERNAL') throw thrown;
    throw invalid('messages', `cannot be written by the model's template: ${thrown.publicMessage}`);
  }
}

/** What `longer` has behind `shorter`; null where it does not begin with it. */
function behind(shorter: readonly PromptPiece[], longer: readonly PromptPiece[]): readonly PromptPiece[] | null {
  const start = textOf(shorter);
  return textOf(longer).startsWith(start) ? from(longer, start.length) : null;
}

function from(pieces: readonly PromptPiece[], characters: number): readonly PromptPiece[] {
  let left = characters;
  return pieces.flatMap((piece): readonly PromptPiece[] => {
    if ('tokens' in piece) return left > 0 ? [] : [piece];
    const cut = Math.min(left, piece.text.length);
    left -= cut;
    return cut === piece.text.length ? [] : [{ ...piece, text: piece.text.slice(cut) }];
  });
}

function upTo(pieces: readonly PromptPiece[], characters: number): readonly PromptPiece[] {
  let left = characters;
  return pieces.flatMap((piece): readonly PromptPiece[] => {
    if ('tokens' in piece) return left > 0 ? [piece] : [];
    const text = piece.text.slice(0, left);
    left -= text.length;
    return text === '' ? [] : [{ ...piece, text }];
  });
}

function textOf(pieces: readonly PromptPiece[]): string {
  return pieces.map((piece) => ('tokens' in piece ? '' : piece.text)).join('');
}

interface TurnEnd {
  readonly id: number;
  /** Characters before it. */
  readonly at: number;
}

/** The first token that ends an answer. In what messages say there is none: their pieces are cut where one would be. */
function firstEnd(pieces: readonly PromptPiece[], { ends }: ModelTokens): TurnEnd | null {
  let before = 0;
  for (const piece of pieces) {
    if ('tokens' in piece) continue;
    const { text, special } = piece;
    let first: TurnEnd | null = null;
    for (const [name, id] of special ? ends : []) {
      const at = text.indexOf(name);
      if (at !== -1 && (first === null || before + at < first.at)) first = { id, at: before + at };
    }
    if (first !== null) return first;
    before += text.length;
  }
  return null;
}

function invalid(field: string, problem: string): AmaasError {
  const message = field === '' ? problem : `${field}: ${problem}`;
  return new AmaasError('INVALID_ARGUMENT', message, { details: { field } });
}
