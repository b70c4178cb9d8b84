// Calls of the management API whose every reply is checked against the published schema.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  BlobReceiptSchema,
  checkAgainst,
  type ErrorBody,
  ErrorBodySchema,
  type TSchema,
  type VersionDetail,
  VersionDetailSchema,
} from '@amaas/protocols/admin';
import type { Static } from 'typebox';
import type { TestServer } from './running-server.ts';

export interface AdminRequest {
  readonly method: string;
  /** Below `/admin/v1`. */
  readonly path: string;
  /** Bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
}

/** Sends the request; text and bytes go out as they are given. */
export function sendAdmin(server: TestServer, { method, path, body, headers, key }: AdminRequest): Promise<Response> {
  const isRaw = body instanceof Uint8Array || typeof body === 'string';
  return server.request(`/admin/v1${path}`, {
    method,
    headers: { ...(body === undefined || isRaw ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: isRaw ? body.slice() : JSON.stringify(body) }),
    ...(key === undefined ? {} : { key }),
  });
}

/** The reply, which has to have this status and fit this schema. */
export async function callAdmin<Schema extends TSchema>(
  server: TestServer,
  request: AdminRequest,
  expected: { readonly status?: number; readonly schema: Schema },
): Promise<Static<Schema>> {
  const reply = await sendAdmin(server, request);
  const text = await reply.text();
  const what = `${request.method} ${request.path}`;
  assert.equal(reply.status, expected.status ?? 200, `${what}: ${text}`);
  assert.equal(reply.headers.get('content-type'), 'application/json');
  return checkAgainst(expected.schema, JSON.parse(text), { what });
}

/** Fails unless the reply is 204 without a body. */
export async function assertEmpty(server: TestServer, request: AdminRequest): Promise<void> {
  const reply = await sendAdmin(server, request);
  assert.deepEqual([reply.status, await reply.text()], [204, ''], `${request.method} ${request.path}`);
}

/** Fails unless the reply is this error, in the form of every error of the management API. */
export async function assertAdminError(
  server: TestServer,
  request: AdminRequest,
  expected: { readonly status: number; readonly reason: string; readonly message?: RegExp | string },
): Promise<ErrorBody['error']> {
  const reply = await sendAdmin(server, request);
  const text = await reply.text();
  const what = `${request.method} ${request.path}: ${text}`;
  assert.equal(reply.status, expected.status, what);
  const { error } = checkAgainst(ErrorBodySchema, JSON.parse(text), { what });
  assert.equal(error.reason, expected.reason, what);
  assert.equal(error.requestId, reply.headers.get('x-request-id'));
  if (typeof expected.message === 'string') assert.equal(error.message, expected.message);
  else if (expected.message !== undefined) assert.match(error.message, expected.message);
  return error;
}

/** `sha256:…` of some bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export const OCTETS = { 'content-type': 'application/octet-stream' };
export const JSON_TYPE = { 'content-type': 'application/json' };

/** Deploys a model file as the body; `target` is the model's name, with a query where wanted: `m?label=production`. */
export function deployRaw(server: TestServer, target: string, bytes: Uint8Array): Promise<VersionDetail> {
  const [model, query = ''] = target.split('?');
  const path = `/models/${model}/versions${query === '' ? '' : `?${query}`}`;
  const request = { method: 'POST', path, body: bytes, headers: OCTETS };
  return callAdmin(server, request, { status: 201, schema: VersionDetailSchema });
}

/** The request that deploys what `body` says. */
export function deployJson(model: string, body: unknown): AdminRequest {
  return { method: 'POST', path: `/models/${model}/versions`, body };
}

/** Puts a file into the store; returns its digest. */
export async function uploadBlob(server: TestServer, bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes);
  const request = { method: 'PUT', path: `/blobs/${digest}`, body: bytes };
  const receipt = await callAdmin(server, request, { status: 201, schema: BlobReceiptSchema });
  assert.deepEqual(receipt, { digest, sizeBytes: bytes.byteLength });
  return digest;
}
