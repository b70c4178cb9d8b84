// A model whose weights lie in a file beside it.
import { createTensor } from '@amaas/core';
import { EXTERNAL_DATA, onnxFromTensor, tensorValueInfo, writeModel } from '@amaas/learn/onnx';

/** `scores` = x · w (float32 [N, n]), element by element, with w in the file `location` says. */
export function externalDataModel(
  location: string,
  w: readonly number[],
): { readonly model: Uint8Array<ArrayBuffer>; readonly weights: Uint8Array<ArrayBuffer> } {
  const { rawData, ...inside } = onnxFromTensor('w', createTensor('float32', [w.length], Float32Array.from(w)));
  const weights = Uint8Array.from(rawData ?? []);
  const entries = { location, offset: '0', length: String(weights.byteLength) };
  const model = writeModel({
    irVersion: 8,
    opsetImports: [{ version: 17 }],
    graph: {
      name: 'external',
      nodes: [{ opType: 'Mul', inputs: ['x', 'w'], outputs: ['scores'] }],
      inputs: [tensorValueInfo('x', 'float32', ['N', w.length])],
      outputs: [tensorValueInfo('scores', 'float32', ['N', w.length])],
      initializers: [
        {
          ...inside,
          dataLocation: EXTERNAL_DATA,
          externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
        },
      ],
    },
  });
  return { model, weights };
}
