// Small made media for tests of whole trainings, and asking a trained model.
import assert from 'node:assert/strict';
import type { Executor, Tensor } from '@amaas/core';
import { createLabelledMedia, decodeText, filesOfTexts, type LabelledMedia, type Pixels } from '../../data/index.ts';
import { createRandom } from '../../statistics/index.ts';

export function textMedia(made: readonly { readonly label: string; readonly text: string }[]): LabelledMedia<string> {
  return createLabelledMedia({
    kind: 'text',
    files: filesOfTexts(made, 'made'),
    decode: (bytes, name) => decodeText(bytes, name),
  });
}

/** Bars that lie or stand, anywhere. */
export function pictureMedia(count: number): LabelledMedia<Pixels> {
  const random = createRandom(11);
  const pictures = Array.from({ length: count }, (_, at) => {
    const data = Uint8Array.from({ length: 144 }, () => random.integer(60));
    const [start, line] = [random.integer(7), random.integer(12)];
    for (let k = start; k < start + 5; k++) data[at % 2 === 0 ? line * 12 + k : k * 12 + line] = 255;
    return data;
  });
  return createLabelledMedia<Pixels>({
    kind: 'image',
    files: pictures.map((data, at) => ({
      name: String(at).padStart(3, '0'),
      label: at % 2 === 0 ? 'lies' : 'stands',
      read: async () => data,
    })),
    decode: (data) => ({ width: 12, height: 12, channels: 1, data }),
  });
}

export function soundMedia(count: number): LabelledMedia<Float32Array> {
  const random = createRandom(13);
  const sounds = Array.from({ length: count }, (_, at) =>
    madeSound(1500 + random.integer(2000), (at % 4 < 2 ? 500 : 2200) + random.integer(500)),
  );
  return createLabelledMedia<Float32Array>({
    kind: 'audio',
    files: sounds.map((sound, at) => ({
      name: String(at).padStart(2, '0'),
      label: at % 4 < 2 ? 'low' : 'high',
      read: async () => new Uint8Array(sound.buffer),
    })),
    decode: (bytes) => new Float32Array(bytes.buffer),
  });
}

export function madeSound(length: number, hz: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => 0.3 * Math.sin((2 * Math.PI * hz * at) / 8000));
}

export function texts(values: readonly string[]): ReadonlyMap<string, Tensor> {
  const encoder = new TextEncoder();
  const data = values.map((text) => encoder.encode(text));
  return new Map([['text', { dtype: 'string', shape: [values.length], data }]]);
}

export async function labelsOf(
  onnx: Uint8Array,
  { executor, feeds }: { readonly executor: Executor; readonly feeds: ReadonlyMap<string, Tensor> },
): Promise<readonly string[]> {
  const compiled = await executor.compile(onnx);
  const labels = (await compiled.run(feeds, ['label'])).get('label');
  await compiled.dispose();
  assert(labels?.dtype === 'string');
  return labels.data.map((bytes) => new TextDecoder().decode(bytes));
}
