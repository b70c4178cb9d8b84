// Made speech for tests: every letter is a tone of its own for a tenth of a second, more or less, in a little noise.
import { createLabelledMedia, type LabelledMedia } from '../../data/index.ts';
import { createRandom, type Random } from '../../statistics/index.ts';

export const SPEECH_RATE_HZ = 4000;

const TONES: ReadonlyMap<string, number> = new Map([
  ['a', 450],
  ['b', 850],
  ['c', 1500],
]);

export function spoken(text: string, random: Random): Float32Array {
  const parts = [...text].flatMap((letter) => {
    const tone = 200 + random.integer(200);
    const gap = 80 + random.integer(80);
    const hz = (TONES.get(letter) ?? 0) * (0.95 + 0.1 * random.uniform());
    return [
      ...Array.from({ length: tone }, (_, at) => Math.sin((2 * Math.PI * hz * at) / SPEECH_RATE_HZ)),
      ...new Array<number>(gap).fill(0),
    ];
  });
  return Float32Array.from(parts, (value) => 0.3 * value + 0.01 * random.normal());
}

export interface MadeRecording {
  readonly name: string;
  readonly text: string;
  readonly samples: Float32Array;
}

/** Texts of one to three letters, `speaker/number`. */
export function madeRecordings(count: number, seed = 1): readonly MadeRecording[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, at) => {
    const letters = Array.from({ length: 1 + random.integer(3) }, () => 'abc'[random.integer(3)]);
    const text = letters.join('');
    return { name: `${'xyz'[at % 3]}/${String(at).padStart(3, '0')}`, text, samples: spoken(text, random) };
  });
}

export function speechMedia(recordings: readonly MadeRecording[]): LabelledMedia<Float32Array> {
  const known = new Map(recordings.map((each) => [each.name, each.samples]));
  return createLabelledMedia<Float32Array>({
    kind: 'audio',
    files: recordings.map(({ name, text, samples }) => ({
      name,
      label: text,
      read: async () => new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
    })),
    decode: (_, name) => known.get(name) ?? new Float32Array(0),
  });
}
