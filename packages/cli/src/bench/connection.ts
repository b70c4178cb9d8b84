// A keep-alive connection that sends ready-made requests, one at a time, and reconnects when it has to. No promises, no
// header objects: the generator shares its machine with the server, so each request must cost microseconds.
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type FinishedReply, ReplyReader } from './reply-reader.ts';

export interface ConnectionEvents {
  /** The reply to the request under way is complete. */
  onReply(connection: Connection, reply: FinishedReply): void;
  /** The request under way will not be answered; `code` is Node's (`ECONNRESET`) or a short word. */
  onFailure(connection: Connection, code: string, message: string): void;
}

export class Connection {
  readonly #origin: URL;
  readonly #events: ConnectionEvents;
  #socket: Socket | null = null;
  #reader = new ReplyReader();
  #busy = false;

  /** When the request under way was meant to be sent, on the generator's clock; for its owner to set and read. */
  intendedMs = 0;
  /** When it was sent. */
  sentMs = 0;
  /** When the last one ended. */
  idleSinceMs = 0;

  constructor(origin: URL, events: ConnectionEvents) {
    this.#origin = origin;
    this.#events = events;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Sends one request; its end is told to the events. Only while not busy. */
  send(request: Uint8Array): void {
    this.#busy = true;
    this.#socket ??= this.#open();
    this.#socket.write(request);
  }

  /** Gives up the request under way, if any, as a failure with this code. */
  abandon(code: string, message: string): void {
    this.#drop();
    this.#fail(code, message);
  }

  /** Closes without telling anyone. */
  close(): void {
    this.#busy = false;
    this.#drop();
  }

  #open(): Socket {
    const { hostname, port, protocol } = this.#origin;
    const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    const socket =
      protocol === 'https:'
        ? connectTls({
            host,
            port: Number(port || 443),
            ...(/[a-z]/i.test(host) && !host.includes(':') ? { servername: host } : {}),
          })
        : connectTcp({ host, port: Number(port || 80) });
    socket.setNoDelay(true);
    this.#reader = new ReplyReader();
    socket.on('data', (chunk: Buffer) => {
      if (socket === this.#socket) this.#read(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.#lost(socket, error.code ?? 'ERROR', error.message));
    socket.on('close', () => this.#lost(socket, 'CLOSED', 'the server closed the connection before it replied'));
    return socket;
  }

  #read(chunk: Buffer): void {
    let reply: FinishedReply | null;
    try {
      if (!this.#busy) throw new Error('bytes came without a request');
      reply = this.#reader.push(chunk);
    } catch (thrown) {
      this.#drop();
      this.#fail('BAD_REPLY', thrown instanceof Error ? thrown.message : 'the reply cannot be read');
      return;
    }
    if (reply === null) return;
    if (reply.closes) this.#drop();
    this.#busy = false;
    this.#events.onReply(this, reply);
  }

  #lost(socket: Socket, code: string, message: string): void {
    if (socket !== this.#socket) return; // dropped before, or replaced since
    this.#socket = null;
    socket.destroy();
    this.#fail(code, message);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }

  #fail(code: string, message: string): void {
    if (!this.#busy) return; // an idle connection may go; the next request opens another
    this.#busy = false;
    this.#events.onFailure(this, code, message);
  }
}
