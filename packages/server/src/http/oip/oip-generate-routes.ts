// What `generate` and `generate_stream` take and give, for the description; the codec in protocols/oip does its own checking.
import Type from 'typebox';
import type { RouteDescription } from '../family.ts';

const PARAMETERS = {
  max_tokens: Type.Optional(Type.Integer({ minimum: 1, default: 20 })),
  temperature: Type.Optional(Type.Number({ minimum: 0 })),
  top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  top_k: Type.Optional(Type.Integer({ minimum: -1, description: 'Less than 1: all.' })),
  min_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  repetition_penalty: Type.Optional(Type.Number({ minimum: 0.01 })),
  presence_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  frequency_penalty: Type.Optional(Type.Number({ minimum: -2, maximum: 2 })),
  seed: Type.Optional(Type.Integer({ minimum: 0 })),
  stop: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  details: Type.Optional(Type.Boolean({ description: 'Why the text ended, and how likely its tokens were.' })),
  stream: Type.Optional(Type.Boolean()),
};

const GenerateRequest = Type.Object({
  id: Type.Optional(Type.String({ description: 'Comes back in the reply.' })),
  text_input: Type.String(),
  parameters: Type.Optional(Type.Object(PARAMETERS)),
  ...PARAMETERS,
});

const GenerateReply = Type.Object({
  id: Type.Optional(Type.String()),
  model_name: Type.String(),
  model_version: Type.String(),
  text_output: Type.String(),
  details: Type.Optional(
    Type.Object({
      finish_reason: Type.Union([Type.Enum(['length', 'eos_token', 'stop_sequence']), Type.Null()]),
      logprobs: Type.Array(
        Type.Object({ id: Type.Integer(), text: Type.String(), logprob: Type.Number(), special: Type.Boolean() }),
      ),
    }),
  ),
});

export const GENERATE_SCHEMAS = { GenerateRequest, GenerateReply };

const COMMON = {
  access: 'infer',
  requestBody: GenerateRequest,
  bodyDescription: 'Parameters may stand in `parameters` or beside the text.',
  example: { text_input: 'Once upon a time', parameters: { max_tokens: 50, temperature: 0.7 } },
} as const;

export const GENERATE_KINDS = {
  generate: { ...COMMON, summary: 'Go on with a text', reply: GenerateReply },
  'generate-stream': {
    ...COMMON,
    summary: 'Go on with a text; every piece is a server-sent event with a reply',
    replyType: 'text/event-stream',
  },
} as const satisfies Record<string, Omit<RouteDescription, 'method' | 'path' | 'tag'>>;
