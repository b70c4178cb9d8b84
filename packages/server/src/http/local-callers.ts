// Who may call a server without keys: programs of this machine. What protects it is that only this machine reaches it,
// and a web page can get around that: by a name of its own that resolves to loopback, or by making the browser send
// requests it cannot read the replies of. The Host and Origin headers, which no page can choose, give both away.
import { AmaasError } from '@amaas/core';
import type { CorsPolicy } from './cors.ts';
import type { Exchange } from './exchange.ts';

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Lets pass what a program of this machine, a page of this server or one of an allowed origin sends.
 * @throws FORBIDDEN
 */
export function assertFromHere(exchange: Exchange, cors: Pick<CorsPolicy, 'allows'>): void {
  const host = exchange.header('host');
  if (host !== undefined && !LOOPBACK_HOST.test(host)) {
    throw new AmaasError(
      'FORBIDDEN',
      `without authentication the server answers under loopback names only, not ${JSON.stringify(host.slice(0, 100))}`,
    );
  }
  const origin = exchange.header('origin');
  if (origin === undefined || isOwn(origin, host) || cors.allows(origin)) return;
  throw new AmaasError(
    'FORBIDDEN',
    `without authentication the server takes nothing from pages of ${JSON.stringify(origin.slice(0, 100))}; ` +
      'add the origin to corsOrigins to allow it',
  );
}

function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && origin.replace(/^https?:\/\//i, '').toLowerCase() === host.toLowerCase();
}
