// JSON Schemas of OpenAI's bodies, for the description only: the codec in protocols/openai does its own checking.
import Type from 'typebox';
import { OpenAiError } from './errors.ts';

const Nullable = <Schema extends Type.TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

export const OpenAiModel = Type.Object({
  id: Type.String(),
  object: Type.Literal('model'),
  created: Type.Integer({ description: 'Seconds since 1970.' }),
  owned_by: Type.String(),
});

const OpenAiUsage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({
    cached_tokens: Type.Integer({ description: 'Of the prompt, those that an earlier request had left in memory.' }),
  }),
  completion_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() }),
});

const ModelName = Type.String({ description: '`name`, `name:label` or `name@version`.' });

/** What chat and plain completions share. */
const SETTINGS = {
  model: ModelName,
  temperature: Type.Optional(
    Type.Number({ minimum: 0, maximum: 2, description: "Default: the manifest's, else 0.8." }),
  ),
  top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  top_k: Type.Optional(Type.Integer({ minimum: -1 })),
  min_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  presence_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  frequency_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  repeat_penalty: Type.Optional(Type.Number({ minimum: 0.01, maximum: 100 })),
  logit_bias: Type.Optional(Type.Record(Type.String(), Type.Number({ minimum: -100, maximum: 100 }))),
  seed: Type.Optional(Type.Integer()),
  stop: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 64 })])),
  n: Type.Optional(Type.Integer({ minimum: 1, maximum: 16, description: 'Answers; default 1.' })),
  stream: Type.Optional(Type.Boolean({ description: 'Whether the answer comes as server-sent events.' })),
  stream_options: Type.Optional(Type.Object({ include_usage: Type.Optional(Type.Boolean()) })),
  grammar: Type.Optional(Type.String({ description: 'GBNF that the answer follows, beginning with `root`.' })),
  adapter: Type.Optional(Type.String({ description: "One of the version's adapters." })),
};

const Message = Type.Object({
  role: Type.String({ description: '`system`, `developer`, `user`, `assistant` or `tool`.' }),
  content: Type.Optional(Nullable(Type.Union([Type.String(), Type.Array(Type.Object({ type: Type.String() }))]))),
  reasoning_content: Type.Optional(Type.String()),
  tool_calls: Type.Optional(Type.Array(Type.Unknown())),
  tool_call_id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
});

const Tool = Type.Object({
  type: Type.Literal('function'),
  function: Type.Object({
    name: Type.String(),
    description: Type.Optional(Type.String()),
    parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'JSON Schema.' })),
    strict: Type.Optional(Type.Boolean()),
  }),
});

const ChatCompletionRequest = Type.Object({
  ...SETTINGS,
  messages: Type.Array(Message, { minItems: 1 }),
  max_completion_tokens: Type.Optional(Type.Integer({ minimum: 1, description: '`max_tokens` says the same.' })),
  logprobs: Type.Optional(Type.Boolean()),
  top_logprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: 20 })),
  response_format: Type.Optional(
    Type.Object({ type: Type.String(), json_schema: Type.Optional(Type.Object({ schema: Type.Unknown() })) }),
  ),
  tools: Type.Optional(Type.Array(Tool)),
  tool_choice: Type.Optional(Type.Unknown()),
  parallel_tool_calls: Type.Optional(Type.Boolean()),
  reasoning_effort: Type.Optional(Type.String({ description: '`none`: no thoughts; others: thoughts.' })),
});

const HEAD = {
  id: Type.String(),
  created: Type.Integer({ description: 'Seconds since 1970.' }),
  model: Type.String({ description: 'As the request named it.' }),
  system_fingerprint: Type.String(),
};

const ChatCompletion = Type.Object({
  ...HEAD,
  object: Type.Literal('chat.completion'),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      message: Type.Object({
        role: Type.Literal('assistant'),
        content: Nullable(Type.String()),
        refusal: Type.Null(),
        reasoning_content: Type.Optional(Type.String()),
        tool_calls: Type.Optional(Type.Array(Type.Unknown())),
      }),
      logprobs: Nullable(Type.Object({ content: Type.Array(Type.Unknown()) })),
      finish_reason: Type.String({ description: '`stop`, `length` or `tool_calls`.' }),
    }),
  ),
  usage: OpenAiUsage,
});

const Texts = (description: string) =>
  Type.Union(
    [
      Type.String(),
      Type.Array(Type.String()),
      Type.Array(Type.Integer({ minimum: 0 })),
      Type.Array(Type.Array(Type.Integer({ minimum: 0 }))),
    ],
    { description },
  );

const CompletionRequest = Type.Object({
  ...SETTINGS,
  prompt: Texts('One text, several, the tokens of one, or of several.'),
  max_tokens: Type.Optional(Type.Integer({ minimum: 1, description: 'Default 16.' })),
  suffix: Type.Optional(Type.String({ description: 'What follows the gap, for models that fill one in.' })),
  echo: Type.Optional(Type.Boolean()),
  logprobs: Type.Optional(Type.Integer({ minimum: 0, maximum: 5 })),
  parse_special: Type.Optional(
    Type.Boolean({ description: 'Whether names of special tokens in the prompt stand for those tokens.' }),
  ),
});

const Completion = Type.Object({
  ...HEAD,
  object: Type.Literal('text_completion'),
  choices: Type.Array(
    Type.Object({
      text: Type.String(),
      index: Type.Integer(),
      logprobs: Nullable(Type.Object({ tokens: Type.Array(Type.String()) })),
      finish_reason: Type.String(),
    }),
  ),
  usage: OpenAiUsage,
});

const EmbeddingRequest = Type.Object({
  model: ModelName,
  input: Texts('1 to 2048 texts: one, several, the tokens of one, or of several.'),
  encoding_format: Type.Optional(
    Type.Enum(['float', 'base64'], { description: '`base64`: float32, little-endian. Default `float`.' }),
  ),
  dimensions: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Leading numbers of each vector, brought to length 1 again.' }),
  ),
});

const EmbeddingList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      object: Type.Literal('embedding'),
      index: Type.Integer(),
      embedding: Type.Union([Type.Array(Type.Number()), Type.String()]),
    }),
  ),
  model: Type.String(),
  usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
});

export const OPENAI_SCHEMAS = {
  OpenAiModel,
  OpenAiError,
  OpenAiUsage,
  ChatCompletionRequest,
  ChatCompletion,
  CompletionRequest,
  Completion,
  EmbeddingRequest,
  EmbeddingList,
};
