// Requests to a llama-server: JSON there and back, or a stream of events. Knows its errors, not what is asked of it.
// Source: llama.cpp, tools/server/README.md.
import { Agent, type IncomingMessage, request } from 'node:http';
import { AmaasError, type ErrorReason } from '@amaas/core';

export class ServerConnection {
  readonly #port: number;
  readonly #key: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number, key: string) {
    this.#port = port;
    this.#key = key;
  }

  /** Whether the model is loaded and requests are taken, by the server that was given the key and no other program there. */
  async isReady(): Promise<boolean> {
    try {
      if ((await this.#statusOf('GET', '/health')) !== 200) return false;
      // Anybody may be in good health; who takes this key and no other can only be ours.
      const stranger = new ServerConnection(this.#port, crypto.randomUUID());
      const refused = await stranger.#statusOf('POST', '/tokenize');
      return refused === 401 && (await this.#statusOf('POST', '/tokenize')) === 200;
    } catch {
      return false; // it does not listen yet, or not any more
    }
  }

  async #statusOf(method: string, path: string): Promise<number | undefined> {
    const response = await this.#send(method, path, method === 'POST' ? { content: '' } : null);
    response.resume();
    return response.statusCode;
  }

  /** @throws what the server refuses with, ENGINE_CRASHED when it goes meanwhile */
  async ask(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
    const response = await this.#post(path, body, signal);
    return readJson(await readText(response));
  }

  /** Tells what comes as it comes. Aborting `signal` ends the work within a step. @throws as {@link ServerConnection.ask} */
  async stream(
    path: string,
    body: unknown,
    { onChunk, signal }: { readonly onChunk: (chunk: unknown) => void; readonly signal: AbortSignal },
  ): Promise<void> {
    const response = await this.#post(path, body, signal);
    response.setEncoding('utf8');
    let held = '';
    try {
      for await (const part of response) {
        const lines = `${held}${part}`.split('\n');
        held = lines.pop() ?? '';
        for (const line of lines) hear(line, onChunk);
      }
    } catch (cause) {
      throw cause instanceof AmaasError ? cause : gone(cause);
    }
  }

  async #post(path: string, body: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#send('POST', path, body, signal).catch((cause: unknown) => {
      throw gone(cause);
    });
    if (response.statusCode === 200) return response;
    const text = await readText(response);
    throw refusal(response.statusCode ?? 0, text);
  }

  #send(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: this.#port, method, path, agent: this.#agent },
        headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' },
      },
      resolve,
    );
    sent.on('error', (cause) => {
      // The server ends connections when they were quiet for a while, or have carried a hundred requests.
      if (sent.reusedSocket && !signal?.aborted) resolve(this.#send(method, path, body, signal));
      else reject(cause);
    });
    const leave = (): void => void sent.destroy(new Error('nobody waits for the answer any more'));
    signal?.addEventListener('abort', leave);
    sent.once('close', () => signal?.removeEventListener('abort', leave));
    if (signal?.aborted) leave();
    sent.end(body === null ? undefined : JSON.stringify(body));
    return promise;
  }
}

function hear(line: string, onChunk: (chunk: unknown) => void): void {
  if (line.startsWith('error: ')) throw refusal(0, line.slice('error: '.length));
  if (!line.startsWith('data: ') || line === 'data: [DONE]') return;
  const chunk = readJson(line.slice('data: '.length));
  if (typeof chunk === 'object' && chunk !== null && 'error' in chunk) throw refusal(0, JSON.stringify(chunk));
  onChunk(chunk);
}

async function readText(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  try {
    for await (const part of response) text += part;
  } catch (cause) {
    throw gone(cause);
  }
  return text;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AmaasError('RUN_FAILED', 'generate: llama-server sent what is no JSON', { cause, retryable: true });
  }
}

const REASONS: Readonly<Record<number, ErrorReason>> = {
  400: 'INVALID_ARGUMENT',
  501: 'UNSUPPORTED_FEATURE',
  503: 'MODEL_NOT_READY',
};

interface Refusal {
  readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly type?: unknown };
}

function refusal(status: number, text: string): AmaasError {
  let error: Refusal['error'];
  try {
    const parsed: Refusal | null = JSON.parse(text);
    error = parsed?.error;
  } catch {
    // it answered with something else; its status says enough
  }
  const message = `generate: llama-server: ${String(error?.message ?? `status ${status}`)}`;
  if (error?.type === 'exceed_context_size_error') return new AmaasError('CONTEXT_OVERFLOW', message);
  const reason = REASONS[Number(error?.code ?? status)];
  return reason === undefined
    ? new AmaasError('RUN_FAILED', message, { retryable: true })
    : new AmaasError(reason, message);
}

function gone(cause: unknown): AmaasError {
  return new AmaasError('ENGINE_CRASHED', 'generate: the connection to llama-server broke', { cause });
}
