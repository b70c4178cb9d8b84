// Opens a URL within the URL policy: connects to the checked address only, follows few redirects and checks each anew,
// stops at limits of size, total time and silence. Leaves what an answer's status means to its callers.
import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
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

/** An answer whose header has come. */
export interface OpenedUrl {
  /** After redirects. */
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What answered with a redirect on the way, in order. */
  readonly redirects: readonly { readonly url: URL; readonly headers: IncomingHttpHeaders }[];
  /** The bytes as they come; ends the connection when the consumer stops early. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection; for whoever does not iterate the body. */
  readonly close: () => void;
}

export interface OpenUrlOptions {
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly resolveHost?: ResolveHost;
  /** Headers for one request, asked anew for every redirect: what is for one host alone is given to it alone. */
  readonly headersFor?: (url: URL) => Readonly<Record<string, string>>;
}

/** Five, as browsers' oldest limit; release downloads need two or three. */
const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Resolves once the header of the final answer has come, whatever its status.
 * @param policy - `timeoutMs: Infinity`: no limit in all
 * @throws URL_REFUSED by the policy (address, scheme, redirect, size), FETCH_FAILED for everything the network does,
 *   CANCELLED when `signal` fires. Iterating the body throws the same.
 */
export async function openUrl(url: string, policy: UrlPolicy, options: OpenUrlOptions = {}): Promise<OpenedUrl> {
  const watch = new FetchWatch(policy, options);
  try {
    const redirects: { readonly url: URL; readonly headers: IncomingHttpHeaders }[] = [];
    let current = parseFetchUrl(url);
    for (;;) {
      const response = await open(current, policy, options, watch);
      if (!REDIRECTS.has(response.statusCode ?? 0)) return opened(response, { url: current, redirects, policy, watch });
      response.destroy();
      redirects.push({ url: current, headers: response.headers });
      if (redirects.length > MAX_REDIRECTS)
        throw refused(`${url.split('?', 1)[0]} redirects more than ${MAX_REDIRECTS} times`);
      current = parseRedirect(current, response.headers.location);
    }
  } catch (error) {
    watch.end();
    throw watch.explain(error);
  }
}

function opened(
  response: IncomingMessage,
  parts: Pick<OpenedUrl, 'url' | 'redirects'> & { readonly policy: UrlPolicy; readonly watch: FetchWatch },
): OpenedUrl {
  const { url, redirects, policy, watch } = parts;
  return {
    url,
    redirects,
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: readBody(response, url, policy, watch),
    close() {
      response.destroy();
      watch.end();
    },
  };
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

  constructor(policy: UrlPolicy, { clock = systemClock, signal }: OpenUrlOptions) {
    this.#policy = policy;
    this.#clock = clock;
    this.#signal = signal;
    this.#cancelTotal = Number.isFinite(policy.timeoutMs)
      ? clock.schedule(policy.timeoutMs, () => this.#stop(failed(`it took longer than ${policy.timeoutMs} ms`)))
      : () => {};
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

async function open(url: URL, policy: UrlPolicy, options: OpenUrlOptions, watch: FetchWatch): Promise<IncomingMessage> {
  const address = await untilStopped(resolveChecked(url, policy, options.resolveHost), watch.signal);
  watch.progress();
  const response = await request(url, { target: address, watch, headers: options.headersFor?.(url) ?? {} });
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

interface RequestParts {
  readonly target: ResolvedAddress;
  readonly watch: FetchWatch;
  readonly headers: Readonly<Record<string, string>>;
}

function request(url: URL, { target, watch, headers }: RequestParts): Promise<IncomingMessage> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? httpsRequest : httpRequest)(url, {
      // An agent of its own: no kept connection and no proxy setting of the process comes between check and connection.
      agent: secure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
      lookup: lookupFixed(target),
      signal: watch.signal,
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'amaas', ...headers },
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

/** The error of a body beyond the policy; `bytes` null: it did not say how much it is. */
export function tooLarge(url: URL, bytes: number | null, policy: UrlPolicy): AmaasError {
  const size = bytes === null ? 'more' : `${bytes} bytes`;
  return refused(`${showUrl(url)} has ${size}; this server fetches at most ${policy.maxBytes} bytes (urlMaxBytes)`);
}

/** The error of a fetch that went wrong. */
export function failed(
  problem: string,
  options: { readonly cause?: unknown; readonly retryable?: boolean } = {},
): AmaasError {
  return new AmaasError('FETCH_FAILED', `fetch: ${problem}`, options);
}
