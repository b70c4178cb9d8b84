// The table of OpenAI's fine-tuning.
import Type from 'typebox';
import type { ParameterDescription, RouteDescription } from '../family.ts';

const Count = Type.Optional(Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1 })]));

const Hyperparameters = Type.Object({
  n_epochs: Count,
  batch_size: Count,
  learning_rate_multiplier: Type.Optional(Type.Union([Type.Literal('auto'), Type.Number({ exclusiveMinimum: 0 })])),
  lora: Type.Optional(
    Type.Object(
      { rank: Type.Optional(Type.Integer({ minimum: 1 })), alpha: Type.Optional(Type.Number({ exclusiveMinimum: 0 })) },
      { description: 'Only thin matrices beside those of the model are trained; default rank 8, alpha 16.' },
    ),
  ),
  full: Type.Optional(Type.Boolean({ description: 'All weights are trained; default false.' })),
});

const Body = Type.Object({
  model: Type.String({ description: 'A served Llama that writes: name, name:label or name@version.' }),
  training_file: Type.String({ description: 'Id of a file with the purpose fine-tune, or dataset:name@version.' }),
  validation_file: Type.Optional(Type.String()),
  suffix: Type.Optional(Type.String({ maxLength: 64, description: "Part of the new model's name." })),
  seed: Type.Optional(Type.Integer({ minimum: 0 })),
  method: Type.Optional(
    Type.Object({
      type: Type.Literal('supervised'),
      supervised: Type.Optional(Type.Object({ hyperparameters: Type.Optional(Hyperparameters) })),
    }),
  ),
  hyperparameters: Type.Optional(Type.Object(Hyperparameters.properties, { description: 'The older form of method.' })),
  metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
});

const Job = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('fine_tuning.job'),
    status: Type.Enum(['validating_files', 'queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled']),
    fine_tuned_model: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: true },
);

const List = Type.Object(
  { object: Type.Literal('list'), data: Type.Array(Type.Object({})), has_more: Type.Boolean() },
  { additionalProperties: true },
);

const PAGE: readonly ParameterDescription[] = [
  {
    ...{ name: 'after', in: 'query', schema: Type.String() },
    description: 'Id of the last item of the page before.',
  },
  {
    ...{ name: 'limit', in: 'query', schema: Type.Integer({ minimum: 1, maximum: 100 }) },
    description: 'Items given at most; default 20.',
  },
];

const JOBS = '/v1/fine_tuning/jobs';
const ONE = `${JOBS}/{fine_tuning}` as const;
const COMMON = { access: 'deploy', tag: 'OpenAI' } as const;

export const FINE_TUNING_ROUTES = {
  create: {
    ...{ ...COMMON, method: 'POST', path: JOBS, requestBody: Body, reply: Job },
    summary: 'Fine-tunes a language model on examples; the result is a new model',
    example: { model: 'story-teller', training_file: 'dataset:greetings@1' },
  },
  list: {
    ...{ ...COMMON, method: 'GET', path: JOBS, reply: List, parameters: PAGE },
    summary: 'Fine-tuning jobs, the newest first; with metadata[name]=value those that have it',
  },
  get: { ...COMMON, method: 'GET', path: ONE, reply: Job, summary: 'One fine-tuning job' },
  cancel: { ...COMMON, method: 'POST', path: `${ONE}/cancel`, reply: Job, summary: 'Ends a job without a result' },
  pause: {
    ...{ ...COMMON, method: 'POST', path: `${ONE}/pause`, reply: Job },
    summary: 'Stops a job, which keeps a checkpoint',
  },
  resume: {
    ...{ ...COMMON, method: 'POST', path: `${ONE}/resume`, reply: Job },
    summary: 'Lets a paused job go on where it stood',
  },
  events: {
    ...{ ...COMMON, method: 'GET', path: `${ONE}/events`, reply: List, parameters: PAGE },
    summary: 'What happened to a job, the newest first',
  },
  checkpoints: {
    ...{ ...COMMON, method: 'GET', path: `${ONE}/checkpoints`, reply: List, parameters: PAGE },
    summary: 'What was measured at the end of each epoch, the newest first',
  },
} as const satisfies Record<string, RouteDescription>;
