// Remembers the last few JSON headers with what they parse to. Parsed JSON is read-only, so it can be shared.
import type { JsonValue } from '../json/index.ts';

/** Headers remembered: one per client program and model is typical, and all are compared with. */
const MAX_HEADERS = 8;
/** Longer headers carry data, which seldom repeats. */
const MAX_HEADER_BYTES = 1024;

export class HeaderMemory {
  /** Latest first. */
  #headers: { readonly bytes: Uint8Array; readonly value: JsonValue }[] = [];

  /** What `header` parses to, by `parse` where it is new. @throws what `parse` throws */
  recall(header: Uint8Array, parse: (header: Uint8Array) => JsonValue): JsonValue {
    for (const known of this.#headers) if (isEqual(known.bytes, header)) return known.value;
    const value = parse(header);
    if (header.byteLength <= MAX_HEADER_BYTES) {
      this.#headers = [{ bytes: Uint8Array.from(header), value }, ...this.#headers.slice(0, MAX_HEADERS - 1)];
    }
    return value;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  // From the end: headers of one client differ in their last numbers, if at all.
  for (let index = a.byteLength - 1; index >= 0; index--) if (a[index] !== b[index]) return false;
  return true;
}
