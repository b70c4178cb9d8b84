// The table of OpenAI's files and batches.
import { BATCH_ENDPOINTS, BATCH_STATES, FILE_PURPOSES, UPLOAD_PURPOSES } from '@amaas/protocols/openai-files';
import Type, { type TSchema } from 'typebox';
import type { ParameterDescription, RouteDescription } from '../family.ts';

const Time = Type.Integer({ description: 'Seconds since 1970.' });

const File = Type.Object({
  id: Type.String(),
  object: Type.Literal('file'),
  bytes: Type.Integer(),
  created_at: Time,
  expires_at: Type.Union([Time, Type.Null()]),
  filename: Type.String(),
  purpose: Type.Enum([...FILE_PURPOSES]),
  status: Type.Literal('processed'),
});

const Deleted = Type.Object({ id: Type.String(), object: Type.Literal('file'), deleted: Type.Literal(true) });

const OrNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);

const Expiry = Type.Object({
  anchor: Type.Literal('created_at'),
  seconds: Type.Integer({ minimum: 3600, maximum: 2_592_000 }),
});

const Metadata = Type.Record(Type.String(), Type.String({ maxLength: 512 }), { maxProperties: 16 });

const Problem = Type.Object({
  code: Type.String(),
  message: Type.String(),
  line: OrNull(Type.Integer()),
  param: OrNull(Type.String()),
});

const Batch = Type.Object({
  id: Type.String(),
  object: Type.Literal('batch'),
  endpoint: Type.Enum([...BATCH_ENDPOINTS]),
  model: OrNull(Type.String()),
  errors: OrNull(Type.Object({ object: Type.Literal('list'), data: Type.Array(Problem) })),
  input_file_id: Type.String(),
  completion_window: Type.Literal('24h'),
  status: Type.Enum([...BATCH_STATES]),
  output_file_id: OrNull(Type.String()),
  error_file_id: OrNull(Type.String()),
  created_at: Time,
  in_progress_at: OrNull(Time),
  expires_at: Time,
  finalizing_at: OrNull(Time),
  completed_at: OrNull(Time),
  failed_at: OrNull(Time),
  expired_at: OrNull(Time),
  cancelling_at: OrNull(Time),
  cancelled_at: OrNull(Time),
  request_counts: Type.Object({ total: Type.Integer(), completed: Type.Integer(), failed: Type.Integer() }),
  usage: Type.Optional(Type.Object({}, { additionalProperties: true })),
  metadata: OrNull(Metadata),
});

export const FILES_SCHEMAS = { OpenAiFile: File, OpenAiBatch: Batch };

function pageOf(item: TSchema): TSchema {
  return Type.Object({
    object: Type.Literal('list'),
    data: Type.Array(item),
    first_id: OrNull(Type.String()),
    last_id: OrNull(Type.String()),
    has_more: Type.Boolean(),
  });
}

const AFTER: ParameterDescription = {
  name: 'after',
  in: 'query',
  description: 'Id of the last item of the page before.',
  schema: { type: 'string' },
};

function limit(most: number, usual: number): ParameterDescription {
  const schema = { type: 'integer', minimum: 1, maximum: most, default: usual };
  return { name: 'limit', in: 'query', description: 'Items of a page.', schema };
}

/** Bounds of lists and what callers get who do not say, as OpenAI has them. */
export const MOST_FILES_LISTED = 10_000;
export const MOST_BATCHES_LISTED = 100;
export const USUAL_BATCHES_LISTED = 20;

const TAG = 'OpenAI';

export const FILES_ROUTES = {
  upload: {
    method: 'POST',
    path: '/v1/files',
    access: 'read',
    summary: 'Uploads a file',
    tag: TAG,
    requestType: 'multipart/form-data',
    bodyDescription: `Parts: \`file\`; \`purpose\`, one of ${UPLOAD_PURPOSES.join(', ')}; and, where it is to go by itself, \`expires_after[anchor]\` (created_at) and \`expires_after[seconds]\`. It is for the key that uploads it.`,
    reply: File,
  },
  listFiles: {
    method: 'GET',
    path: '/v1/files',
    access: 'read',
    summary: 'Files of the key that asks; all of them for the admin scope',
    tag: TAG,
    parameters: [
      AFTER,
      limit(MOST_FILES_LISTED, MOST_FILES_LISTED),
      { name: 'order', in: 'query', description: 'By creation; default desc.', schema: { enum: ['asc', 'desc'] } },
      { name: 'purpose', in: 'query', description: 'Files for this alone.', schema: { enum: [...FILE_PURPOSES] } },
    ],
    reply: pageOf(File),
  },
  getFile: {
    method: 'GET',
    path: '/v1/files/{file}',
    access: 'read',
    summary: 'What is known of a file',
    tag: TAG,
    reply: File,
  },
  deleteFile: {
    method: 'DELETE',
    path: '/v1/files/{file}',
    access: 'read',
    summary: 'Deletes a file; batches that were created with it go on',
    tag: TAG,
    reply: Deleted,
  },
  content: {
    method: 'GET',
    path: '/v1/files/{file}/content',
    access: 'read',
    summary: 'The bytes of a file',
    tag: TAG,
    replyType: 'application/octet-stream',
  },
  create: {
    method: 'POST',
    path: '/v1/batches',
    access: 'infer',
    summary: 'Works off the requests of a file in the name of the key that asks, while nobody waits',
    tag: TAG,
    requestBody: Type.Object(
      {
        input_file_id: Type.String(),
        endpoint: Type.Enum([...BATCH_ENDPOINTS]),
        completion_window: Type.Literal('24h'),
        metadata: Type.Optional(Metadata),
        output_expires_after: Type.Optional(Expiry),
      },
      { additionalProperties: false },
    ),
    example: {
      input_file_id: 'file-000000000000000000000000',
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    },
    reply: Batch,
  },
  listBatches: {
    method: 'GET',
    path: '/v1/batches',
    access: 'infer',
    summary: 'Batches of the key that asks, the newest first; all of them for the admin scope',
    tag: TAG,
    parameters: [AFTER, limit(MOST_BATCHES_LISTED, USUAL_BATCHES_LISTED)],
    reply: pageOf(Batch),
  },
  getBatch: {
    method: 'GET',
    path: '/v1/batches/{batch}',
    access: 'infer',
    summary: 'A batch, with how many of its requests have been answered so far',
    tag: TAG,
    reply: Batch,
  },
  cancel: {
    method: 'POST',
    path: '/v1/batches/{batch}/cancel',
    access: 'infer',
    summary: 'Ends a batch; what has been answered is kept',
    tag: TAG,
    reply: Batch,
  },
} as const satisfies Record<string, RouteDescription>;
