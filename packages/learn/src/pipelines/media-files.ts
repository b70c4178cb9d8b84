// What a training of media leaves behind, as files: the model with what belongs beside it, and its report.
import { AmaasError } from '@amaas/core';
import { renderReportPage } from '../evaluate/index.ts';
import type { HeldOutMedia, TrainedMedia } from './media-training.ts';

/** Contents by file name: `model.onnx`, `amaas.json`, `example.json`, `report.json`, `report.html`. */
export function trainedMediaFiles(trained: TrainedMedia): ReadonlyMap<string, Uint8Array> {
  const encoder = new TextEncoder();
  const json = (value: unknown): Uint8Array => encoder.encode(`${JSON.stringify(value, null, 2)}\n`);
  return new Map([
    ['model.onnx', trained.onnx],
    ['amaas.json', json({ ...trained.manifest, example: EXAMPLE_FILE })],
    [EXAMPLE_FILE, encoder.encode(`${JSON.stringify(exampleRequest(trained.test))}\n`)],
    ['report.json', json(trained.report)],
    ['report.html', encoder.encode(renderReportPage(trained.report))],
  ]);
}

/** A held-out value as a request: what the server tries the model with, and users can start from. */
const EXAMPLE_FILE = 'example.json';

/** A request of the Open Inference Protocol, plain JSON. */
function exampleRequest({ example: { input, tensor } }: HeldOutMedia): { readonly inputs: readonly object[] } {
  const { shape } = tensor;
  switch (tensor.dtype) {
    case 'string': {
      const decoder = new TextDecoder();
      const data = tensor.data.map((bytes) => decoder.decode(bytes));
      return { inputs: [{ name: input, shape, datatype: 'BYTES', data }] };
    }
    case 'uint8':
      return { inputs: [{ name: input, shape, datatype: 'UINT8', data: [...tensor.data] }] };
    case 'float32':
      return { inputs: [{ name: input, shape, datatype: 'FP32', data: [...tensor.data] }] };
    default:
      throw new AmaasError('INTERNAL', `train: the model takes ${tensor.dtype}`);
  }
}

/**
 * The held-out files as JSON lines: `{"file": …, "label": …, "scores": […]}`, the class the file lies in, and probabilities in
 * the order of the classes to the last bit (float32 as decimals).
 */
export function heldOutMediaLines({ classes, split, test: { labels, scores } }: TrainedMedia): Uint8Array {
  const lines = split.test.map((file, at) => {
    const own = scores.subarray(at * classes.length, (at + 1) * classes.length);
    return `${JSON.stringify({ file, label: classes[labels[at] ?? 0], scores: [...own] })}\n`;
  });
  return new TextEncoder().encode(lines.join(''));
}
