// OpenAI's batch objects: what creating one takes, and how one is described.
// Source: OpenAI API specification 2.3.0, /v1/batches.
import { Fields } from '../fields/index.ts';
import { encodeTokenUsage } from '../openai/index.ts';
import { readExpiry, seconds } from './files.ts';

/** Routes whose requests can be collected in a file. */
export const BATCH_ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/embeddings',
  '/v1/responses',
  '/v1/moderations',
] as const;

export type BatchEndpoint = (typeof BATCH_ENDPOINTS)[number];

/** The one window there is, and how long it is. */
export const COMPLETION_WINDOW = '24h';
export const COMPLETION_WINDOW_MS = 24 * 60 * 60 * 1000;

export const BATCH_STATES = [
  'validating',
  'in_progress',
  'finalizing',
  'completed',
  'failed',
  'expired',
  'cancelling',
  'cancelled',
] as const;

export type BatchState = (typeof BATCH_STATES)[number];

/** What is wrong with a line of the input file. */
export interface BatchProblem {
  readonly code: string;
  readonly message: string;
  /** From 1; null where the file as a whole is meant. */
  readonly line: number | null;
  readonly param: string | null;
}

export interface BatchUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface BatchOrder {
  readonly inputFileId: string;
  readonly endpoint: BatchEndpoint;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** Of the files that the batch writes; null: they stay. */
  readonly outputExpiresAfterSeconds: number | null;
}

/** When a batch came into its states, in milliseconds since 1970. */
export type BatchTimes = { readonly [State in Exclude<BatchState, 'validating'>]?: number };

/** A batch as it is described. */
export interface DescribedBatch extends BatchOrder {
  readonly id: string;
  readonly state: BatchState;
  readonly problems: readonly BatchProblem[];
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly times: BatchTimes;
  readonly counts: { readonly total: number; readonly completed: number; readonly failed: number };
  /** null until it has ended. */
  readonly usage: BatchUsage | null;
  /** The model its requests name; null before that is known. */
  readonly model: string | null;
}

const MOST_PAIRS = 16;
const LONGEST_KEY = 64;
const LONGEST_VALUE = 512;

/** @throws INVALID_ARGUMENT naming the field */
export function readBatchOrder(body: unknown): BatchOrder {
  const fields = Fields.of(body);
  const inputFileId = fields.needText('input_file_id');
  const endpoint = fields.need('endpoint', fields.choice('endpoint', BATCH_ENDPOINTS));
  fields.need('completion_window', fields.choice('completion_window', [COMPLETION_WINDOW]));
  const metadata = readMetadata(fields);
  const expiry = fields.object('output_expires_after');
  const outputExpiresAfterSeconds = expiry === undefined ? null : readExpiry(expiry);
  fields.end();
  return { inputFileId, endpoint, metadata, outputExpiresAfterSeconds };
}

function readMetadata(fields: Fields): Readonly<Record<string, string>> | null {
  const pairs = fields.record('metadata');
  if (pairs === undefined) return null;
  const entries = Object.entries(pairs).map(([key, value]): [string, string] => {
    if (key.length > LONGEST_KEY) throw fields.invalid('metadata', `keys have at most ${LONGEST_KEY} characters`);
    if (typeof value !== 'string' || value.length > LONGEST_VALUE) {
      throw fields.invalid('metadata', `values are strings of at most ${LONGEST_VALUE} characters`);
    }
    return [key, value];
  });
  if (entries.length > MOST_PAIRS) throw fields.invalid('metadata', `expected at most ${MOST_PAIRS} pairs`);
  return Object.fromEntries(entries);
}

export function encodeBatch(batch: DescribedBatch): object {
  const { times, problems, usage } = batch;
  const at = (state: keyof BatchTimes): number | null => {
    const timeMs = times[state];
    return timeMs === undefined ? null : seconds(timeMs);
  };
  return {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    model: batch.model,
    errors: problems.length === 0 ? null : { object: 'list', data: problems },
    input_file_id: batch.inputFileId,
    completion_window: COMPLETION_WINDOW,
    status: batch.state,
    output_file_id: batch.outputFileId,
    error_file_id: batch.errorFileId,
    created_at: seconds(batch.createdAtMs),
    in_progress_at: at('in_progress'),
    expires_at: seconds(batch.expiresAtMs),
    finalizing_at: at('finalizing'),
    completed_at: at('completed'),
    failed_at: at('failed'),
    expired_at: at('expired'),
    cancelling_at: at('cancelling'),
    cancelled_at: at('cancelled'),
    request_counts: batch.counts,
    ...(usage === null ? {} : { usage: encodeUsage(usage) }),
    metadata: batch.metadata,
  };
}

function encodeUsage({ inputTokens, outputTokens, ...details }: BatchUsage): object {
  return encodeTokenUsage({ promptTokens: inputTokens, completionTokens: outputTokens, ...details });
}
