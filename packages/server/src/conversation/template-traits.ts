// What a template does with what it is given, found out by letting it write small conversations: templates tell nobody.
import { type CallFormat, definitionOf, recognizeFormat } from './call-formats.ts';

export interface TemplateTraits {
  /** Whether it writes a system message; else that goes into the first one of the user. */
  readonly takesSystem: boolean;
  /** Contents as texts, or as lists of parts. */
  readonly contents: 'text' | 'parts';
  /** How it takes and writes tools; null: not at all, or in a format nobody reads here. */
  readonly tools: ToolTraits | null;
  /** Whether it knows of `<think>`. */
  readonly marksThoughts: boolean;
  /** What it writes after an answer, where no token ends one: text that must end the answer; null: a token does. */
  readonly turnEnd: string | null;
}

export interface ToolTraits {
  readonly format: CallFormat;
  readonly argumentsAs: 'object' | 'text';
  /** `short`: nine letters and digits, which Mistral's ask for. */
  readonly callIds: 'any' | 'short';
  /** Whether one message of an assistant may have several calls. */
  readonly takesManyCalls: boolean;
}

/** Writes what a template makes of variables; null: it fails. */
export type TryTemplate = (variables: Readonly<Record<string, unknown>>) => string | null;

const USER = 'Bartholomew';
const SYSTEM = 'Clementine';
const ANSWER = 'Desdemona';
const REPLY = 'Ermintrude';
const TOOL = 'probe_tool';
const RESULT = 'Florentina';

/** @returns null where not even a plain question can be written */
export function probeTemplate(
  attempt: TryTemplate,
  { source, specialTexts }: { readonly source: string; readonly specialTexts: readonly string[] },
): TemplateTraits | null {
  const write = (messages: readonly object[], more: object = {}): string | null =>
    attempt({ messages, tools: null, add_generation_prompt: true, ...more });
  const asText = (content: string): unknown => content;
  const asParts = (content: string): unknown => [{ type: 'text', text: content }];
  const contents = [asText, asParts].find((content) =>
    write([{ role: 'user', content: content(USER) }])?.includes(USER),
  );
  if (contents === undefined) return null;
  const user = { role: 'user', content: contents(USER) };
  const withSystem = write([{ role: 'system', content: contents(SYSTEM) }, user]);
  return {
    // A template that looks for the system's messages and writes none of them leaves them out on purpose.
    takesSystem: withSystem !== null && (withSystem.includes(SYSTEM) || /['"]system['"]/.test(source)),
    contents: contents === asText ? 'text' : 'parts',
    tools: probeTools(write, user, contents),
    marksThoughts: /<\/?think>/.test(source),
    turnEnd: probeTurnEnd(
      write([user, { role: 'assistant', content: contents(ANSWER) }, { role: 'user', content: contents(REPLY) }]),
      specialTexts,
    ),
  };
}

type Write = (messages: readonly object[], more?: object) => string | null;

function probeTools(write: Write, user: object, contents: (content: string) => unknown): ToolTraits | null {
  const tools = [definitionOf({ name: TOOL, description: 'Probes.' })];
  if (!write([user], { tools })?.includes(TOOL) || write([user])?.includes(TOOL)) return null;
  const exchange = (argumentsAs: ToolTraits['argumentsAs'], ids: readonly string[]): readonly object[] => {
    const values = { probe_key: 'probe_value' };
    const calls = ids.map((id) => ({
      id,
      type: 'function',
      function: { name: TOOL, arguments: argumentsAs === 'object' ? values : JSON.stringify(values) },
    }));
    const results = ids.map((id, index) => ({
      role: 'tool',
      content: contents(RESULT + index),
      name: TOOL,
      tool_call_id: id,
    }));
    return [user, { role: 'assistant', content: contents(''), tool_calls: calls }, ...results];
  };
  for (const callIds of ['any', 'short'] as const) {
    const ids = [0, 1].map((index) => callId(callIds, `call_probe${index}`, index));
    for (const argumentsAs of ['object', 'text'] as const) {
      const written = write(exchange(argumentsAs, ids.slice(0, 1)), { tools });
      if (written === null || !written.includes(`${RESULT}0`)) continue;
      const format = recognizeFormat(written, TOOL);
      if (format === null) continue;
      const both = write(exchange(argumentsAs, ids), { tools });
      const takesManyCalls = both?.includes(`${RESULT}1`) === true && countOf(both, 'probe_key') === 2;
      return { format, argumentsAs, callIds, takesManyCalls };
    }
  }
  return null;
}

/** How a template is told an id. @param index - of all calls of the conversation */
export function callId(kind: ToolTraits['callIds'], id: string, index: number): string {
  return kind === 'any' ? id : `c${String(index).padStart(8, '0')}`;
}

/** Tokens that end turns are the runtime's to know; text is not. */
function probeTurnEnd(written: string | null, specialTexts: readonly string[]): string | null {
  const from = written?.indexOf(ANSWER) ?? -1;
  const to = written?.indexOf(REPLY) ?? -1;
  if (written === null || from < 0 || to < from) return null;
  const between = written.slice(from + ANSWER.length, to);
  if (specialTexts.some((text) => between.includes(text))) return null;
  const line = between
    .split('\n')
    .map((each) => each.trim())
    .find((each) => each !== '');
  return line === undefined || line.length < 2 ? null : line;
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}
