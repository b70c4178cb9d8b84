// JSON values as pieces of a stream, each whole. JSON has no line breaks, so that every value is one line.
// Source: HTML Living Standard, section 9.2 "Server-sent events"; the NDJSON specification 1.0.

/** A server-sent event without a name. */
export function encodeSse(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** A server-sent event named by its type. */
export function encodeSseEvent(value: { readonly type: string; readonly [field: string]: unknown }): string {
  return `event: ${value.type}\n${encodeSse(value)}`;
}

/** A line of `application/x-ndjson`. */
export function encodeLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
