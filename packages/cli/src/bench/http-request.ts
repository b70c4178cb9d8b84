// Writes a whole HTTP/1.1 request once, so that sending it again costs one write.

export interface HttpRequestParts {
  readonly method: 'GET' | 'POST';
  /** Scheme, host and port, with the path; a query is kept. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * The bytes of a keep-alive request, with Host and Content-Length.
 * @throws Error when a header would break out of its line
 */
export function encodeHttpRequest({ method, url, headers, body }: HttpRequestParts): Uint8Array {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`];
  for (const [name, value] of Object.entries(headers)) {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new Error(`header ${name} holds a character that is not allowed`);
    lines.push(`${name}: ${value}`);
  }
  if (body !== undefined) lines.push(`Content-Length: ${body.byteLength}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return body === undefined ? head : Buffer.concat([head, body]);
}
