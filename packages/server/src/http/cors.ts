// Cross-origin requests from browsers: off unless origins are configured.
import type { Exchange } from './exchange.ts';

export interface CorsPolicy {
  /** Adds the headers an allowed origin needs; true when the request was a preflight and has been answered. */
  apply(exchange: Exchange): boolean;
  /** Whether pages of an origin may call. */
  allows(origin: string): boolean;
}

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const REQUEST_HEADERS = 'authorization, x-api-key, content-type, inference-header-content-length, x-request-id';
const REPLY_HEADERS = 'inference-header-content-length, x-amaas-reason, x-request-id, retry-after';
/** Browsers may remember a preflight this long; Chromium caps at two hours anyway. */
const MAX_AGE_SECONDS = '7200';

/** Names of headers, as browsers ask for them. */
const HEADER_NAMES = /^[a-z0-9-]{1,64}(, ?[a-z0-9-]{1,64}){0,31}$/i;

/** Those of our own, and those a client of somebody else's protocol adds: an allowed origin may send what it likes. */
function allowedHeaders(exchange: Exchange): string {
  const asked = exchange.header('access-control-request-headers');
  return asked !== undefined && HEADER_NAMES.test(asked) ? `${REQUEST_HEADERS}, ${asked}` : REQUEST_HEADERS;
}

/** The policy for a list of origins; `*` allows every one (never with cookies: keys travel in headers). */
export function createCorsPolicy(origins: readonly string[]): CorsPolicy {
  const allowed = new Set(origins);
  const allows = (origin: string): boolean => allowed.has('*') || allowed.has(origin);
  return {
    allows,
    apply(exchange) {
      const origin = exchange.header('origin');
      if (origin === undefined || allowed.size === 0) return false;
      const { response } = exchange;
      response.setHeader('vary', 'Origin');
      if (!allows(origin)) return false;
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-expose-headers', REPLY_HEADERS);
      if (exchange.method !== 'OPTIONS' || exchange.header('access-control-request-method') === undefined) return false;
      response.setHeader('access-control-allow-methods', METHODS);
      response.setHeader('access-control-allow-headers', allowedHeaders(exchange));
      response.setHeader('access-control-max-age', MAX_AGE_SECONDS);
      exchange.sendEmpty(204);
      return true;
    },
  };
}
