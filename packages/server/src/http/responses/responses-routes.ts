// The table of OpenAI's Responses.
import Type from 'typebox';
import type { RouteDescription } from '../family.ts';

const Body = Type.Object(
  {
    model: Type.String(),
    input: Type.Union([Type.String(), Type.Array(Type.Object({}, { additionalProperties: true }))]),
    instructions: Type.Optional(Type.String()),
    previous_response_id: Type.Optional(Type.String()),
    store: Type.Optional(Type.Boolean({ description: 'Default true: kept for 30 days.' })),
    stream: Type.Optional(Type.Boolean()),
    tools: Type.Optional(Type.Array(Type.Object({}, { additionalProperties: true }))),
    text: Type.Optional(
      Type.Object({}, { additionalProperties: true, description: 'format: text, json_object or json_schema.' }),
    ),
  },
  { additionalProperties: true },
);

const Response = Type.Object(
  { id: Type.String(), object: Type.Literal('response'), status: Type.String(), output: Type.Array(Type.Object({})) },
  { additionalProperties: true },
);

const TAG = 'OpenAI';

export const RESPONSES_ROUTES = {
  create: {
    method: 'POST',
    path: '/v1/responses',
    access: 'infer',
    summary: 'Answers items; with stream: true by events',
    tag: TAG,
    requestBody: Body,
    example: { model: 'story-teller', input: 'Once upon a time', max_output_tokens: 40 },
    reply: Response,
  },
  countTokens: {
    method: 'POST',
    path: '/v1/responses/input_tokens',
    access: 'infer',
    summary: 'Tokens that a request would have as its input',
    tag: TAG,
    requestBody: Body,
    example: { model: 'story-teller', input: 'Once upon a time' },
    reply: Type.Object({ object: Type.Literal('response.input_tokens'), input_tokens: Type.Integer() }),
  },
  get: {
    method: 'GET',
    path: '/v1/responses/{response_id}',
    access: 'infer',
    summary: 'A stored response, for the key that asked for it',
    tag: TAG,
    reply: Response,
  },
  delete: {
    method: 'DELETE',
    path: '/v1/responses/{response_id}',
    access: 'infer',
    summary: 'Forgets a stored response',
    tag: TAG,
    reply: Type.Object({ id: Type.String(), object: Type.Literal('response'), deleted: Type.Literal(true) }),
  },
  cancel: {
    method: 'POST',
    path: '/v1/responses/{response_id}/cancel',
    access: 'infer',
    summary: 'For answers in the background, of which there are none: always an error',
    tag: TAG,
  },
  inputItems: {
    method: 'GET',
    path: '/v1/responses/{response_id}/input_items',
    access: 'infer',
    summary: 'What was sent with a stored response',
    tag: TAG,
    reply: Type.Object(
      { object: Type.Literal('list'), data: Type.Array(Type.Object({})) },
      { additionalProperties: true },
    ),
    parameters: [
      { name: 'order', in: 'query', description: 'The newest first by default.', schema: { enum: ['asc', 'desc'] } },
    ],
  },
} as const satisfies Record<string, RouteDescription>;
