// Protobuf fields written byte by byte, so that tests do not read what the writer under test wrote.

/** An unsigned varint. */
export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const more = rest > 0x7fn;
    bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return bytes;
}

/** A field of wire type 0. */
export function numberField(number: number, value: number | bigint): number[] {
  return [...varint(number * 8), ...varint(value)];
}

/** A field of wire type 2: a message, a text or bytes. */
export function lengthField(number: number, payload: readonly number[] | string): number[] {
  const bytes = typeof payload === 'string' ? [...new TextEncoder().encode(payload)] : payload;
  return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes];
}

/** A field of wire type 5 holding a float32. */
export function floatField(number: number, value: number): number[] {
  return [...varint(number * 8 + 5), ...float32Bytes(value)];
}

/** A float32, little-endian. */
export function float32Bytes(...values: readonly number[]): number[] {
  return [...new Uint8Array(Float32Array.from(values).buffer)];
}

/** A float64, little-endian. */
export function float64Bytes(...values: readonly number[]): number[] {
  return [...new Uint8Array(Float64Array.from(values).buffer)];
}

/** A model of IR version 8 and opset 13 whose graph holds `graph`, then `rest`. */
export function modelBytes(graph: readonly number[], rest: readonly number[] = []): Uint8Array {
  return Uint8Array.from([
    ...numberField(1, 8),
    ...lengthField(7, graph),
    ...lengthField(8, numberField(2, 13)),
    ...rest,
  ]);
}
