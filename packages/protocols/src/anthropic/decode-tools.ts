// `tools` and `tool_choice`. Only tools that callers run themselves: those that Anthropic runs are refused by name.
import type { ChatInput, ToolDefinition } from '@amaas/core';
import { Fields, withoutUndefined } from '../fields/index.ts';

/** @throws INVALID_ARGUMENT naming the field */
export function decodeTools(fields: Fields): readonly ToolDefinition[] | undefined {
  const names = new Set<string>();
  return fields.list('tools', (item, path) => {
    const tool = Fields.of(item, path);
    const definition = decodeTool(tool);
    if (names.has(definition.name)) throw tool.invalid('name', `${JSON.stringify(definition.name)} is there twice`);
    names.add(definition.name);
    return definition;
  });
}

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,128}$/;

function decodeTool(tool: Fields): ToolDefinition {
  const type = tool.text('type') ?? 'custom';
  if (type !== 'custom') {
    throw tool.invalid('type', `tools of type ${JSON.stringify(type.slice(0, 60))} are not supported, only "custom"`);
  }
  const name = tool.needText('name');
  if (!TOOL_NAME.test(name)) {
    throw tool.invalid('name', `expected 1 to 128 letters, digits, _ and -, got ${JSON.stringify(name.slice(0, 60))}`);
  }
  const description = tool.text('description');
  const parameters = tool.need('input_schema', tool.record('input_schema'));
  if (parameters['type'] !== 'object') throw tool.invalid('input_schema', 'must have the type "object"');
  const strict = tool.flag('strict');
  // How the input is cut for streaming, and what is kept of the prompt, are the server's own affair.
  tool.flag('eager_input_streaming');
  tool.ignore('cache_control');
  if (tool.flag('defer_loading') === true) throw tool.invalid('defer_loading', 'is not supported');
  tool.list('allowed_callers', (caller) => {
    if (caller !== 'direct') throw tool.invalid('allowed_callers', 'only "direct" is supported');
  });
  tool.end();
  return withoutUndefined({ name, parameters, description, strict });
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeToolChoice(
  fields: Fields,
  tools: readonly ToolDefinition[],
): Pick<ChatInput, 'toolChoice' | 'parallelToolCalls'> {
  const choice = fields.object('tool_choice');
  if (choice === undefined) return {};
  const type = choice.need('type', choice.choice('type', ['auto', 'any', 'tool', 'none']));
  if (tools.length === 0 && type !== 'none') throw choice.invalid('type', `"${type}" needs tools, and there are none`);
  const name = type === 'tool' ? choice.needText('name') : null;
  if (name !== null && !tools.some((tool) => tool.name === name)) {
    throw choice.invalid('name', `there is no tool ${JSON.stringify(name.slice(0, 60))}`);
  }
  const isSingle = choice.flag('disable_parallel_tool_use') ?? false;
  choice.end();
  return {
    toolChoice: name !== null ? { name } : type === 'any' ? 'required' : type === 'none' ? 'none' : 'auto',
    ...(isSingle ? { parallelToolCalls: false } : {}),
  };
}
