// A small HTTP server for tests: answers each request by a function, and keeps what was asked.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What to answer; `drop`: cut the connection instead; `hang`: never. */
export type Answer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | 'drop'
  | 'hang';

export interface TestServer {
  readonly url: string;
  readonly asked: readonly Asked[];
}

/** Starts it on a free port until the test ends. Bodies that are not bytes or text are sent as JSON. */
export async function startTestServer(
  context: TestContext,
  answer: (asked: Asked, count: number) => Answer | Promise<Answer>,
): Promise<TestServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding is set
    const { method = '', url = '', headers } = request;
    const item = { method, path: url, headers, body: Buffer.concat(chunks) };
    asked.push(item);
    const reply = await answer(item, asked.length);
    if (reply === 'hang') return;
    if (reply === 'drop') {
      request.socket.destroy();
      return;
    }
    const { body } = reply;
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    response.writeHead(reply.status, { ...(raw ? {} : { 'content-type': 'application/json' }), ...reply.headers });
    response.end(raw ? body : JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the test server has no port');
  return { url: `http://127.0.0.1:${address.port}`, asked };
}
