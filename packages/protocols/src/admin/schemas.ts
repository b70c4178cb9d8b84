// The vocabulary of the management API (`/admin/v1`): one TypeBox schema per body, from which come the server's
// checks, the types of server and SDK, and `/openapi.json`. Knows no routes and no status codes.
import { ERROR_CODES, DTYPES, NAME_RULE } from '@amaas/core';
import { type Static, type TSchema, Type } from 'typebox';

const strict = { additionalProperties: false };

/** A closed set of strings, as JSON Schema's `enum`. */
function oneOf<const Value extends string>(values: readonly Value[], description: string) {
  return Type.Enum<Value[]>([...values], { description });
}

export const NameSchema = Type.String({
  pattern: '^[a-z0-9][a-z0-9._-]{0,127}$',
  description: `A name: ${NAME_RULE}.`,
});
export const DigestSchema = Type.String({
  pattern: '^sha256:[0-9a-f]{64}$',
  description: 'Content address: `sha256:` and 64 hexadecimal digits.',
});
const VersionNumber = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Version number.' });
const Timestamp = Type.String({ description: 'ISO 8601 time in UTC.' });
const DimSchema = Type.Union([Type.Integer({ minimum: 0 }), Type.String(), Type.Null()], {
  description: 'A size, a symbol, or null where unknown.',
});

export const TensorSpecSchema = Type.Object(
  {
    name: Type.String(),
    dtype: oneOf(DTYPES, 'Element type.'),
    shape: Type.Union([Type.Array(DimSchema), Type.Null()]),
    optional: Type.Optional(Type.Literal(true)),
  },
  strict,
);

export const SignatureSchema = Type.Object(
  {
    method: oneOf(['predict', 'classify', 'regress'], 'Kind of call.'),
    inputs: Type.Array(TensorSpecSchema),
    outputs: Type.Array(TensorSpecSchema),
  },
  strict,
);

const ManifestTensorSchema = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    dtype: Type.Optional(oneOf(DTYPES, 'Element type.')),
    shape: Type.Optional(Type.Array(DimSchema)),
  },
  strict,
);

const ImagePreprocessSchema = Type.Object(
  {
    kind: Type.Literal('image'),
    width: Type.Integer({ minimum: 1, maximum: 16384 }),
    height: Type.Integer({ minimum: 1, maximum: 16384 }),
    fit: oneOf(['stretch', 'letterbox'], 'How the picture fills the frame.'),
    fill: Type.Optional(Type.Number({ minimum: 0, maximum: 255 })),
    background: Type.Optional(Type.Number({ minimum: 0, maximum: 255 })),
    channels: oneOf(['rgb', 'bgr', 'gray'], 'Order of the colour channels.'),
    mean: Type.Optional(Type.Array(Type.Number(), { minItems: 1, maxItems: 3 })),
    std: Type.Optional(Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 1, maxItems: 3 })),
    layout: oneOf(['nchw', 'nhwc'], 'Axis order of the tensor.'),
  },
  strict,
);

const FileNameSchema = Type.String({ minLength: 1, maxLength: 1024, description: 'Name of a file beside the model.' });

const TextPreprocessSchema = Type.Object(
  {
    kind: Type.Literal('tokens'),
    tokenizer: FileNameSchema,
    pair: Type.Optional(Type.Boolean()),
    maxTokens: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_048_576 })),
    length: Type.Optional(oneOf(['fixed', 'longest', 'exact'], 'What rows are filled up to.')),
    padding: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
    truncate: Type.Optional(oneOf(['end', 'start', 'refuse'], 'What happens to texts of too many tokens.')),
    addSpecialTokens: Type.Optional(Type.Boolean()),
    mask: Type.Optional(Type.String({ minLength: 1 })),
    typeIds: Type.Optional(Type.String({ minLength: 1 })),
  },
  strict,
);

const TextPostprocessSchema = Type.Object(
  {
    kind: Type.Literal('text'),
    tokenizer: FileNameSchema,
    skipSpecialTokens: Type.Optional(Type.Boolean()),
    endTokens: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 64 })),
  },
  strict,
);

const Tokens = Type.Integer({ minimum: 1, maximum: 16_777_216 });

const LanguageManifestSchema = Type.Object(
  {
    chatTemplate: Type.Optional(FileNameSchema),
    contextTokens: Type.Optional(Tokens),
    parallel: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
    threads: Type.Optional(Type.Integer({ minimum: 1, maximum: 1024 })),
    maxTokens: Type.Optional(Tokens),
    sampling: Type.Optional(
      Type.Object(
        {
          temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
          topK: Type.Optional(Type.Integer({ minimum: 1 })),
          topP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
          minP: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
          repeatPenalty: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100 })),
        },
        strict,
      ),
    ),
    stop: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 64 })),
    keepAliveMs: Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])),
    adapters: Type.Optional(Type.Record(Type.String({ minLength: 1 }), FileNameSchema)),
    engine: Type.Optional(oneOf(['llama.cpp', 'llama-server'], 'What runs the model.')),
  },
  strict,
);

/** `amaas.json`; see core's `Manifest` for what each field means. */
export const ManifestSchema = Type.Object(
  {
    schemaVersion: Type.Optional(Type.Literal(1)),
    description: Type.Optional(Type.String({ maxLength: 4096 })),
    task: Type.Optional(Type.String({ maxLength: 128 })),
    signatures: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Object(
          {
            method: Type.Optional(oneOf(['predict', 'classify', 'regress'], 'Kind of call.')),
            inputs: Type.Optional(Type.Array(ManifestTensorSchema)),
            outputs: Type.Optional(Type.Array(ManifestTensorSchema)),
          },
          strict,
        ),
      ),
    ),
    batching: Type.Optional(
      Type.Object(
        {
          dim: Type.Optional(Type.Union([Type.Literal(0), Type.Null()])),
          maxSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 65536 })),
          maxDelayMs: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
          preferredSizes: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 65536 }), { maxItems: 64 })),
        },
        strict,
      ),
    ),
    instances: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
    isolation: Type.Optional(oneOf(['thread', 'process', 'inline'], 'Where the model runs.')),
    labels: Type.Optional(Type.Union([Type.Array(Type.String()), Type.String({ minLength: 1 })])),
    preprocess: Type.Optional(Type.Record(Type.String(), Type.Union([ImagePreprocessSchema, TextPreprocessSchema]))),
    postprocess: Type.Optional(Type.Record(Type.String(), TextPostprocessSchema)),
    language: Type.Optional(LanguageManifestSchema),
    limits: Type.Optional(
      Type.Object(
        {
          maxRunMs: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 86_400_000 })),
          maxQueueSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
          maxMemoryBytes: Type.Optional(Type.Integer({ minimum: 1 })),
        },
        strict,
      ),
    ),
    resources: Type.Optional(
      Type.Object(
        {
          intraOpThreads: Type.Optional(Type.Integer({ minimum: 1, maximum: 1024 })),
          interOpThreads: Type.Optional(Type.Integer({ minimum: 1, maximum: 1024 })),
          executionProviders: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 8 })),
        },
        strict,
      ),
    ),
    licence: Type.Optional(Type.String({ maxLength: 256 })),
    source: Type.Optional(Type.String({ maxLength: 2048 })),
    example: Type.Optional(Type.String({ minLength: 1 })),
  },
  strict,
);

export const VersionPolicySchema = Type.Union(
  [
    Type.Object({ kind: Type.Literal('latest'), count: Type.Integer({ minimum: 1, maximum: 1000 }) }, strict),
    Type.Object({ kind: Type.Literal('all') }, strict),
    Type.Object({ kind: Type.Literal('specific'), versions: Type.Array(VersionNumber) }, strict),
    Type.Object({ kind: Type.Literal('none') }, strict),
  ],
  { description: 'Which versions are served besides the labelled ones; `none` serves nothing at all.' },
);

export const VERSION_STATES = ['LOADING', 'READY', 'UNLOADING', 'UNLOADED', 'FAILED', 'REJECTED'] as const;
const StateSchema = oneOf(
  VERSION_STATES,
  'READY serves; UNLOADED is kept but not in memory; REJECTED failed quarantine.',
);

export const FileSchema = Type.Object(
  {
    path: Type.String({ minLength: 1, maxLength: 1024 }),
    digest: DigestSchema,
    sizeBytes: Type.Integer({ minimum: 0 }),
  },
  strict,
);

export const VersionSummarySchema = Type.Object(
  {
    model: NameSchema,
    version: VersionNumber,
    state: StateSchema,
    reason: Type.Union([Type.String(), Type.Null()], { description: 'Why the version is not READY.' }),
    digest: Type.Union([DigestSchema, Type.Null()]),
    sizeBytes: Type.Integer({ minimum: 0 }),
    labels: Type.Array(NameSchema),
    createdAt: Timestamp,
  },
  strict,
);

const LanguageViewSchema = Type.Object(
  {
    isLoaded: Type.Boolean({ description: 'Whether it is in memory; the first request brings it there.' }),
    memoryBytes: Type.Integer({ minimum: 0 }),
    contextTokens: Type.Union([Type.Integer(), Type.Null()], { description: 'Of one sequence; null: not loaded.' }),
    parallel: Type.Union([Type.Integer(), Type.Null()], { description: 'Sequences at once; null: not loaded.' }),
    threads: Type.Union([
      Type.Object(
        {
          generation: Type.Integer(),
          prompt: Type.Integer(),
          measured: Type.Array(
            Type.Object(
              {
                threads: Type.Integer(),
                generatedTokensPerSecond: Type.Number(),
                promptTokensPerSecond: Type.Number(),
              },
              strict,
            ),
          ),
        },
        { ...strict, description: 'As measured on this machine.' },
      ),
      Type.Null(),
    ]),
    abilities: Type.Array(Type.String(), { description: 'chat, tools, thinking.' }),
  },
  { ...strict, description: 'Of language models.' },
);

export const VersionDetailSchema = Type.Object(
  {
    ...VersionSummarySchema.properties,
    format: Type.String(),
    signatures: Type.Record(Type.String(), SignatureSchema),
    manifest: ManifestSchema,
    lineage: Type.Record(Type.String(), Type.Unknown()),
    files: Type.Array(FileSchema),
    serving: Type.Union([
      Type.Object(
        {
          isolation: oneOf(['thread', 'process', 'inline'], 'Where the model runs.'),
          instances: Type.Integer(),
          batching: Type.Union([
            Type.Object({ maxSize: Type.Integer(), maxDelayMs: Type.Number() }, strict),
            Type.Object({ off: Type.String({ description: 'Why rows are not joined.' }) }, strict),
          ]),
          memoryBytes: Type.Union([Type.Integer(), Type.Null()]),
          cost: Type.Object(
            { fixedMs: Type.Number(), msPerRow: Type.Number() },
            { ...strict, description: 'Time of a run as learned so far: fixedMs + msPerRow · rows.' },
          ),
          paddingOff: Type.Optional(
            Type.String({ description: 'Why texts of different lengths run apart although they have a mask.' }),
          ),
        },
        strict,
      ),
      Type.Null(),
    ]),
    language: Type.Optional(LanguageViewSchema),
  },
  strict,
);

export const ModelSummarySchema = Type.Object(
  {
    name: NameSchema,
    owner: oneOf(['folder', 'api', 'bundled'], 'Who may add versions.'),
    description: Type.Union([Type.String(), Type.Null()]),
    policy: VersionPolicySchema,
    labels: Type.Record(Type.String(), VersionNumber),
    versions: Type.Array(VersionSummarySchema),
  },
  strict,
);

export const ModelListSchema = Type.Object({ models: Type.Array(ModelSummarySchema) }, strict);

/** Where a version comes from, as its deployer knows it. */
export const LineageSchema = Type.Object(
  {
    parent: Type.Optional(Type.Object({ model: NameSchema, version: VersionNumber }, strict)),
    run: Type.Optional(Type.String({ maxLength: 256, description: 'The training run.' })),
    datasetDigest: Type.Optional(Type.String({ maxLength: 128 })),
    configuration: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    seed: Type.Optional(Type.Integer()),
    metrics: Type.Optional(Type.Record(Type.String(), Type.Number())),
    source: Type.Optional(Type.String({ maxLength: 4096, description: 'File name or URL the bytes came from.' })),
  },
  strict,
);

export const DeployRequestSchema = Type.Object(
  {
    files: Type.Optional(
      Type.Array(Type.Object({ path: FileSchema.properties.path, digest: DigestSchema }, strict), {
        minItems: 1,
        maxItems: 1000,
        description: 'Uploaded before with PUT /admin/v1/blobs/{digest}.',
      }),
    ),
    url: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'Fetched by the server.' })),
    manifest: Type.Optional(ManifestSchema),
    labels: Type.Optional(
      Type.Array(NameSchema, { maxItems: 16, description: 'Moved to the new version once it is admitted.' }),
    ),
    lineage: Type.Optional(LineageSchema),
  },
  { ...strict, description: 'Either `files` or `url`.' },
);

export const UpdateModelRequestSchema = Type.Object({ policy: VersionPolicySchema }, strict);
export const SetLabelRequestSchema = Type.Object({ version: VersionNumber }, strict);
export const BlobReceiptSchema = Type.Object({ digest: DigestSchema, sizeBytes: Type.Integer({ minimum: 0 }) }, strict);

export const SCOPES = ['admin', 'deploy', 'infer'] as const;
export const KeySchema = Type.Object(
  {
    id: Type.String(),
    name: NameSchema,
    prefix: Type.String({ description: 'First characters of the key, to recognise it by.' }),
    scopes: Type.Array(oneOf(SCOPES, 'What the key may do.')),
    models: Type.Array(Type.String(), { description: 'Patterns of model names; `*` stands for anything.' }),
    createdAt: Timestamp,
    expiresAt: Type.Union([Timestamp, Type.Null()]),
    revokedAt: Type.Union([Timestamp, Type.Null()]),
  },
  strict,
);
export const KeyListSchema = Type.Object({ keys: Type.Array(KeySchema) }, strict);
export const CreateKeyRequestSchema = Type.Object(
  {
    name: NameSchema,
    scopes: Type.Array(oneOf(SCOPES, 'What the key may do.'), { minItems: 1, maxItems: 3 }),
    models: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 100 })),
    expiresAt: Type.Optional(Timestamp),
  },
  strict,
);
export const CreatedKeySchema = Type.Object(
  { key: Type.String({ description: 'The secret itself; shown this once.' }), ...KeySchema.properties },
  strict,
);

export const StatusSchema = Type.Object(
  {
    name: Type.Literal('amaas'),
    version: Type.String(),
    startedAt: Timestamp,
    ready: Type.Boolean(),
    node: Type.String(),
    engine: Type.Object(
      { name: Type.String(), version: Type.String(), executionProviders: Type.Array(Type.String()) },
      strict,
    ),
    database: oneOf(['sqlite', 'postgres'], 'Where the registry lives.'),
    dataDir: Type.String(),
    modelsDir: Type.String(),
    models: Type.Object({ ready: Type.Integer(), loading: Type.Integer(), failed: Type.Integer() }, strict),
    memory: Type.Object({ residentBytes: Type.Integer(), heapBytes: Type.Integer() }, strict),
    eventLoopDelayMaxMs: Type.Number(),
  },
  strict,
);

/** The error body of the management API. */
export const ErrorBodySchema = Type.Object(
  {
    error: Type.Object(
      {
        code: oneOf(ERROR_CODES, "One of gRPC's codes."),
        reason: Type.String({ description: 'Stable word; docs/errors.md lists them.' }),
        message: Type.String(),
        details: Type.Record(Type.String(), Type.Unknown()),
        retryable: Type.Boolean(),
        requestId: Type.Optional(Type.String()),
      },
      strict,
    ),
  },
  strict,
);

export type VersionPolicy = Static<typeof VersionPolicySchema>;
export type VersionState = (typeof VERSION_STATES)[number];
export type VersionSummary = Static<typeof VersionSummarySchema>;
export type VersionDetail = Static<typeof VersionDetailSchema>;
export type ModelSummary = Static<typeof ModelSummarySchema>;
export type DeployRequest = Static<typeof DeployRequestSchema>;
export type UpdateModelRequest = Static<typeof UpdateModelRequestSchema>;
export type SetLabelRequest = Static<typeof SetLabelRequestSchema>;
export type BlobReceipt = Static<typeof BlobReceiptSchema>;
export type KeyScope = (typeof SCOPES)[number];
export type Key = Static<typeof KeySchema>;
export type CreateKeyRequest = Static<typeof CreateKeyRequestSchema>;
export type CreatedKey = Static<typeof CreatedKeySchema>;
export type ServerStatus = Static<typeof StatusSchema>;
export type ErrorBody = Static<typeof ErrorBodySchema>;
export type { TSchema };
