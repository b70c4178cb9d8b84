// HTTP as bytes on a socket, for what no polite client would send: paths that are not normalised, lying lengths, half
// requests. Knows nothing of amaas.
import { connect, type Socket } from 'node:net';
import { request as httpRequest } from 'node:http';

export interface RawReply {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** The body as UTF-8. */
  readonly text: string;
}

export interface RawRequest {
  readonly method?: string;
  /** Sent as it is: not normalised, not encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** Sends one request on a connection of its own and reads the reply. */
export function sendRequest(url: string, { method = 'GET', path, headers = {}, body }: RawRequest): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const sending = httpRequest(new URL(url), { method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
        resolve({
          status: response.statusCode ?? 0,
          headers: new Map(pairs),
          body: bytes,
          text: bytes.toString('utf8'),
        });
      });
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

/** Opens a plain TCP connection to the server behind `url`. */
export function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.off('error', reject);
      socket.on('error', () => {}); // resets are part of what these tests provoke; the end of the connection tells them
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Everything the server sends until it ends the connection. */
export function readToEnd(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** Writes `bytes` on a connection of its own and gives what comes back until the server ends it. */
export async function sendBytes(url: string, bytes: string | Uint8Array): Promise<string> {
  const socket = await openSocket(url);
  const answer = readToEnd(socket);
  socket.write(bytes);
  return answer;
}
