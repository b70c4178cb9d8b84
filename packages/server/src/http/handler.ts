// From socket to route: finds the family and the route, asks the gateway, runs, and turns whatever was thrown into the
// family's own error body. Nothing runs for a caller who has not been let in: without a matching public route, the key
// is asked for even before it is said that the path does not exist.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AmaasError, type Clock, toAmaasError } from '@amaas/core';
import { authorize, type Gateway, type Principal } from '../gateway/index.ts';
import type { Logger, Metrics } from '../monitoring/index.ts';
import type { CorsPolicy } from './cors.ts';
import { Exchange } from './exchange.ts';
import type { MatchedRoute, RouteFamily } from './family.ts';
import { allowedMethods } from './path-table.ts';
import { assertFromHere } from './local-callers.ts';
import type { RequestsUnderWay } from './requests-under-way.ts';

export interface HandlerParts {
  /** Asked in order; the last one owns every path. */
  readonly families: readonly RouteFamily[];
  readonly gateway: Gateway;
  readonly cors: CorsPolicy;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly underWay: RequestsUnderWay;
}

/** Callers may name their request with this many visible ASCII characters at most. */
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Answers a request. `identify` says who sent one that came from inside; without it the headers tell. */
export type Handler = (request: IncomingMessage, response: ServerResponse, identify?: () => Principal) => void;

export function createHandler(parts: HandlerParts): Handler {
  const { families, gateway, cors, metrics, logger, clock, underWay } = parts;
  const idPrefix = `${clock.wallTime().getTime().toString(36)}-`;
  let requestCount = 0;

  return (request, response, identify) => {
    const named = request.headers['x-request-id'];
    const requestId =
      typeof named === 'string' && REQUEST_ID.test(named) ? named : `${idPrefix}${(++requestCount).toString(36)}`;
    const exchange = new Exchange(request, response, { requestId, clock });
    const family = families.find((candidate) => candidate.owns(exchange.path)) ?? families[families.length - 1];
    if (family === undefined) throw new AmaasError('INTERNAL', 'http: no family of routes');
    exchange.onLateError = (error) => log(exchange, error);
    underWay.add(exchange, (why) => fail(exchange, family, why));
    if (cors.apply(exchange)) return;
    let route: MatchedRoute | null = null;
    let problem: unknown = null;
    try {
      route = family.match(exchange.method, exchange.path);
    } catch (thrown) {
      problem = thrown;
    }
    try {
      if (gateway.auth === 'off' && identify === undefined) assertFromHere(exchange, cors);
      if (route?.access !== 'public') {
        exchange.principal = identify?.() ?? gateway.authenticate(credentialsFor(exchange), clock.wallTime().getTime());
        if (route !== null) {
          authorize(exchange.principal, {
            scope: route.access,
            ...(route.model === undefined ? {} : { model: route.model }),
          });
        }
      }
      if (route === null) throw problem;
      if (route.access === 'deploy' || route.access === 'admin') logWhenDone(exchange);
      const done = route.run(exchange);
      if (done instanceof Promise) done.catch((thrown: unknown) => fail(exchange, family, thrown));
    } catch (thrown) {
      fail(exchange, family, thrown);
    }
  };

  /** Changes are rare and worth a line each: who did what, and how it ended. */
  function logWhenDone(exchange: Exchange): void {
    const { method, path, requestId, principal, response } = exchange;
    if (method === 'GET' || method === 'HEAD') return;
    response.once('close', () =>
      logger.info({ requestId, method, path, status: response.statusCode, by: principal?.name }, 'change'),
    );
  }

  function log({ requestId, method, path }: Exchange, error: AmaasError): void {
    const facts = { requestId, method, path };
    if (error.code === 'INTERNAL') logger.error({ ...facts, err: error.cause ?? error }, error.message);
    else if (error.reason === 'ENGINE_CRASHED') {
      logger.warn({ ...facts, reason: error.reason, err: error.cause }, error.message);
    } else logger.debug({ ...facts, reason: error.reason }, error.message);
  }

  function fail(exchange: Exchange, family: RouteFamily, thrown: unknown): void {
    if (exchange.cutBy !== null && exchange.response.writableEnded) return; // it was told why
    const error = exchange.cutBy ?? toAmaasError(thrown);
    log(exchange, error);
    if (!exchange.isRecorded) metrics.recordOtherRequest(family.name, error.code);
    const { request, response } = exchange;
    if (response.headersSent || response.destroyed) {
      response.destroy(); // the reply is half out: cutting the connection is the only honest sign left
      return;
    }
    response.setHeader('x-amaas-reason', error.reason); // for protocols whose error body has no room for it
    if (error.retryable) response.setHeader('retry-after', '1');
    if (error.reason === 'METHOD_NOT_ALLOWED') {
      response.setHeader('allow', allowedMethods(family.routes, exchange.path).join(', '));
    }
    if (error.code === 'UNAUTHENTICATED') response.setHeader('www-authenticate', challengesFor(exchange));
    // A body that was not read to its end would be taken for the next request.
    if (!request.complete) {
      response.setHeader('connection', 'close');
      response.once('finish', () => request.destroy());
      request.resume();
    }
    family.sendError(exchange, error);
  }
}

/**
 * The headers the gateway looks at. Browsers can open /docs only with Basic credentials (the key as the password), and
 * send those along on their own later: so Basic counts for reading only, or any page could make a browser write.
 */
function credentialsFor(exchange: Exchange): { authorization?: string; 'x-api-key'?: string } {
  const authorization = exchange.header('authorization');
  const apiKey = exchange.header('x-api-key');
  const isRead = exchange.method === 'GET' || exchange.method === 'HEAD';
  const basic = isRead && authorization?.toLowerCase().startsWith('basic ') ? passwordOf(authorization.slice(6)) : null;
  return {
    ...(basic !== null ? { authorization: `Bearer ${basic}` } : authorization === undefined ? {} : { authorization }),
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
  };
}

/**
 * Browsers ask their user for Basic credentials where a page is wanted; where a script asks for data, a dialog would only
 * be in its way. One line per challenge: Chromium understands no more than the first of a line.
 */
function challengesFor(exchange: Exchange): string[] {
  const isRead = exchange.method === 'GET' || exchange.method === 'HEAD';
  const wantsPage = isRead && (exchange.header('accept') ?? 'text/html').includes('text/html');
  return wantsPage ? ['Bearer', 'Basic realm="amaas", charset="UTF-8"'] : ['Bearer'];
}

function passwordOf(encoded: string): string {
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}
