// The socket side: creates the HTTP or HTTPS server with its time limits, and drains it.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { AmaasError } from '@amaas/core';
import { SlowClients } from './slow-clients.ts';

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly certPath: string; readonly keyPath: string } | null;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export interface Listener {
  readonly url: string;
  readonly port: number;
  /**
   * Stops accepting, lets requests under way finish for at most `timeoutMs`, then cuts what is left.
   * @param lastWords - called before the cut; what it makes replies say has a second to leave
   */
  close(timeoutMs: number, lastWords?: () => void): Promise<void>;
}

/** How often Node looks for connections that have run out of time; the limits are exact to this. */
const TIMEOUT_CHECK_MS = 1000;

/** How long the last words of replies may take to leave: their callers are there and read. */
const LAST_WORDS_MS = 1000;

/** Opens the port. @throws INVALID_CONFIG when the address cannot be taken or the certificate not be read. */
export async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  options: ListenerOptions,
): Promise<Listener> {
  const server = createHttpServer(options);
  let isClosing = false;
  const silent = watchSilent(server, options);
  const slowClients = new SlowClients({
    requestTimeoutMs: options.requestTimeoutMs,
    idleTimeoutMs: options.idleTimeoutMs,
    onRequestTimeout: (socket) => server.emit('clientError', new RequestTimeout(), socket),
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    silent.delete(request.socket);
    slowClients.begin(request, response);
    if (isClosing) response.setHeader('connection', 'close');
    handle(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const reply = slowClients.replyOn(socket);
    if (reply?.headersSent && !reply.writableFinished) {
      socket.end(() => socket.destroy()); // a second reply behind or inside the first would be taken for part of it
      return;
    }
    const status =
      error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : error.code === 'HPE_HEADER_OVERFLOW'
          ? '431 Request Header Fields Too Large'
          : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  try {
    await open(server, options);
  } catch (error) {
    slowClients.stop();
    throw error;
  }
  const { port, family, address } = addressOf(server);
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `${options.tls === null ? 'http' : 'https'}://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`,
    port,
    close(timeoutMs, lastWords) {
      isClosing = true;
      return new Promise((resolve) => {
        const cut = (): void => server.closeAllConnections();
        const speak = (): void => {
          lastWords?.();
          timer = setTimeout(cut, LAST_WORDS_MS);
        };
        let timer = setTimeout(lastWords === undefined ? cut : speak, timeoutMs);
        server.close(() => {
          clearTimeout(timer);
          slowClients.stop();
          resolve();
        });
        server.closeIdleConnections();
        for (const socket of silent) socket.destroy();
        slowClients.endAfterReplies();
      });
    },
  };
}

/**
 * Connections on which no whole header has come yet. Node counts them as busy, and a client may open one ahead of its next request:
 * a server that stops would wait for them to the end of its patience.
 */
function watchSilent(server: Server, { tls }: ListenerOptions): Set<Socket> {
  const silent = new Set<Socket>();
  server.on(tls === null ? 'connection' : 'secureConnection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  return silent;
}

/** As Node says it when it finds out itself. */
class RequestTimeout extends Error {
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT';
}

function createHttpServer(options: ListenerOptions): Server {
  const limits = {
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: 0, // see slow-clients.ts
    keepAliveTimeout: options.idleTimeoutMs,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    noDelay: true,
  };
  if (options.tls === null) return createServer(limits);
  return createTlsServer({
    ...limits,
    cert: readPem('tlsCert', options.tls.certPath),
    key: readPem('tlsKey', options.tls.keyPath),
    minVersion: 'TLSv1.2',
  });
}

function readPem(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new AmaasError('INVALID_CONFIG', `${key}: cannot read ${path}`, { cause });
  }
}

function open(server: Server, options: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'another program is listening there; choose a different --port'
          : cause.code === 'EACCES'
            ? 'this user may not open it'
            : cause.message;
      reject(new AmaasError('INVALID_CONFIG', `cannot listen on ${options.host}:${options.port}: ${why}`, { cause }));
    });
    server.listen(options.port, options.host, () => resolve());
  });
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new AmaasError('INTERNAL', 'http: the server has no address');
  return address;
}
