// Calls of the management API as raw HTTP: uploads, deployments, and the form of its errors.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { TestServer } from './running-server.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly text: string;
  /** The `error` of a refusal; null for a success. */
  readonly error: AdminError | null;
}

export interface AdminError {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;
}

/** Sends a call with a JSON body and checks the form of the answer. */
export async function adminCall(
  server: Pick<TestServer, 'request'>,
  method: string,
  path: string,
  body?: object | string,
): Promise<AdminAnswer> {
  const response = await server.request(`/admin/v1/${path}`, {
    method,
    ...(body === undefined
      ? {}
      : {
          headers: { 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
  });
  return readAnswer(response);
}

/** Uploads files and deploys them as one version. */
export async function deployFiles(
  server: Pick<TestServer, 'request'>,
  model: string,
  files: Readonly<Record<string, Uint8Array>>,
  more: object = {},
): Promise<AdminAnswer> {
  const listed: { readonly path: string; readonly digest: string }[] = [];
  for (const [path, bytes] of Object.entries(files)) listed.push({ path, digest: await upload(server, bytes) });
  return adminCall(server, 'POST', `models/${model}/versions`, { files: listed, ...more });
}

/** Deploys a single file as the request's body. */
export async function deployBytes(
  server: Pick<TestServer, 'request'>,
  model: string,
  bytes: Uint8Array,
): Promise<AdminAnswer> {
  const headers = { 'content-type': 'application/octet-stream' };
  const path = `/admin/v1/models/${model}/versions`;
  return readAnswer(await server.request(path, { method: 'POST', headers, body: Uint8Array.from(bytes) }));
}

/** Puts a file into the store; gives its digest. */
export async function upload(server: Pick<TestServer, 'request'>, bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes);
  const response = await server.request(`/admin/v1/blobs/${digest}`, { method: 'PUT', body: Uint8Array.from(bytes) });
  assert.equal(response.status, 201, await response.text());
  return digest;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function readAnswer(response: Response): Promise<AdminAnswer> {
  const text = await response.text();
  if (response.status < 400) return { status: response.status, text, error: null };
  const body = JSON.parse(text) as { readonly error: AdminError }; // checked below
  assert.deepEqual(Object.keys(body), ['error']);
  const { code, reason, message, retryable } = body.error;
  assert.match(code, /^[A-Z_]+$/);
  assert.match(reason, /^[A-Z_]+$/);
  assert.equal(typeof retryable, 'boolean');
  assert.ok(message.length > 10 && message.length < 5000, 'a refusal says why');
  return { status: response.status, text, error: body.error };
}
