// Whole HTTP/1.1 requests for the load generator: Open Inference Protocol with binary tensors.
import type { NamedTensors } from '@amaas/core';
import { encodeInferRequest } from '@amaas/protocols/oip';
import { ADMIN_KEY } from './child-server.ts';

/** One request as bytes, asking for binary outputs. */
export function inferRequest(url: URL, model: string, inputs: NamedTensors): Uint8Array {
  const { headers, parts } = encodeInferRequest(inputs, { binary: true });
  return httpRequest(url, `/v2/models/${model}/infer`, { headers, body: Buffer.concat(parts) });
}

export function httpRequest(
  url: URL,
  path: string,
  message: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array },
): Uint8Array {
  const headers = { ...message.headers, 'content-length': String(message.body.byteLength) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path} HTTP/1.1\r\nhost: ${url.host}\r\nauthorization: Bearer ${ADMIN_KEY}\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), message.body]);
}
