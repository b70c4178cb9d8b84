// Gathers repeated numbers while a message is read. Protobuf allows them one by one, packed, or in several packed runs;
// the usual single run stays a view into the file, anything else is joined in a buffer that grows with what arrived.

/** Bytes of repeated values in order of arrival. */
export class Payload {
  #view: Uint8Array | null = null;
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;

  /** Adds `bytes[start, end)`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    if (this.#buffer === null && this.#view === null) {
      this.#view = bytes.subarray(start, end);
      return;
    }
    const buffer = this.#reserve(end - start);
    // A loop beats `set(subarray())` for the few bytes of a single value.
    if (end - start > 16) buffer.set(bytes.subarray(start, end), this.#length);
    else for (let index = start; index < end; index++) buffer[this.#length + index - start] = bytes[index] ?? 0;
    this.#length += end - start;
  }

  /** Adds one 64-bit value, little-endian. */
  append64(low: number, high: number): void {
    const buffer = this.#reserve(8);
    let at = this.#length;
    for (let shift = 0; shift < 32; shift += 8) buffer[at++] = low >>> shift;
    for (let shift = 0; shift < 32; shift += 8) buffer[at++] = high >>> shift;
    this.#length = at;
  }

  /** What was gathered; a view into the file when one run held it all. */
  get bytes(): Uint8Array {
    if (this.#buffer === null) return this.#view ?? new Uint8Array(0);
    return this.#buffer.subarray(0, this.#length);
  }

  /** What was gathered, in a buffer of its own that starts at offset 0, as typed arrays need. */
  copy(): ArrayBuffer {
    return new Uint8Array(this.bytes).buffer;
  }

  #reserve(count: number): Uint8Array<ArrayBuffer> {
    let buffer = this.#buffer;
    if (buffer === null) {
      const view = this.#view;
      buffer = new Uint8Array(Math.max(64, 2 * ((view?.length ?? 0) + count)));
      if (view !== null) buffer.set(view);
      this.#length = view?.length ?? 0;
      this.#view = null;
    } else if (this.#length + count > buffer.length) {
      const grown = new Uint8Array(2 * (this.#length + count));
      grown.set(buffer.subarray(0, this.#length));
      buffer = grown;
    }
    this.#buffer = buffer;
    return buffer;
  }
}
