// The table of OpenAI's routes for matching, `/openapi.json`, the docs and the access checks.
import Type from 'typebox';
import type { RouteDescription } from '../family.ts';
import { VersionStatusListSchema } from '../tfs/tfs-schemas.ts';
import { OPENAI_SCHEMAS, OpenAiModel } from './openai-schemas.ts';

const STREAM =
  'Fields of OpenAI that are not named here change nothing of the answer or are refused by name. With `stream` the reply ' +
  'is `text/event-stream`: chunks as `data:`, `data: [DONE]` at the end.';

export const OPENAI_ROUTES = {
  list: {
    method: 'GET',
    path: '/v1/models',
    access: 'read',
    summary: 'Models in the form of OpenAI (data) and KServe v1 (models)',
    tag: 'OpenAI',
    reply: Type.Object({
      object: Type.Literal('list'),
      data: Type.Array(OpenAiModel),
      models: Type.Array(Type.String()),
    }),
  },
  model: {
    method: 'GET',
    path: '/v1/models/{model}',
    access: 'read',
    summary: "One model: OpenAI's object and TensorFlow Serving's version status",
    tag: 'OpenAI',
    reply: Type.Object({ ...OpenAiModel.properties, ...VersionStatusListSchema.properties }),
  },
  delete: {
    method: 'DELETE',
    path: '/v1/models/{model}',
    access: 'deploy',
    summary: 'Delete a model, as fine-tuned ones are; name@version: one version of it',
    tag: 'OpenAI',
    reply: Type.Object({ id: Type.String(), object: Type.Literal('model'), deleted: Type.Literal(true) }),
  },
  chat: {
    method: 'POST',
    path: '/v1/chat/completions',
    access: 'infer',
    summary: 'Answer a conversation',
    tag: 'OpenAI',
    requestBody: OPENAI_SCHEMAS.ChatCompletionRequest,
    bodyDescription: STREAM,
    example: {
      model: 'assistant',
      messages: [{ role: 'user', content: 'Name three colours of the sea.' }],
      max_completion_tokens: 64,
    },
    reply: OPENAI_SCHEMAS.ChatCompletion,
  },
  completion: {
    method: 'POST',
    path: '/v1/completions',
    access: 'infer',
    summary: 'Continue a text, with no template around it',
    tag: 'OpenAI',
    requestBody: OPENAI_SCHEMAS.CompletionRequest,
    bodyDescription: STREAM,
    example: { model: 'story-teller', prompt: 'Once upon a time', max_tokens: 64 },
    reply: OPENAI_SCHEMAS.Completion,
  },
  embedding: {
    method: 'POST',
    path: '/v1/embeddings',
    access: 'infer',
    summary: 'Vectors of texts, all in one call',
    tag: 'OpenAI',
    requestBody: OPENAI_SCHEMAS.EmbeddingRequest,
    example: { model: 'embedder', input: ['a red ball', 'a small dog'] },
    reply: OPENAI_SCHEMAS.EmbeddingList,
  },
} as const satisfies Record<string, RouteDescription>;
