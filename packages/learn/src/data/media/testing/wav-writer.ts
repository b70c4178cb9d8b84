// WAV files byte by byte, right and wrong, for the tests.

export interface FormatFields {
  readonly tag: number;
  readonly bits: number;
  readonly rate: number;
  readonly channels: number;
  /** Bytes per frame; default what the others give. */
  readonly block?: number;
  /** Whether the tag goes into a sub-format. */
  readonly extensible?: boolean;
}

/** A chunk, padded to an even length. */
export function chunk(id: string, data: Iterable<number>): Uint8Array {
  const body = Uint8Array.from(data);
  const padding = body.length % 2 === 1 ? [0] : [];
  return Uint8Array.of(...new TextEncoder().encode(id), ...littleEndian(body.length, 4), ...body, ...padding);
}

export function formatChunk({ tag, bits, rate, channels, block, extensible = false }: FormatFields): Uint8Array {
  const frameBytes = block ?? Math.ceil((bits * channels) / 8);
  const plain = [
    ...littleEndian(extensible ? 0xfffe : tag, 2),
    ...littleEndian(channels, 2),
    ...littleEndian(rate, 4),
    ...littleEndian((rate * frameBytes) % 2 ** 32, 4),
    ...littleEndian(frameBytes, 2),
    ...littleEndian(bits, 2),
  ];
  if (!extensible) return chunk('fmt ', plain);
  const guid = [...littleEndian(tag, 2), 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
  return chunk('fmt ', [...plain, ...littleEndian(22, 2), ...littleEndian(bits, 2), 0, 0, 0, 0, ...guid]);
}

/** A file of these chunks. */
export function riff(...chunks: readonly Uint8Array[]): Uint8Array {
  const body = chunks.flatMap((part) => [...part]);
  const encoder = new TextEncoder();
  return Uint8Array.of(
    ...encoder.encode('RIFF'),
    ...littleEndian(body.length + 4, 4),
    ...encoder.encode('WAVE'),
    ...body,
  );
}

function littleEndian(value: number, bytes: number): readonly number[] {
  return Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** at) % 256);
}
