// The vocabulary of pulling a model from a hub: what is asked for, and the events that answer.
import { type Static, Type } from 'typebox';
import { ErrorBodySchema, ManifestSchema, NameSchema, VersionDetailSchema } from './schemas.ts';

const strict = { additionalProperties: false };

export const PullRequestSchema = Type.Object(
  {
    reference: Type.String({
      minLength: 1,
      maxLength: 1600,
      description: '`hf:owner/repo`, `hf:owner/repo:file.gguf`, `hf.co/owner/repo:Q4_K_M` or the address of its page.',
    }),
    name: Type.Optional(NameSchema),
    labels: Type.Optional(
      Type.Array(NameSchema, { maxItems: 16, description: 'Moved to the version once it is admitted.' }),
    ),
    revision: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'A branch, a tag or a commit; default `main`.' }),
    ),
    manifest: Type.Optional(ManifestSchema),
  },
  strict,
);

const Bytes = Type.Integer({ minimum: 0 });
const PulledFileSchema = Type.Object(
  {
    path: Type.String(),
    sizeBytes: Bytes,
    identity: Type.String({ description: '`sha256:…`, or `git:…` for small files: as the hub names the content.' }),
  },
  strict,
);

/** Data of the event `started`: what will be pulled. */
export const PullStartedSchema = Type.Object(
  {
    model: NameSchema,
    source: Type.String({ description: '`hf:owner/repo@commit:file`' }),
    license: Type.Union([Type.String(), Type.Null()]),
    files: Type.Array(PulledFileSchema),
    totalBytes: Bytes,
    missingBytes: Bytes,
  },
  strict,
);

/** Data of the event `progress`. */
export const PullProgressSchema = Type.Object(
  {
    phase: Type.Enum<('download' | 'admit')[]>(['download', 'admit'], {
      description: '`admit`: the wait for quarantine.',
    }),
    doneBytes: Bytes,
    totalBytes: Bytes,
    bytesPerSecond: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
    etaMs: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
    files: Type.Array(Type.Object({ ...PulledFileSchema.properties, doneBytes: Bytes }, strict)),
    waitingFor: Type.Union([Type.String(), Type.Null()], { description: 'What it waits for, where it does.' }),
  },
  strict,
);

/** Data of the event `done`, the last one. */
export const PullDoneSchema = Type.Object(
  {
    version: VersionDetailSchema,
    unchanged: Type.Boolean({ description: 'Whether the newest version had these files already: none was made.' }),
  },
  strict,
);

/** Data of the event `error`, which may take the place of `done`. */
export const PullErrorSchema = ErrorBodySchema.properties.error;

export type PullRequest = Static<typeof PullRequestSchema>;
export type PullStarted = Static<typeof PullStartedSchema>;
export type PullProgress = Static<typeof PullProgressSchema>;
export type PullDone = Static<typeof PullDoneSchema>;
