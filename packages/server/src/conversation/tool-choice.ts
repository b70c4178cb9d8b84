// What a request says about tools: which may be called, whether one has to be, and how this model writes that.
import { AmaasError, type ChatInput, type ToolDefinition } from '@amaas/core';
import type { PlannedCalls } from './answer-grammar.ts';
import type { CallFormat } from './call-formats.ts';

/**
 * @param specialTexts - of tokens that have no text in answers
 * @returns null where no tool may be called
 * @throws INVALID_ARGUMENT for tools of the same name, and for a choice of none that is there
 */
export function choiceOf(
  input: Pick<ChatInput, 'tools' | 'toolChoice' | 'parallelToolCalls'>,
  format: CallFormat,
  specialTexts: readonly string[],
): PlannedCalls | null {
  const { tools = [], toolChoice = 'auto', parallelToolCalls = true } = input;
  checkNames(tools);
  if (toolChoice !== 'auto' && toolChoice !== 'none' && tools.length === 0) {
    throw invalid('toolChoice', 'toolChoice asks for a call, and there are no tools');
  }
  if (tools.length === 0 || toolChoice === 'none') return null;
  const isNamed = typeof toolChoice === 'object';
  const allowed = isNamed ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  if (isNamed && allowed.length === 0) {
    const names = tools.map(({ name }) => JSON.stringify(name)).join(', ');
    throw invalid('toolChoice', `toolChoice names ${JSON.stringify(toolChoice.name)}, and the tools are ${names}`);
  }
  return {
    format,
    tools: allowed,
    isForced: toolChoice !== 'auto',
    mayBeSeveral: parallelToolCalls && !isNamed, // whoever names one wants that one
    hidesOpening: format.opening !== null && specialTexts.includes(format.opening),
  };
}

/** Whether the model is shown the tools. */
export function showsTools({ tools = [], toolChoice }: Pick<ChatInput, 'tools' | 'toolChoice'>): boolean {
  return tools.length > 0 && toolChoice !== 'none';
}

function checkNames(tools: readonly ToolDefinition[]): void {
  const names = new Set<string>();
  for (const { name } of tools) {
    if (name === '') throw invalid('tools', 'tools: a tool has no name');
    if (names.has(name)) throw invalid('tools', `tools: two are named ${JSON.stringify(name)}`);
    names.add(name);
  }
}

function invalid(field: 'tools' | 'toolChoice', problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `generate: ${problem}`, { details: { field } });
}
