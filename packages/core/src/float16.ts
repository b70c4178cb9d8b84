// Conversions between float32 and the 16-bit floats, which amaas stores as bit patterns.
// Source: IEEE 754-2008 §3.6 (binary16); bfloat16 is the upper half of a binary32. Rounding is to nearest, ties to even.

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

function bitsOfFloat32(value: number): number {
  scratchFloat[0] = value;
  return scratchBits[0] ?? 0;
}

/** The binary16 bit pattern nearest to `value`; overflow gives infinity, NaN a quiet NaN. */
export function float16BitsFromNumber(value: number): number {
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00; // halfway between the greatest half (65504) and 2^16 rounds up
  if (magnitude < 2 ** -14) return sign | roundHalfToEven(magnitude * 2 ** 24); // subnormals are multiples of 2^-24
  // log2 may land one off within a double's precision of a power of two; the mantissa, rounded, then is 0 or 1024 and right.
  const exponent = Math.floor(Math.log2(magnitude));
  const mantissa = roundHalfToEven((magnitude / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + mantissa); // a mantissa of 1024 carries into the exponent
}

/** The number a binary16 bit pattern stands for. */
export function numberFromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** The bfloat16 bit pattern nearest to `value` (through float32). */
export function bfloat16BitsFromNumber(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = bitsOfFloat32(value);
  const lower = bits & 0xffff;
  const upper = bits >>> 16;
  const roundUp = lower > 0x8000 || (lower === 0x8000 && (upper & 1) === 1);
  return roundUp ? upper + 1 : upper;
}

/** The number a bfloat16 bit pattern stands for. */
export function numberFromBfloat16Bits(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratchFloat[0] ?? 0;
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5) return floor + 1;
  if (rest < 0.5) return floor;
  return floor % 2 === 0 ? floor : floor + 1;
}
