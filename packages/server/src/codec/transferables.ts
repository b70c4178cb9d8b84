// Finds the array buffers inside a message that may be moved to another thread: those that one typed array or more cover
// without sharing them with anything that stays behind.

import { isMarkedAsUntransferable } from 'node:worker_threads';

/** The distinct ArrayBuffers reachable from `value` through plain objects, arrays and Maps. */
export function transferablesOf(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    if (ArrayBuffer.isView(part)) {
      // Node's pool of small Buffers is shared by unrelated code and marked as staying.
      if (part.buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(part.buffer)) found.add(part.buffer);
    } else if (part instanceof Map) {
      for (const item of part.values()) visit(item);
    } else if (Array.isArray(part)) {
      // Numbers and strings hold no buffers; a long list of them need not be walked.
      if (typeof part[0] === 'object') for (const item of part) visit(item);
    } else {
      for (const item of Object.values(part)) visit(item);
    }
  };
  visit(value);
  return [...found];
}
