// How models write calls of tools: what begins them, what holds name and arguments, and what a conversation shows of them.

export interface CallFormat {
  /** `tagged`: one object in each pair of tags; `list`: all in one list; `bare`: an object and nothing else. */
  readonly shape: 'tagged' | 'list' | 'bare';
  /** What begins calls; null: they begin the answer. */
  readonly opening: string | null;
  readonly closing: string | null;
  /** Where the arguments are, beside `name`. */
  readonly argumentsKey: 'arguments' | 'parameters';
}

/** As Hermes and Qwen write them, and models that are told how. */
export const TAGGED: CallFormat = {
  shape: 'tagged',
  opening: '<tool_call>',
  closing: '</tool_call>',
  argumentsKey: 'arguments',
};
/** As Mistral's models do. */
export const LIST: CallFormat = { shape: 'list', opening: '[TOOL_CALLS]', closing: null, argumentsKey: 'arguments' };
/** As Llama 3 does. */
export const BARE: CallFormat = { shape: 'bare', opening: null, closing: null, argumentsKey: 'parameters' };

/** The format in which a template has written a call of `name` with at least one argument; null: none that is known. */
export function recognizeFormat(written: string, name: string): CallFormat | null {
  const named = `"name":\\s*"${name}"`;
  if (new RegExp(`<tool_call>\\s*\\{\\s*${named},\\s*"arguments":\\s*\\{\\s*"`).test(written)) return TAGGED;
  if (new RegExp(`\\[TOOL_CALLS\\]\\s*\\[\\s*\\{[^{]*${named}[^{]*"arguments":\\s*\\{\\s*"`).test(written)) return LIST;
  if (new RegExp(`\\{\\s*${named},\\s*"parameters":\\s*\\{\\s*"`).test(written)) return BARE;
  return null;
}

export interface ShownTool {
  readonly name: string;
  readonly description?: string;
  readonly parameters?: unknown;
}

/** Tools as OpenAI defines them, which is how templates take them. */
export function definitionOf({ name, description, parameters }: ShownTool): object {
  return {
    type: 'function',
    function: {
      name,
      description: description ?? '',
      parameters: parameters ?? { type: 'object', properties: {} },
    },
  };
}

/** What a model is told whose template knows nothing of tools; the format is {@link TAGGED}. */
export function describeTools(tools: readonly ShownTool[]): string {
  const definitions = tools.map((tool) => JSON.stringify(definitionOf(tool)));
  return [
    'You can call these tools, one definition in JSON per line:',
    ...definitions,
    '',
    'To call a tool, write a JSON object with its name and its arguments between tags, and nothing after the last call:',
    '<tool_call>',
    '{"name": "name of the tool", "arguments": {"name of an argument": "its value"}}',
    '</tool_call>',
    'The results come back between <tool_response> and </tool_response>. Where no tool is needed, answer in words.',
  ].join('\n');
}

/** A call that was made, for a template that knows nothing of tools. */
export function callText(name: string, argumentsText: string): string {
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${argumentsText}}\n</tool_call>`;
}

/** What came back, likewise. */
export function resultText(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}
