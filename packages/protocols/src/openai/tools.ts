// The tools a chat may call, and which of them it must.
import type { ChatInput, ToolChoice, ToolDefinition } from '@amaas/core';
import { Fields, withoutUndefined } from '../fields/index.ts';

export type ToolSettings = Pick<ChatInput, 'tools' | 'toolChoice' | 'parallelToolCalls'>;

/** @throws INVALID_ARGUMENT naming the field */
export function readTools(fields: Fields): ToolSettings {
  for (const old of ['functions', 'function_call']) {
    if (fields.has(old)) throw fields.invalid(old, 'is not supported; say it with tools and tool_choice');
  }
  const tools = fields.list('tools', readTool) ?? [];
  const parallelToolCalls = fields.flag('parallel_tool_calls');
  const { choice, named = [], onlyNamed } = readChoice(fields);
  const unknown = named.find((name) => tools.every((tool) => tool.name !== name));
  if (unknown !== undefined) throw fields.invalid('tool_choice', `names "${unknown}", which is none of the tools`);
  const told = onlyNamed ? tools.filter(({ name }) => named.includes(name)) : tools;
  if (choice === 'required' && told.length === 0) throw fields.invalid('tool_choice', 'is "required" without tools');
  if (told.length === 0) return {};
  return withoutUndefined({ tools: told, toolChoice: choice, parallelToolCalls });
}

function readTool(value: unknown, path: string): ToolDefinition {
  const tool = Fields.of(value, path);
  tool.need('type', tool.choice('type', ['function']));
  tool.ignore('cache_control');
  const described = tool.need('function', tool.object('function'));
  tool.end();
  const name = described.needText('name');
  const description = described.text('description');
  const parameters = described.record('parameters');
  const strict = described.flag('strict');
  described.end();
  return withoutUndefined({ name, description, parameters, strict });
}

interface Choice {
  readonly choice?: ToolChoice;
  /** Tools the choice names; each must be there. */
  readonly named?: readonly string[];
  /** Whether the model is told of the named tools only. */
  readonly onlyNamed?: true;
}

function readChoice(fields: Fields): Choice {
  const value = fields.any('tool_choice');
  if (value === undefined) return {};
  if (typeof value === 'string') {
    const choice = fields.choice('tool_choice', ['none', 'auto', 'required']);
    return choice === undefined ? {} : { choice };
  }
  const chosen = Fields.of(value, fields.pathOf('tool_choice'));
  const type = chosen.need('type', chosen.choice('type', ['function', 'allowed_tools']));
  if (type === 'function') {
    const name = readNamed(chosen);
    return { choice: { name }, named: [name] };
  }
  const allowed = chosen.need('allowed_tools', chosen.object('allowed_tools'));
  chosen.end();
  const mode = allowed.need('mode', allowed.choice('mode', ['auto', 'required']));
  const names = allowed.list('tools', (item, path) => {
    const tool = Fields.of(item, path);
    tool.choice('type', ['function']);
    return readNamed(tool);
  });
  allowed.end();
  return { choice: mode, named: allowed.need('tools', names), onlyNamed: true };
}

function readNamed(fields: Fields): string {
  const called = fields.need('function', fields.object('function'));
  fields.end();
  const name = called.needText('name');
  called.end();
  return name;
}
