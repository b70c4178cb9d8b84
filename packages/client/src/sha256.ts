// SHA-256 in pieces, for content that does not fit in memory and for pages without WebCrypto (plain http): WebCrypto
// digests whole buffers only. Source: FIPS 180-4 §5.1.1, §6.2.

const BLOCK_BYTES = 64;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
const ROUND_CONSTANTS = fractionBits(64, Math.cbrt);

/** The same of the square roots of the first 8 primes (§5.3.3). */
const INITIAL_STATE = fractionBits(8, Math.sqrt);

function fractionBits(count: number, root: (prime: number) => number): Int32Array {
  const bits = new Int32Array(count);
  for (let prime = 2, found = 0; found < count; prime++) {
    if (isPrime(prime)) bits[found++] = Math.floor((root(prime) % 1) * 2 ** 32);
  }
  return bits;
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
  return true;
}

/** A running SHA-256. */
export class Sha256 {
  readonly #state = new Int32Array(INITIAL_STATE);
  readonly #schedule = new Int32Array(64);
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #blockView = new DataView(this.#block.buffer);
  #blockBytes = 0;
  #totalBytes = 0;

  /** Takes in the next piece. */
  update(bytes: Uint8Array): void {
    this.#totalBytes += bytes.length;
    let offset = 0;
    if (this.#blockBytes > 0) {
      offset = Math.min(BLOCK_BYTES - this.#blockBytes, bytes.length);
      this.#block.set(bytes.subarray(0, offset), this.#blockBytes);
      this.#blockBytes += offset;
      if (this.#blockBytes < BLOCK_BYTES) return;
      this.#compress(this.#blockView, 0);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; offset + BLOCK_BYTES <= bytes.length; offset += BLOCK_BYTES) this.#compress(view, offset);
    this.#block.set(bytes.subarray(offset));
    this.#blockBytes = bytes.length - offset;
  }

  /** The digest as 64 hexadecimal digits; the object is used up. */
  hex(): string {
    const bits = this.#totalBytes * 8;
    this.#block.fill(0, this.#blockBytes);
    this.#block[this.#blockBytes] = 0x80;
    if (this.#blockBytes >= BLOCK_BYTES - 8) {
      this.#compress(this.#blockView, 0);
      this.#block.fill(0);
    }
    this.#blockView.setUint32(56, Math.floor(bits / 2 ** 32));
    this.#blockView.setUint32(60, bits % 2 ** 32);
    this.#compress(this.#blockView, 0);
    let hex = '';
    for (const word of this.#state) hex += (word >>> 0).toString(16).padStart(8, '0');
    return hex;
  }

  #compress(view: DataView, offset: number): void {
    const w = this.#schedule;
    const state = this.#state;
    // Every index below lies inside its array; `| 0` only tells the compiler so.
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(offset + t * 4);
    for (let t = 16; t < 64; t++) {
      const w15 = (w[t - 15] as number) | 0; // t − 15 ≥ 1
      const w2 = (w[t - 2] as number) | 0; // t − 2 ≥ 14
      const sigma0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3);
      const sigma1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10);
      w[t] = ((w[t - 16] as number) + sigma0 + (w[t - 7] as number) + sigma1) | 0; // both indices ≥ 0
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]; // 8 words
    for (let t = 0; t < 64; t++) {
      const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const choice = (e & f) ^ (~e & g);
      const temp1 = (h + sum1 + choice + (ROUND_CONSTANTS[t] as number) + (w[t] as number)) | 0; // t < 64
      const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      h = g;
      g = f;
      f = e;
      e = (d + temp1) | 0;
      d = c;
      c = b;
      b = a;
      a = (temp1 + sum0 + majority) | 0;
    }
    state[0] = (state[0] as number) + a; // eight words, as above and below
    state[1] = (state[1] as number) + b;
    state[2] = (state[2] as number) + c;
    state[3] = (state[3] as number) + d;
    state[4] = (state[4] as number) + e;
    state[5] = (state[5] as number) + f;
    state[6] = (state[6] as number) + g;
    state[7] = (state[7] as number) + h;
  }
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
