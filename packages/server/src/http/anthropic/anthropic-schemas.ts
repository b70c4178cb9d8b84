// JSON Schemas of Anthropic's bodies, for the description only: the codec in protocols/anthropic checks by itself, and names
// the field. Source: Anthropic's Messages API, version 2023-06-01.
import Type, { type TSchema } from 'typebox';

const Blocks = Type.Array(Type.Object({ type: Type.String() }), {
  description: 'Users: text, tool_result. Assistants: text, thinking, tool_use.',
});
const Content = Type.Union([Type.String(), Blocks]);

const INPUT = {
  model: Type.String({ description: 'Name, `name:label` or `name@version`.' }),
  messages: Type.Array(Type.Object({ role: Type.Enum(['user', 'assistant', 'system']), content: Content }), {
    description: 'An assistant’s message at the end is continued.',
  }),
  system: Type.Optional(Content),
  tools: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String(),
        description: Type.Optional(Type.String()),
        input_schema: Type.Object({ type: Type.Literal('object') }),
        strict: Type.Optional(Type.Boolean()),
      }),
    ),
  ),
  tool_choice: Type.Optional(
    Type.Object({
      type: Type.Enum(['auto', 'any', 'tool', 'none']),
      name: Type.Optional(Type.String()),
      disable_parallel_tool_use: Type.Optional(Type.Boolean()),
    }),
  ),
  thinking: Type.Optional(
    Type.Object({
      type: Type.Enum(['enabled', 'disabled', 'adaptive']),
      budget_tokens: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  ),
  output_config: Type.Optional(
    Type.Object({ format: Type.Object({ type: Type.Literal('json_schema'), schema: Type.Object({}) }) }),
  ),
};

const MessagesRequest = Type.Object({
  ...INPUT,
  max_tokens: Type.Integer({ minimum: 1 }),
  temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  top_k: Type.Optional(Type.Integer({ minimum: 1 })),
  stop_sequences: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  stream: Type.Optional(Type.Boolean({ description: 'Whether the answer comes as server-sent events.' })),
});

const Usage = Type.Object({
  input_tokens: Type.Integer({ description: 'Without those that were there already.' }),
  cache_creation_input_tokens: Type.Integer(),
  cache_read_input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
});

const Message = Type.Object({
  id: Type.String(),
  type: Type.Literal('message'),
  role: Type.Literal('assistant'),
  model: Type.String(),
  content: Type.Array(Type.Object({ type: Type.Enum(['thinking', 'text', 'tool_use']) })),
  stop_reason: Type.Enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use']),
  stop_sequence: Type.Union([Type.String(), Type.Null()]),
  usage: Usage,
});

export const ANTHROPIC_SCHEMAS = {
  AnthropicMessagesRequest: MessagesRequest,
  AnthropicMessage: Message,
  AnthropicCountTokensRequest: Type.Object(INPUT),
  AnthropicError: Type.Object({
    type: Type.Literal('error'),
    error: Type.Object({ type: Type.String(), message: Type.String() }),
    request_id: Type.String(),
  }),
} as const satisfies Record<string, TSchema>;

export const TokenCountSchema = Type.Object({ input_tokens: Type.Integer() });
