// The management calls about jobs, and following one while it runs, over lost connections and restarts of the server.
import { AmaasError, type Clock } from '@amaas/core';
import type { Job, JobProgress, JobState, SubmitJobRequest } from '@amaas/protocols/admin';
import type { AdminCall, CallOptions } from './admin-call.ts';
import { isRecord } from './replies.ts';
import { readServerSentEvents } from './server-sent-events.ts';
import type { Transport } from './transport.ts';

export interface ListJobsOptions extends CallOptions {
  readonly kind?: string;
  readonly state?: JobState;
  /** Only jobs submitted before the one with this id. */
  readonly before?: string;
  /** Most jobs given; default 100. */
  readonly limit?: number;
}

export interface FollowJobOptions {
  /** Ends it with CANCELLED. */
  readonly signal?: AbortSignal;
  /** Go on after this event; default 0: from the beginning. */
  readonly afterId?: number;
  /** How long the server may be out of reach before it is given up, in milliseconds; default 60000: a restart. */
  readonly patienceMs?: number;
}

/** What happens to a job. `id` null: shown once, cannot be gone on after. */
export type JobEvent =
  /** The job as it is, first and again after a lost connection. */
  | { readonly type: 'job'; readonly job: Job }
  | {
      readonly type: 'state';
      readonly id: number | null;
      readonly at: string;
      readonly state: JobState;
      readonly attempt: number;
    }
  | { readonly type: 'progress'; readonly id: number | null; readonly at: string; readonly progress: JobProgress }
  | {
      readonly type: 'checkpoint';
      readonly id: number | null;
      readonly at: string;
      readonly note: Readonly<Record<string, unknown>>;
    }
  /** The job as it ended: the last event. */
  | { readonly type: 'end'; readonly job: Job };

/** Management of jobs. Needs a key with scope `admin` or `deploy`. */
export interface JobsApi {
  /** @throws UNSUPPORTED_FEATURE for a kind the server has not, MALFORMED_REQUEST for its configuration, QUEUE_FULL */
  submit(request: SubmitJobRequest, options?: CallOptions): Promise<Job>;
  /** Newest first. */
  list(options?: ListJobsOptions): Promise<readonly Job[]>;
  /** @throws JOB_NOT_FOUND */
  get(id: string, options?: CallOptions): Promise<Job>;
  /** Asks it to end; one that runs is `cancelling` until it has. @throws JOB_NOT_FOUND, JOB_ENDED */
  cancel(id: string, options?: CallOptions): Promise<Job>;
  /**
   * What happened to a job and what happens, until it ends. Lost connections are taken up again where they were.
   * @throws JOB_NOT_FOUND, CANCELLED, TRANSPORT_FAILED when the server stays out of reach
   * @example
   * ```ts
   * import { createClient } from '@amaas/client';
   * const client = createClient({ apiKey: 'the key' });
   * const job = await client.jobs.submit({ kind: 'train', configuration: { dataset: 'heart', target: 'target' } });
   * for await (const event of client.jobs.events(job.id)) {
   *   if (event.type === 'progress') console.log(event.progress.phase, event.progress.loss);
   *   if (event.type === 'end') console.log(event.job.state, event.job.result);
   * }
   * ```
   */
  events(id: string, options?: FollowJobOptions): AsyncGenerator<JobEvent>;
  /** Resolves to the job when it has ended, however. @throws as `events` */
  wait(id: string, options?: FollowJobOptions): Promise<Job>;
  /** What it has printed so far; `tailBytes`: the end of it. @throws JOB_NOT_FOUND */
  log(id: string, options?: CallOptions & { readonly tailBytes?: number }): Promise<string>;
}

const DEFAULT_PATIENCE_MS = 60_000;
const RECONNECT_MS = 1000;

export function createJobsApi(transport: Transport, admin: AdminCall, clock: Clock): JobsApi {
  const path = '/admin/v1/jobs';
  const one = (id: string): string => `${path}/${encodeURIComponent(id)}`;
  // The `as` below name the schema of each route's reply; the server's tests hold it to them.
  const get = async (id: string, options?: CallOptions): Promise<Job> =>
    (await admin({ operation: 'jobs get', method: 'GET', path: one(id), ...options })) as Job;

  async function* events(id: string, options: FollowJobOptions = {}): AsyncGenerator<JobEvent> {
    const { signal, patienceMs = DEFAULT_PATIENCE_MS } = options;
    let lastId = options.afterId ?? 0;
    let heardMs = clock.nowMs();
    for (;;) {
      try {
        for await (const event of connection(id, lastId, signal)) {
          heardMs = clock.nowMs();
          if ('id' in event && event.id !== null) lastId = event.id;
          yield event;
          if (event.type === 'end') return;
        }
      } catch (thrown) {
        if (signal?.aborted) throw new AmaasError('CANCELLED', 'jobs events: cancelled by the caller');
        const isLost = !(thrown instanceof AmaasError) || thrown.reason === 'TRANSPORT_FAILED' || thrown.retryable;
        if (!isLost || clock.nowMs() - heardMs > patienceMs) throw thrown;
      }
      await pause(clock, signal);
    }
  }

  /** One connection: its events until it breaks off, which is not told from the end of the server. */
  async function* connection(id: string, afterId: number, signal: AbortSignal | undefined): AsyncGenerator<JobEvent> {
    const response = await transport.open({
      operation: 'jobs events',
      method: 'GET',
      path: `${one(id)}/events`,
      headers: { accept: 'text/event-stream', ...(afterId === 0 ? {} : { 'last-event-id': String(afterId) }) },
      repeatable: true,
      signal,
    });
    if (response.body === null || response.status === 204) {
      yield { type: 'end', job: await get(id, { signal }) }; // everything has been heard
      return;
    }
    for await (const { lastId, hasId, type, data } of readServerSentEvents(response.body)) {
      const event = readEvent(type, hasId ? Number(lastId) : null, JSON.parse(data));
      if (event !== null) yield event;
    }
  }

  return {
    async submit(request, options) {
      const call = { operation: 'jobs submit', method: 'POST', path, json: request } as const;
      return (await admin({ ...call, ...options })) as Job;
    },
    async list({ kind, state, before, limit, ...options } = {}) {
      const query = new URLSearchParams({
        ...(kind === undefined ? {} : { kind }),
        ...(state === undefined ? {} : { state }),
        ...(before === undefined ? {} : { before }),
        ...(limit === undefined ? {} : { limit: String(limit) }),
      });
      const target = query.size === 0 ? path : `${path}?${query}`;
      const body = await admin({ operation: 'jobs list', method: 'GET', path: target, ...options });
      return (body as unknown as { jobs: Job[] }).jobs;
    },
    get,
    async cancel(id, options) {
      const call = { operation: 'jobs cancel', method: 'POST', path: `${one(id)}/cancel`, repeatable: true } as const;
      return (await admin({ ...call, ...options })) as Job;
    },
    events,
    async wait(id, options) {
      for await (const event of events(id, options)) if (event.type === 'end') return event.job;
      throw new AmaasError('INTERNAL', `jobs wait: ${id} has no end`);
    },
    async log(id, { tailBytes, ...options } = {}) {
      const reply = await transport.request({
        operation: 'jobs log',
        method: 'GET',
        path: `${one(id)}/log${tailBytes === undefined ? '' : `?tailBytes=${tailBytes}`}`,
        repeatable: true,
        ...options,
      });
      return new TextDecoder().decode(reply.bytes);
    },
  };
}

/** An event as the server says it; null for a kind of a newer one. */
function readEvent(type: string, id: number | null, body: unknown): JobEvent | null {
  if (!isRecord(body)) return null;
  const { at, ...data } = body;
  const time = typeof at === 'string' ? at : '';
  switch (type) {
    // The `as` name the schemas of the routes.
    case 'job':
    case 'end':
      return { type, job: body as Job };
    case 'progress':
      return { type, id, at: time, progress: data as unknown as JobProgress };
    case 'state':
      return { type, id, at: time, ...(data as { state: JobState; attempt: number }) };
    case 'checkpoint':
      return { type, id, at: time, note: data };
    default:
      return null;
  }
}

function pause(clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(RECONNECT_MS, end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
