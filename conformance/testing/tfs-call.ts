// Calls of TensorFlow Serving's REST API as raw HTTP: the path goes out as written, the reply comes back as text.
import assert from 'node:assert/strict';
import { sendRequest } from './raw-http.ts';
import { ADMIN_KEY } from './running-server.ts';

export interface TfsReply {
  readonly status: number;
  readonly text: string;
}

export interface TfsCall {
  readonly method?: string;
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes a call; every reply of TensorFlow Serving is JSON, and one without a body is none of its. */
export async function callTfs(url: string, { method = 'POST', headers = {}, ...call }: TfsCall): Promise<TfsReply> {
  const reply = await sendRequest(url, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}`, ...headers },
    ...call,
  });
  assert.equal(reply.headers.get('content-type'), 'application/json', `${method} ${call.path}: ${reply.text}`);
  return { status: reply.status, text: reply.text };
}

/** Fails unless the reply is a success with exactly this body. */
export function assertBody(reply: TfsReply, expected: string): void {
  assert.deepEqual(reply, { status: 200, text: expected });
}

/** Fails unless the reply is exactly `{"error": text}` with that status and text, or text that matches. */
export function assertError(reply: TfsReply, status: number, expected: string | RegExp): void {
  assert.equal(reply.status, status, reply.text);
  const body = JSON.parse(reply.text) as { readonly error: string }; // checked by the next line
  assert.deepEqual(Object.keys(body), ['error']);
  if (typeof expected === 'string') assert.equal(body.error, expected);
  else assert.match(body.error, expected);
}
