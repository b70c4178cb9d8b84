// The routes of Ollama's API that are served here, and the schemas of their bodies, for the description only: the codec in
// protocols/ollama does the checking.
import Type from 'typebox';
import { ErrorTextSchema } from '../error-text.ts';
import type { RouteDescription } from '../family.ts';

const TAG = 'Ollama';
const LINES = 'application/x-ndjson';

const Model = Type.String({ description: '`name`, `name:latest` (the same), `name:label` or `name@version`.' });
const KeepAlive = Type.Union([Type.String(), Type.Number()], {
  description: 'How long the model stays in memory: seconds, or `5m`; below 0: until it is pushed out; 0: not at all.',
});
const Options = Type.Object(
  {
    temperature: Type.Optional(Type.Number()),
    top_k: Type.Optional(Type.Integer()),
    top_p: Type.Optional(Type.Number()),
    min_p: Type.Optional(Type.Number()),
    seed: Type.Optional(Type.Integer()),
    num_predict: Type.Optional(Type.Integer({ description: 'Tokens at most; -1: as many as there is room for.' })),
    stop: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
    repeat_penalty: Type.Optional(Type.Number()),
    repeat_last_n: Type.Optional(Type.Integer()),
    presence_penalty: Type.Optional(Type.Number()),
    frequency_penalty: Type.Optional(Type.Number()),
    num_ctx: Type.Optional(Type.Integer({ description: 'At most the context the model was loaded with.' })),
  },
  { description: 'What is left out is as the manifest says.' },
);
const Answering = {
  model: Model,
  stream: Type.Optional(Type.Boolean({ description: 'Default true: a line of JSON for every piece.' })),
  format: Type.Optional(
    Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())], {
      description: '`json`, or the JSON Schema the answer follows.',
    }),
  ),
  think: Type.Optional(Type.Union([Type.Boolean(), Type.String()])),
  options: Type.Optional(Options),
  logprobs: Type.Optional(Type.Boolean()),
  top_logprobs: Type.Optional(Type.Integer()),
  keep_alive: Type.Optional(KeepAlive),
};
const Call = Type.Object({
  id: Type.Optional(Type.String()),
  function: Type.Object({ name: Type.String(), arguments: Type.Record(Type.String(), Type.Unknown()) }),
});
const Message = Type.Object({
  role: Type.Enum(['system', 'user', 'assistant', 'tool']),
  content: Type.Optional(Type.String()),
  thinking: Type.Optional(Type.String()),
  tool_calls: Type.Optional(Type.Array(Call)),
  tool_name: Type.Optional(Type.String()),
  tool_call_id: Type.Optional(Type.String()),
});
const Tool = Type.Object({
  type: Type.Literal('function'),
  function: Type.Object({
    name: Type.String(),
    description: Type.Optional(Type.String()),
    parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
});
const Details = Type.Object({
  format: Type.String(),
  family: Type.String(),
  parameter_size: Type.String(),
  quantization_level: Type.String(),
});
const Listed = { name: Type.String(), model: Type.String(), digest: Type.String(), details: Details };
const Embeddings = Type.Array(Type.Array(Type.Number()));

export const OLLAMA_SCHEMAS = { OllamaError: ErrorTextSchema, OllamaDetails: Details, OllamaOptions: Options };

export const OLLAMA_ROUTES = {
  chat: {
    method: 'POST',
    path: '/api/chat',
    access: 'infer',
    summary: 'Answers a conversation; without messages the model is loaded, or with keep_alive 0 unloaded',
    tag: TAG,
    requestBody: Type.Object({
      ...Answering,
      messages: Type.Optional(Type.Array(Message)),
      tools: Type.Optional(Type.Array(Tool)),
    }),
    example: { model: 'story-teller', messages: [{ role: 'user', content: 'Once upon a time' }], stream: false },
    replyType: LINES,
  },
  generate: {
    method: 'POST',
    path: '/api/generate',
    access: 'infer',
    summary: 'Answers a prompt; without one the model is loaded, or with keep_alive 0 unloaded',
    tag: TAG,
    requestBody: Type.Object({
      ...Answering,
      prompt: Type.Optional(Type.String()),
      suffix: Type.Optional(Type.String()),
      system: Type.Optional(Type.String()),
      template: Type.Optional(Type.String({ description: 'Jinja, in place of the template of the model.' })),
      raw: Type.Optional(Type.Boolean({ description: 'The prompt is all there is: no template around it.' })),
    }),
    example: { model: 'story-teller', prompt: 'Once upon a time', stream: false },
    replyType: LINES,
  },
  embed: {
    method: 'POST',
    path: '/api/embed',
    access: 'infer',
    summary: 'Vectors of texts',
    tag: TAG,
    requestBody: Type.Object({
      model: Model,
      input: Type.Union([Type.String(), Type.Array(Type.String())]),
      truncate: Type.Optional(Type.Boolean({ description: 'Default true: what does not fit is cut off.' })),
      dimensions: Type.Optional(Type.Integer()),
      options: Type.Optional(Options),
      keep_alive: Type.Optional(KeepAlive),
    }),
    example: { model: 'embedder', input: ['a text', 'another'] },
    reply: Type.Object({ model: Type.String(), embeddings: Embeddings }),
  },
  embeddings: {
    method: 'POST',
    path: '/api/embeddings',
    access: 'infer',
    summary: 'The vector of one text, as older clients ask for it',
    tag: TAG,
    requestBody: Type.Object({ model: Model, prompt: Type.String() }),
    example: { model: 'embedder', prompt: 'a text' },
    reply: Type.Object({ embedding: Type.Array(Type.Number()) }),
  },
  tags: {
    method: 'GET',
    path: '/api/tags',
    access: 'read',
    summary: 'Language models, by every name they answer to',
    tag: TAG,
    reply: Type.Object({
      models: Type.Array(Type.Object({ ...Listed, size: Type.Integer(), modified_at: Type.String() })),
    }),
  },
  ps: {
    method: 'GET',
    path: '/api/ps',
    access: 'read',
    summary: 'Language models in memory',
    tag: TAG,
    reply: Type.Object({
      models: Type.Array(Type.Object({ ...Listed, size: Type.Integer(), expires_at: Type.String() })),
    }),
  },
  show: {
    method: 'POST',
    path: '/api/show',
    access: 'read',
    summary: 'What is known of a language model',
    tag: TAG,
    requestBody: Type.Object({ model: Model }),
    example: { model: 'story-teller' },
    reply: Type.Object({ details: Details, capabilities: Type.Array(Type.String()) }),
  },
  version: {
    method: 'GET',
    path: '/api/version',
    access: 'read',
    summary: "The version of Ollama's API that is spoken here",
    tag: TAG,
    reply: Type.Object({ version: Type.String() }),
  },
  pull: {
    method: 'POST',
    path: '/api/pull',
    access: 'deploy',
    summary: 'Pulls a model from the hub; progress line by line',
    tag: TAG,
    requestBody: Type.Object({
      model: Type.String({ description: '`hf.co/owner/repo:Q4_K_M` or `hf:owner/repo:file.gguf`.' }),
      stream: Type.Optional(Type.Boolean()),
    }),
    example: { model: 'hf.co/owner/repo:Q4_K_M', stream: false },
    replyType: LINES,
  },
  remove: {
    method: 'DELETE',
    path: '/api/delete',
    access: 'deploy',
    summary: 'Removes the model, the version or the label that the JSON body names as `model`',
    tag: TAG,
  },
} as const satisfies Record<string, RouteDescription>;

export type OllamaRouteName = keyof typeof OLLAMA_ROUTES;
