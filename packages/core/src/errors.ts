// The one error type. `code` is one of gRPC's sixteen, `reason` a stable word from the catalogue below.
// Status numbers and error bodies belong to the protocols: each maps every code once.
// docs/errors.md lists the same catalogue; a test holds the two together.

/** gRPC's error codes, without OK. */
export const ERROR_CODES = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

interface CatalogueEntry {
  readonly code: ErrorCode;
  /** Whether the same call may succeed a little later, unchanged. */
  readonly retryable: boolean;
  /** What the reason means; also what callers read where the message itself must stay in the log. */
  readonly summary: string;
  /** Whether the message of the error may be shown to callers. */
  readonly exposed: boolean;
}

function entry(code: ErrorCode, summary: string, options: { retryable?: true; exposed?: false } = {}): CatalogueEntry {
  return { code, summary, retryable: options.retryable ?? false, exposed: options.exposed ?? true };
}

/** Every reason amaas gives for refusing or failing. Append; never rename a published one. */
export const ERROR_CATALOGUE = {
  // What the caller sent
  MALFORMED_REQUEST: entry('INVALID_ARGUMENT', 'The request is not well-formed.'),
  INVALID_ARGUMENT: entry('INVALID_ARGUMENT', 'A value of the request is not allowed.'),
  INVALID_NAME: entry('INVALID_ARGUMENT', 'A name does not follow the naming rule.'),
  INVALID_SHAPE: entry('INVALID_ARGUMENT', 'A tensor shape is malformed or does not fit its data.'),
  INPUT_MISMATCH: entry('INVALID_ARGUMENT', "The inputs do not fit the model's signature."),
  UNKNOWN_OUTPUT: entry('INVALID_ARGUMENT', 'The model has no output of that name.'),
  UNKNOWN_SIGNATURE: entry('INVALID_ARGUMENT', 'The model has no signature of that name.'),
  REQUEST_TOO_LARGE: entry('OUT_OF_RANGE', 'The request is larger than the server accepts.'),
  UNSUPPORTED_MEDIA_TYPE: entry('INVALID_ARGUMENT', 'The body is of a kind or encoding the route does not take.'),
  UNSUPPORTED_TENSOR: entry('UNIMPLEMENTED', 'The runtime cannot carry a tensor of this kind.'),
  UNSUPPORTED_FEATURE: entry('UNIMPLEMENTED', 'The request asks for something this server does not do.'),
  INVALID_CONFIG: entry('INVALID_ARGUMENT', 'A configuration value is not allowed.'),
  // Who is calling
  MISSING_KEY: entry('UNAUTHENTICATED', 'The request carries no API key.'),
  INVALID_KEY: entry('UNAUTHENTICATED', 'The API key is unknown, revoked or expired.'),
  FORBIDDEN: entry('PERMISSION_DENIED', 'The API key does not allow this.'),
  URL_REFUSED: entry('PERMISSION_DENIED', 'The policy of this server refuses the URL.'),
  // What is there
  ROUTE_NOT_FOUND: entry('NOT_FOUND', 'There is no such route.'),
  METHOD_NOT_ALLOWED: entry('UNIMPLEMENTED', 'The route exists, but not with this method.'),
  MODEL_NOT_FOUND: entry('NOT_FOUND', 'There is no such model.'),
  VERSION_NOT_FOUND: entry('NOT_FOUND', 'The model has no such version.'),
  LABEL_NOT_FOUND: entry('NOT_FOUND', 'The model has no such label.'),
  ARTIFACT_NOT_FOUND: entry('NOT_FOUND', 'The artifact is not in the store.'),
  KEY_NOT_FOUND: entry('NOT_FOUND', 'There is no such key.'),
  DATASET_NOT_FOUND: entry('NOT_FOUND', 'There is no such dataset.'),
  RUN_NOT_FOUND: entry('NOT_FOUND', 'There is no such run.'),
  RESPONSE_NOT_FOUND: entry('NOT_FOUND', 'There is no such stored response.'),
  JOB_NOT_FOUND: entry('NOT_FOUND', 'There is no such job.'),
  MODEL_NOT_READY: entry('UNAVAILABLE', 'The model is known but not ready to serve.', { retryable: true }),
  NAME_TAKEN: entry('ALREADY_EXISTS', 'The name belongs to another owner.'),
  VERSION_EXISTS: entry('ALREADY_EXISTS', 'The version exists with other contents; versions never change.'),
  LABEL_IN_USE: entry('FAILED_PRECONDITION', 'The version carries a label and cannot be removed.'),
  // Deploying
  INVALID_MODEL: entry('INVALID_ARGUMENT', 'The model file cannot be read as a model.'),
  MODEL_REJECTED: entry('FAILED_PRECONDITION', 'The model failed quarantine.'),
  DIGEST_MISMATCH: entry('DATA_LOSS', 'The received bytes do not have the announced digest.'),
  STORAGE_FULL: entry('RESOURCE_EXHAUSTED', 'There is no space left to store this.', { retryable: true }),
  MEMORY_LIMIT: entry('RESOURCE_EXHAUSTED', 'The model needs more memory than it is allowed.'),
  FETCH_FAILED: entry('UNAVAILABLE', 'The URL could not be fetched.', { retryable: true }),
  // Data, training, jobs
  INVALID_DATA: entry('INVALID_ARGUMENT', 'The data cannot be used as asked.'),
  INVALID_GRAPH: entry('INVALID_ARGUMENT', 'The operations do not fit together.'),
  INVALID_CHECKPOINT: entry('FAILED_PRECONDITION', 'The checkpoint does not belong to this training.'),
  TRAINING_DIVERGED: entry('FAILED_PRECONDITION', 'The training produced values that are not finite.'),
  DATASET_EXISTS: entry('ALREADY_EXISTS', 'The dataset exists with other contents.'),
  DATASET_IN_USE: entry('FAILED_PRECONDITION', 'A run refers to the dataset.'),
  JOB_ENDED: entry('FAILED_PRECONDITION', 'The job has already ended.'),
  // Serving
  QUEUE_FULL: entry('RESOURCE_EXHAUSTED', "The model's queue is full.", { retryable: true }),
  DEADLINE_EXCEEDED: entry('DEADLINE_EXCEEDED', 'The request did not finish in time.'),
  CANCELLED: entry('CANCELLED', 'The caller went away.'),
  CONTEXT_OVERFLOW: entry('OUT_OF_RANGE', 'Prompt and answer together are longer than the context of the model.'),
  ENGINE_CRASHED: entry('UNAVAILABLE', 'The process running the model ended; it is being replaced.', {
    retryable: true,
  }),
  RUN_FAILED: entry('INVALID_ARGUMENT', 'The runtime refused to run the model on these inputs.'),
  SHUTTING_DOWN: entry('UNAVAILABLE', 'The server is shutting down.', { retryable: true }),
  // The server itself
  DATA_DIR_LOCKED: entry('FAILED_PRECONDITION', 'Another server owns the data directory.'),
  SCHEMA_TOO_NEW: entry('FAILED_PRECONDITION', 'The data directory was written by a newer amaas.'),
  ENGINE_MISSING: entry('UNIMPLEMENTED', 'The runtime for this kind of model is not installed.'),
  TRANSPORT_FAILED: entry('UNAVAILABLE', 'The server could not be reached.', { retryable: true }),
  INTERNAL: entry('INTERNAL', 'Something went wrong inside the server; its log has the details.', { exposed: false }),
} as const satisfies Record<string, CatalogueEntry>;

/** A reason from the catalogue. */
export type ErrorReason = keyof typeof ERROR_CATALOGUE;

export interface AmaasErrorOptions {
  /** Machine-readable facts for the caller, such as `{ model, limitBytes }`; never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Overrides the catalogue where one occurrence differs. */
  readonly retryable?: boolean;
}

/**
 * Any failure amaas reports on purpose. The message names the operation, what was expected and what came:
 * `infer: input "x" expects float32 [N,4], got int64 [3,5]`.
 */
export class AmaasError extends Error {
  readonly reason: ErrorReason;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;

  constructor(reason: ErrorReason, message: string, options: AmaasErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AmaasError';
    this.reason = reason;
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? ERROR_CATALOGUE[reason].retryable;
  }

  get code(): ErrorCode {
    return ERROR_CATALOGUE[this.reason].code;
  }

  /** What a caller may read. */
  get publicMessage(): string {
    const { exposed, summary } = ERROR_CATALOGUE[this.reason];
    return exposed ? this.message : summary;
  }
}

/** Whether `reason` is in the catalogue; for errors that come back over a wire or from a child process. */
export function isErrorReason(reason: unknown): reason is ErrorReason {
  return typeof reason === 'string' && Object.hasOwn(ERROR_CATALOGUE, reason);
}

/** Turns anything thrown into an AmaasError; what is not one already becomes INTERNAL and keeps its text as the cause only. */
export function toAmaasError(thrown: unknown): AmaasError {
  if (thrown instanceof AmaasError) return thrown;
  return new AmaasError('INTERNAL', 'unexpected failure', { cause: thrown });
}

/** The plain form in which errors cross threads, processes and wires. */
export interface SerializedError {
  readonly reason: ErrorReason;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
}

/** Strips an error to what may cross a thread or process border inside amaas (not to callers: see `publicMessage`). */
export function serializeError(thrown: unknown): SerializedError {
  const error = toAmaasError(thrown);
  const message = error.cause instanceof Error && error.reason === 'INTERNAL' ? error.cause.message : error.message;
  return { reason: error.reason, message, details: error.details, retryable: error.retryable };
}

/** The reverse of {@link serializeError}. */
export function deserializeError(error: SerializedError): AmaasError {
  return new AmaasError(error.reason, error.message, { details: error.details, retryable: error.retryable });
}
