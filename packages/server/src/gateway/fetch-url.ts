// Fetches a file from a URL within the URL policy: connects to the checked address only, follows few redirects and
// checks each anew, stops at limits of size, total time and silence. Stores nothing and knows nothing of models.
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { AmaasError, type Clock, systemClock } from '@amaas/core';
import {
  parseFetchUrl,
  parseRedirect,
  refused,
  type ResolvedAddress,
  type ResolveHost,
  resolveChecked,
  showUrl,
  type UrlPolicy,
} from './url-policy.ts';

/** A body on its way. */
export interface FetchedUrl {
  /** The bytes as they come; ends the connection when the consumer stops early. Iterate it or abort the signal. */
  readonly body: AsyncIterable<Uint8Array>;
  /** As announced; null where the server did not say. */
  readonly contentLength: number | null;
  /** After redirects. */
  readonly finalUrl: URL;
}

export interface FetchUrlOptions {
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly resolveHost?: ResolveHost;
}

/** Five, as browsers' oldest limit; release downloads need two or three. */
const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Starts a fetch; resolves once the header of the final answer has come.
 * @throws URL_REFUSED by the policy (address, scheme, redirect, size), FETCH_FAILED for everything the network or the
 *   other server does, CANCELLED when `signal` fires. Iterating the body throws the same.
 */
export async function fetchUrl(url: string, policy: UrlPolicy, options: FetchUrlOptions = {}): Promise<FetchedUrl> {
  const watch = new FetchWatch(policy, options);
  try {
    let current = parseFetchUrl(url);
    for (let redirects = 0; ; redirects++) {
      const response = await open(current, policy, options, watch);
      if (!REDIRECTS.has(response.statusCode ?? 0)) return accept(response, current, policy, watch);
      response.destroy();
      if (redirects === MAX_REDIRECTS)
        throw refused(`${url.split('?', 1)[0]} redirects more than ${MAX_REDIRECTS} times`);
      current = parseRedirect(current, response.headers.location);
    }
  } catch (error) {
    watch.end();
    throw watch.explain(error);
  }
}

/** Ends a fetch that takes too long, is silent for too long or is no longer wanted, and knows which it was. */
class FetchWatch {
  readonly #policy: UrlPolicy;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = new AbortController();
  readonly #onCallerAbort = () => this.#stop(new AmaasError('CANCELLED', 'fetch: the caller cancelled it'));
  readonly #cancelTotal: () => void;
  #cancelStall: () => void;
  #stoppedBy: AmaasError | undefined;

  constructor(policy: UrlPolicy, { clock = systemClock, signal }: FetchUrlOptions) {
    this.#policy = policy;
    this.#clock = clock;
    this.#signal = signal;
    this.#cancelTotal = clock.schedule(policy.timeoutMs, () =>
      this.#stop(failed(`it took longer than ${policy.timeoutMs} ms`)),
    );
    this.#cancelStall = this.#scheduleStall();
    signal?.addEventListener('abort', this.#onCallerAbort);
    if (signal?.aborted) this.#onCallerAbort();
  }

  /** Fires when the fetch has to stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** A sign of life. */
  progress(): void {
    this.#cancelStall();
    this.#cancelStall = this.#scheduleStall();
  }

  /** Silence does not count from here to the next sign of life: the consumer is busy, not the other server. */
  pause(): void {
    this.#cancelStall();
  }

  /** Lets go of timers and listeners. */
  end(): void {
    this.#cancelTotal();
    this.#cancelStall();
    this.#signal?.removeEventListener('abort', this.#onCallerAbort);
  }

  /** Why it stopped, or what `error` means otherwise. */
  explain(error: unknown): unknown {
    if (this.#stoppedBy !== undefined) return this.#stoppedBy;
    if (error instanceof AmaasError) return error;
    return failed(error instanceof Error ? `the connection broke: ${error.message}` : String(error), { cause: error });
  }

  #scheduleStall(): () => void {
    const { stallTimeoutMs } = this.#policy;
    return this.#clock.schedule(stallTimeoutMs, () => this.#stop(failed(`nothing came for ${stallTimeoutMs} ms`)));
  }

  #stop(reason: AmaasError): void {
    this.#stoppedBy ??= reason;
    this.#abort.abort(reason);
  }
}

async function open(
  url: URL,
  policy: UrlPolicy,
  options: FetchUrlOptions,
  watch: FetchWatch,
): Promise<IncomingMessage> {
  const address = await untilStopped(resolveChecked(url, policy, options.resolveHost), watch.signal);
  watch.progress();
  const response = await request(url, address, watch);
  watch.progress();
  return response;
}

/** A resolver cannot be interrupted, but nobody has to wait for it. */
function untilStopped<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function request(url: URL, target: ResolvedAddress, watch: FetchWatch): Promise<IncomingMessage> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? httpsRequest : httpRequest)(url, {
      // An agent of its own: no kept connection and no proxy setting of the process comes between check and connection.
      agent: secure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
      lookup: lookupFixed(target),
      signal: watch.signal,
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'amaas' },
    });
    outgoing.on('response', resolve);
    outgoing.on('error', (error) => reject(failed(`${showUrl(url)}: ${error.message}`, { cause: error })));
    outgoing.end();
  });
}

/** A lookup that has the checked address as its only answer. Not asked for hosts that are addresses themselves. */
function lookupFixed({ address, family }: ResolvedAddress): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

function accept(response: IncomingMessage, url: URL, policy: UrlPolicy, watch: FetchWatch): FetchedUrl {
  try {
    assertUsable(response, url);
    const contentLength = announcedLength(response);
    if (contentLength !== null && contentLength > policy.maxBytes) throw tooLarge(url, contentLength, policy);
    return { body: readBody(response, url, policy, watch), contentLength, finalUrl: url };
  } catch (error) {
    response.destroy();
    throw error;
  }
}

function assertUsable(response: IncomingMessage, url: URL): void {
  const status = response.statusCode ?? 0;
  if (status !== 200) {
    const retryable = status >= 500 || status === 429;
    throw failed(`${showUrl(url)} answered with status ${status}`, { retryable });
  }
  const encoding = response.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw failed(`${showUrl(url)} answered with content-encoding ${encoding.slice(0, 40)}, which was not asked for`, {
      retryable: false,
    });
  }
}

function announcedLength(response: IncomingMessage): number | null {
  const length = response.headers['content-length'];
  return length === undefined ? null : Number(length); // Node's parser has refused anything but digits
}

async function* readBody(
  response: IncomingMessage,
  url: URL,
  policy: UrlPolicy,
  watch: FetchWatch,
): AsyncGenerator<Uint8Array> {
  let receivedBytes = 0;
  try {
    // Node's streams give Buffers unless an encoding was set, and none was.
    for await (const chunk of response as AsyncIterable<Buffer>) {
      watch.pause();
      receivedBytes += chunk.byteLength;
      if (receivedBytes > policy.maxBytes) throw tooLarge(url, null, policy);
      yield chunk;
      watch.progress();
    }
  } catch (error) {
    throw watch.explain(error);
  } finally {
    response.destroy();
    watch.end();
  }
}

function tooLarge(url: URL, bytes: number | null, policy: UrlPolicy): AmaasError {
  const size = bytes === null ? 'more' : `${bytes} bytes`;
  return refused(`${showUrl(url)} has ${size}; this server fetches at most ${policy.maxBytes} bytes (urlMaxBytes)`);
}

function failed(problem: string, options: { readonly cause?: unknown; readonly retryable?: boolean } = {}): AmaasError {
  return new AmaasError('FETCH_FAILED', `fetch: ${problem}`, options);
}
