// WAV files to samples: PCM of 8, 16, 24 and 32 bits and floats, plain or WAVE_FORMAT_EXTENSIBLE, chunks in any order
// that has the format before the data. Compressed formats are named and refused.
// Source: Microsoft/IBM, "Multimedia Programming Interface and Data Specifications 1.0" (RIFF); Microsoft, "Multiple Channel
// Audio Data and WAVE Files".
import { AmaasError } from '@amaas/core';

/** Sound: one array per channel, all of one length, values in [−1, 1). */
export interface Waveform {
  readonly sampleRateHz: number;
  readonly channels: readonly Float32Array[];
}

interface Format {
  readonly encoding: 'integer' | 'float';
  readonly channelCount: number;
  readonly sampleRateHz: number;
  readonly bytesPerSample: number;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
/** Names of tags people meet, for the refusal. */
const OTHER_FORMATS: ReadonlyMap<number, string> = new Map([
  [2, 'Microsoft ADPCM'],
  [6, 'A-law'],
  [7, 'µ-law'],
  [0x11, 'IMA ADPCM'],
  [0x55, 'MP3'],
]);
/** The rest of a sub-format's GUID, after its two bytes of tag. */
const SUB_FORMAT_TAIL = '000000001000800000aa00389b71';
/** What a writer puts that could not know the length: the data goes on to the end of the file. */
const UNKNOWN_LENGTH = 0xffffffff;
/** No converter samples faster; a header that says so is broken. */
const MAX_SAMPLE_RATE_HZ = 1_000_000;
const MAX_CHANNELS = 64;

/**
 * The samples of a WAV file. Integers are divided by the magnitude of their least value, so that it becomes −1.
 * @param name - names the file in messages.
 * @throws INVALID_DATA saying what in the file is wrong or not supported.
 */
export function decodeWav(bytes: Uint8Array, name: string): Waveform {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (what: string): AmaasError => new AmaasError('INVALID_DATA', `wav: ${name} ${what}`);
  const tag = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.byteLength < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') {
    if (tag(0) === 'RF64' || tag(0) === 'RIFX') throw refuse(`is an ${tag(0)} file, which is not supported`);
    throw refuse('is no WAV file: expected it to begin "RIFF", a size and "WAVE"');
  }
  let format: Format | null = null;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const id = tag(at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    const left = bytes.byteLength - start;
    if (id === 'data') {
      if (format === null) throw refuse('has its data before its format');
      const length = size === UNKNOWN_LENGTH ? left : size;
      if (length > left) throw refuse(`is cut short: its data announces ${length} bytes and has ${left}`);
      return readSamples(new DataView(bytes.buffer, bytes.byteOffset + start, length), format, refuse);
    }
    if (size > left) throw refuse(`is cut short: its chunk "${id}" announces ${size} bytes and has ${left}`);
    if (id === 'fmt ') format = readFormat(new DataView(bytes.buffer, bytes.byteOffset + start, size), refuse);
    at = start + size + (size % 2); // chunks begin at even places
  }
  throw refuse(format === null ? 'has no format chunk' : 'has no data chunk');
}

/** The mean of all channels; of a single one, that channel itself. */
export function mixToMono({ channels }: Waveform): Float32Array {
  const [first = new Float32Array(), ...rest] = channels;
  if (rest.length === 0) return first;
  return first.map((sample, at) => rest.reduce((sum, channel) => sum + (channel[at] ?? 0), sample) / channels.length);
}

type Refuse = (what: string) => AmaasError;

function readFormat(chunk: DataView, refuse: Refuse): Format {
  if (chunk.byteLength < 16) throw refuse(`has a format chunk of ${chunk.byteLength} bytes; at least 16 are expected`);
  const formatTag = chunk.getUint16(0, true);
  const channelCount = chunk.getUint16(2, true);
  const sampleRateHz = chunk.getUint32(4, true);
  const blockBytes = chunk.getUint16(12, true);
  const bits = chunk.getUint16(14, true);
  const encoding = formatTag === EXTENSIBLE ? subFormat(chunk, refuse) : formatTag;
  if (encoding !== PCM && encoding !== FLOAT) {
    const known = OTHER_FORMATS.get(encoding);
    throw refuse(`is in format ${encoding}${known === undefined ? '' : ` (${known})`}; PCM and float are supported`);
  }
  const supported = encoding === PCM ? [8, 16, 24, 32] : [32, 64];
  if (!supported.includes(bits)) {
    const kind = encoding === PCM ? 'PCM' : 'float';
    throw refuse(`has ${kind} samples of ${bits} bits; ${supported.join(', ')} are supported`);
  }
  if (channelCount < 1 || channelCount > MAX_CHANNELS)
    throw refuse(`has ${channelCount} channels; 1 to ${MAX_CHANNELS} are supported`);
  if (sampleRateHz < 1 || sampleRateHz > MAX_SAMPLE_RATE_HZ) throw refuse(`has a sample rate of ${sampleRateHz} Hz`);
  const bytesPerSample = bits / 8;
  if (blockBytes !== channelCount * bytesPerSample) {
    throw refuse(
      `contradicts itself: ${channelCount} channels of ${bits} bits are ${channelCount * bytesPerSample} bytes, not ${blockBytes}`,
    );
  }
  return { encoding: encoding === PCM ? 'integer' : 'float', channelCount, sampleRateHz, bytesPerSample };
}

function subFormat(chunk: DataView, refuse: Refuse): number {
  if (chunk.byteLength < 40)
    throw refuse(`has an extensible format chunk of ${chunk.byteLength} bytes; at least 40 are expected`);
  let tail = '';
  for (let at = 26; at < 40; at++) tail += chunk.getUint8(at).toString(16).padStart(2, '0');
  if (tail !== SUB_FORMAT_TAIL) throw refuse('is in an extensible format of a kind that is not supported');
  return chunk.getUint16(24, true);
}

function readSamples(data: DataView, format: Format, refuse: Refuse): Waveform {
  const { channelCount, sampleRateHz, bytesPerSample } = format;
  const frameBytes = channelCount * bytesPerSample;
  if (data.byteLength % frameBytes !== 0) {
    throw refuse(`has ${data.byteLength} bytes of data, which are no whole number of ${frameBytes}-byte frames`);
  }
  const frames = data.byteLength / frameBytes;
  const read = sampleReader(data, format);
  const channels = Array.from({ length: channelCount }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let frame = 0; frame < frames; frame++) samples[frame] = read(frame * frameBytes + channel * bytesPerSample);
    return samples;
  });
  return { sampleRateHz, channels };
}

/** Reads the sample at a byte offset. */
function sampleReader(data: DataView, { encoding, bytesPerSample }: Format): (at: number) => number {
  if (encoding === 'float') {
    return bytesPerSample === 4 ? (at) => data.getFloat32(at, true) : (at) => data.getFloat64(at, true);
  }
  switch (bytesPerSample) {
    case 1:
      return (at) => (data.getUint8(at) - 128) / 128; // 8 bits are unsigned, unlike all others
    case 2:
      return (at) => data.getInt16(at, true) / 2 ** 15;
    case 3:
      return (at) => (data.getUint16(at, true) + data.getInt8(at + 2) * 2 ** 16) / 2 ** 23;
    default:
      return (at) => data.getInt32(at, true) / 2 ** 31;
  }
}
