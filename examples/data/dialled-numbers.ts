// Recordings made here: telephone numbers as a keypad dials them, two tones per digit, in some noise.
import { createLabelledMedia, type LabelledMedia } from '@amaas/learn/data';
import { createRandom } from '@amaas/learn/statistics';

export const DIALLED_RATE_HZ = 8000;

const ROWS_HZ = [697, 770, 852, 941];
const COLUMNS_HZ = [1209, 1336, 1477];
const KEYS = ['123', '456', '789', ' 0 '];

export function dialledNumbers(count: number): LabelledMedia<Float32Array> {
  const random = createRandom('dialled');
  const recordings = Array.from({ length: count }, (_, at) => {
    const text = Array.from({ length: 1 + random.integer(4) }, () => random.integer(10)).join('');
    const samples = [...text].flatMap((digit) => {
      const row = KEYS.findIndex((keys) => keys.includes(digit));
      const column = KEYS[row]?.indexOf(digit) ?? 0;
      const tone = Array.from({ length: 400 + random.integer(400) }, (_, sample) => {
        const phase = (2 * Math.PI * sample) / DIALLED_RATE_HZ;
        return 0.2 * (Math.sin(phase * (ROWS_HZ[row] ?? 0)) + Math.sin(phase * (COLUMNS_HZ[column] ?? 0)));
      });
      return [...tone, ...new Array<number>(200 + random.integer(300)).fill(0)];
    });
    return { name: `${String(at).padStart(4, '0')}.wav`, text, samples };
  });
  const sounds = new Map(
    recordings.map(({ name, samples }) => [
      name,
      Float32Array.from(samples, (value) => value + 0.02 * random.normal()),
    ]),
  );
  return createLabelledMedia<Float32Array>({
    kind: 'audio',
    files: recordings.map(({ name, text }) => ({
      name,
      label: text,
      read: async () => new TextEncoder().encode(`${name} ${text}`),
    })),
    decode: (_, name) => sounds.get(name) ?? new Float32Array(0),
  });
}
