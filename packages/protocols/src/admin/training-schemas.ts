// The vocabulary of training in the management API: datasets, runs, jobs. Sibling of schemas.ts, under the same rules.
import { ERROR_CODES } from '@amaas/core';
import { type Static, type TSchema, Type } from 'typebox';
import { DigestSchema, NameSchema } from './schemas.ts';

const strict = { additionalProperties: false };

function orNull<Schema extends TSchema>(schema: Schema, description?: string) {
  return Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
}

function oneOf<const Value extends string>(values: readonly Value[], description: string) {
  return Type.Enum<Value[]>([...values], { description });
}

const VersionNumber = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Version number.' });
const Timestamp = Type.String({ description: 'ISO 8601 time in UTC.' });
const Anything = Type.Unknown({ description: 'Plain JSON.' });

/** Why a job or run failed, in the words of every error. */
export const FailureSchema = Type.Object(
  {
    code: oneOf(ERROR_CODES, "gRPC's code."),
    reason: Type.String({ description: 'A reason of the catalogue.' }),
    message: Type.String(),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  strict,
);

export const DatasetVersionSchema = Type.Object(
  {
    name: NameSchema,
    version: VersionNumber,
    digest: DigestSchema,
    sizeBytes: Type.Integer({ minimum: 0 }),
    mediaType: Type.String(),
    fileName: orNull(Type.String(), 'As the uploader called it.'),
    summary: Type.Unknown({ description: 'What was found out about the columns, as plain JSON; null until then.' }),
    createdAt: Timestamp,
    createdBy: Type.String({ description: 'Name of the key that uploaded it.' }),
  },
  strict,
);
export const DatasetSchema = Type.Object({ name: NameSchema, versions: Type.Array(DatasetVersionSchema) }, strict);
export const DatasetListSchema = Type.Object({ datasets: Type.Array(DatasetSchema) }, strict);

export const RUN_STATES = ['running', 'succeeded', 'failed', 'cancelled'] as const;
export const RunSchema = Type.Object(
  {
    id: Type.String(),
    kind: Type.String({ description: 'What was done, as the job that did it: `train` …' }),
    state: oneOf(RUN_STATES, 'How it went.'),
    job: orNull(Type.String(), 'The job that did it; jobs are forgotten after 30 days, runs are not.'),
    model: orNull(NameSchema, 'The model it makes a version for.'),
    version: orNull(VersionNumber, 'The version it made.'),
    configuration: Type.Record(Type.String(), Type.Unknown()),
    datasets: Type.Array(
      Type.Object(
        {
          role: Type.String({ description: 'What for: `train`, `test` …' }),
          name: NameSchema,
          version: VersionNumber,
          digest: DigestSchema,
        },
        strict,
      ),
    ),
    codeVersion: Type.String({ description: 'Version of the code that ran.' }),
    seed: orNull(Type.Integer()),
    metrics: Type.Record(Type.String(), Type.Number()),
    parent: orNull(
      Type.Object(
        { run: Type.Optional(Type.String()), model: Type.Optional(NameSchema), version: Type.Optional(VersionNumber) },
        strict,
      ),
      'What it went on from.',
    ),
    files: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: '`report.html` and `report.json` are its report.' }),
          mediaType: Type.String(),
          digest: DigestSchema,
          sizeBytes: Type.Integer({ minimum: 0 }),
        },
        strict,
      ),
    ),
    error: orNull(FailureSchema),
    createdAt: Timestamp,
    endedAt: orNull(Timestamp),
    createdBy: Type.String(),
  },
  strict,
);
export const RecordRunRequestSchema = Type.Object(
  {
    kind: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,127}$', description: 'What was done: `train` …' }),
    state: Type.Optional(oneOf(['succeeded', 'failed', 'cancelled'], 'How it went; default succeeded.')),
    model: Type.Optional(NameSchema),
    version: Type.Optional(VersionNumber),
    configuration: Type.Record(Type.String(), Type.Unknown()),
    datasets: Type.Optional(
      Type.Array(
        Type.Object(
          {
            role: Type.String({ description: 'What for: `train`, `test` …' }),
            name: NameSchema,
            version: VersionNumber,
          },
          strict,
        ),
        { maxItems: 100 },
      ),
    ),
    codeVersion: Type.String({ minLength: 1, maxLength: 200 }),
    seed: Type.Optional(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
    metrics: Type.Optional(Type.Record(Type.String(), Type.Number())),
    parent: Type.Optional(
      Type.Object(
        { run: Type.Optional(Type.String()), model: Type.Optional(NameSchema), version: Type.Optional(VersionNumber) },
        strict,
      ),
    ),
    files: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({
              minLength: 1,
              maxLength: 255,
              description: '`report.html` and `report.json` are its report.',
            }),
            mediaType: Type.String({ minLength: 1, maxLength: 255 }),
            digest: DigestSchema,
          },
          strict,
        ),
        { maxItems: 100, description: 'Uploaded before with PUT /admin/v1/blobs/{digest}.' },
      ),
    ),
  },
  strict,
);
export const RunListSchema = Type.Object({ runs: Type.Array(RunSchema, { description: 'Newest first.' }) }, strict);

export const JOB_STATES = [
  'queued',
  'running',
  'cancelling',
  'interrupted',
  'succeeded',
  'failed',
  'cancelled',
] as const;
export const JobProgressSchema = Type.Object(
  {
    phase: Type.String(),
    fraction: orNull(Type.Number({ minimum: 0, maximum: 1 }), 'Of the whole job; null where nobody can tell.'),
    step: Type.Optional(Type.Number()),
    totalSteps: Type.Optional(Type.Number()),
    loss: Type.Optional(Type.Number()),
    metrics: Type.Optional(Type.Record(Type.String(), Type.Number())),
    message: Type.Optional(Type.String()),
    detail: Type.Optional(Anything),
  },
  strict,
);
export const JobSchema = Type.Object(
  {
    id: Type.String(),
    kind: Type.String(),
    state: oneOf(JOB_STATES, '`interrupted` waits to be resumed; the last three are for good.'),
    priority: Type.Integer({ description: 'Higher goes first.' }),
    model: orNull(NameSchema, 'The model it makes a version for.'),
    configuration: Type.Record(Type.String(), Type.Unknown()),
    attempt: Type.Integer({ minimum: 0, description: 'How often it was started.' }),
    crashes: Type.Integer({ minimum: 0, description: 'How often it ended without a word; after three it has failed.' }),
    progress: orNull(JobProgressSchema),
    result: Anything,
    error: orNull(FailureSchema),
    createdAt: Timestamp,
    startedAt: orNull(Timestamp, 'Of the first attempt.'),
    endedAt: orNull(Timestamp),
    createdBy: Type.String(),
  },
  strict,
);
export const JobListSchema = Type.Object({ jobs: Type.Array(JobSchema, { description: 'Newest first.' }) }, strict);
export const SubmitJobRequestSchema = Type.Object(
  {
    kind: Type.String({ minLength: 1, maxLength: 128 }),
    configuration: Type.Record(Type.String(), Type.Unknown(), { description: 'What the kind takes.' }),
    priority: Type.Optional(
      Type.Integer({ minimum: -1000, maximum: 1000, description: 'Higher goes first; default 0.' }),
    ),
  },
  strict,
);

export type Failure = Static<typeof FailureSchema>;
export type DatasetVersion = Static<typeof DatasetVersionSchema>;
export type Dataset = Static<typeof DatasetSchema>;
export type Run = Static<typeof RunSchema>;
export type RecordRunRequest = Static<typeof RecordRunRequestSchema>;
export type RunState = (typeof RUN_STATES)[number];
export type Job = Static<typeof JobSchema>;
export type JobState = (typeof JOB_STATES)[number];
export type JobProgress = Static<typeof JobProgressSchema>;
export type SubmitJobRequest = Static<typeof SubmitJobRequestSchema>;
