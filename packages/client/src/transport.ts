// One call to the server: address, key, deadline, abort and retries around `fetch`. Knows no route and no body format.
import { AmaasError, type Clock } from '@amaas/core';
import { type Reply, errorFromReply } from './replies.ts';
import { type RetryPolicy, parseRetryAfterMs, planRetryMs } from './retry.ts';

/** A body that can be sent more than once. */
export type CallBody = string | Uint8Array<ArrayBuffer> | Blob | (() => ReadableStream<Uint8Array>);

export interface Call {
  /** What is being done, for messages: `infer`. */
  readonly operation: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path below the base address, with its query; starts with `/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: CallBody;
  /** Whether doing it twice is harmless; see {@link planRetryMs}. */
  readonly repeatable: boolean;
  /** Statuses besides 200–299 that the caller understands. */
  readonly alsoAccept?: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** Longest the whole call may take, retries and pauses included, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

export interface TransportOptions {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface Transport {
  readonly baseUrl: string;
  /**
   * Makes the call and reads the reply to its end.
   * @throws the server's own error; TRANSPORT_FAILED when no whole reply came; DEADLINE_EXCEEDED after `timeoutMs`;
   *   CANCELLED when `signal` fires.
   */
  request(call: Call): Promise<Reply>;
  /**
   * Makes the call and gives the reply once its head is there; `timeoutMs` counts until then, `signal` to the end.
   * @throws as `request`; reading the body throws what `fetch` throws.
   */
  open(call: Call): Promise<Response>;
}

interface Failure {
  readonly error: AmaasError;
  readonly status: number | null;
  readonly retryAfterMs: number | null;
}

export function createTransport(options: TransportOptions): Transport {
  const { baseUrl, clock } = options;

  async function request(call: Call): Promise<Reply> {
    const { result, release } = await perform(call, readWhole);
    release();
    return result;
  }

  async function open(call: Call): Promise<Response> {
    const { result, release } = await perform(call, async (response) => response);
    if (result.body === null) release();
    return result; // the caller's signal goes on to count, for the body
  }

  /** Makes the call until it succeeds or is given up; `release` lets go of the caller's signal. */
  async function perform<Result>(
    call: Call,
    read: (response: Response) => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly release: () => void }> {
    const timeoutMs = call.timeoutMs ?? options.timeoutMs;
    const giveUpAtMs = clock.nowMs() + timeoutMs;
    const stop = new AbortController();
    const cancelTimer = Number.isFinite(timeoutMs)
      ? clock.schedule(timeoutMs, () =>
          stop.abort(new AmaasError('DEADLINE_EXCEEDED', `${call.operation}: no reply within ${timeoutMs} ms`)),
        )
      : () => undefined;
    const onAbort = () => stop.abort(new AmaasError('CANCELLED', `${call.operation}: cancelled by the caller`));
    const release = () => call.signal?.removeEventListener('abort', onAbort);
    call.signal?.addEventListener('abort', onAbort);
    if (call.signal?.aborted) onAbort();
    try {
      for (let attempt = 1; ; attempt++) {
        const outcome = await exchange(call, stop.signal, read);
        if ('result' in outcome) return { result: outcome.result, release };
        if (stop.signal.aborted) throw outcome.error;
        const waitMs = planRetryMs({ attempt, repeatable: call.repeatable, ...outcome }, options.retry, options.random);
        // A pause that outlives the deadline could only replace this error by a less telling one.
        if (waitMs === null || clock.nowMs() + waitMs >= giveUpAtMs) throw outcome.error;
        await sleep(waitMs, stop.signal);
      }
    } catch (thrown) {
      release();
      throw thrown;
    } finally {
      cancelTimer();
    }
  }

  async function exchange<Result>(
    call: Call,
    signal: AbortSignal,
    read: (response: Response) => Promise<Result>,
  ): Promise<{ readonly result: Result } | Failure> {
    try {
      signal.throwIfAborted();
      const response = await options.fetch(baseUrl + call.path, createRequest(call, signal));
      if (response.ok || call.alsoAccept?.includes(response.status)) return { result: await read(response) };
      return {
        error: isRedirect(response) ? redirectError(call, response) : errorFromReply(await readWhole(response)),
        status: response.status,
        retryAfterMs: parseRetryAfterMs(response.headers.get('retry-after'), clock.wallTime()),
      };
    } catch (thrown) {
      // The reason of `stop` is always one of the two errors made above.
      const error = signal.aborted ? (signal.reason as AmaasError) : unreachable(call, thrown);
      return { error, status: null, retryAfterMs: null };
    }
  }

  function createRequest(call: Call, signal: AbortSignal): RequestInit {
    const body = typeof call.body === 'function' ? call.body() : call.body;
    const headers = new Headers(call.headers);
    if (options.apiKey !== undefined) headers.set('authorization', `Bearer ${options.apiKey}`);
    return {
      method: call.method,
      headers,
      signal,
      redirect: 'manual', // following would drop the key or turn a POST into a GET
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    };
  }

  function isRedirect(response: Response): boolean {
    return response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400);
  }

  function redirectError(call: Call, response: Response): AmaasError {
    const target = response.headers.get('location') ?? 'elsewhere';
    return new AmaasError(
      'TRANSPORT_FAILED',
      `${call.operation}: ${baseUrl} redirects to ${target}; give the final address as url`,
      { details: { url: baseUrl }, retryable: false },
    );
  }

  function unreachable(call: Call, thrown: unknown): AmaasError {
    return new AmaasError('TRANSPORT_FAILED', `${call.operation}: cannot reach ${baseUrl}: ${causeOf(thrown)}`, {
      details: { url: baseUrl },
      cause: thrown,
    });
  }

  function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        cancel();
        reject(signal.reason);
      };
      const cancel = clock.schedule(delayMs, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  return { baseUrl, request, open };
}

async function readWhole(response: Response): Promise<Reply> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes };
}

/** The most telling text of a failed fetch; Node hides it one or two causes deep. */
function causeOf(thrown: unknown): string {
  let current = thrown;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (current instanceof AggregateError && current.errors[0] instanceof Error) current = current.errors[0];
  if (!(current instanceof Error)) return 'no reply';
  return current.message === '' ? current.name : current.message;
}
