// The models benches run: dense networks of given widths with random weights, batched along axis 0.
import { createTensor } from '@amaas/core';
import {
  intAttribute,
  type OnnxNode,
  type OnnxTensor,
  onnxFromTensor,
  tensorValueInfo,
  writeModel,
} from '@amaas/learn/onnx';
import { seededRandom } from './seeded-random.ts';

/** Bytes of an ONNX file: float32 `x [N, widths[0]]` → `y [N, last width]`, ReLU between the layers. */
export function denseModel(widths: readonly number[]): Uint8Array {
  const random = seededRandom(42);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  let value = 'x';
  for (let layer = 0; layer + 1 < widths.length; layer++) {
    const inputs = widths[layer] ?? 1;
    const outputs = widths[layer + 1] ?? 1;
    const scale = Math.sqrt(2 / inputs);
    const weights = Float32Array.from({ length: inputs * outputs }, () => (random() - 0.5) * 2 * scale);
    initializers.push(onnxFromTensor(`w${layer}`, createTensor('float32', [inputs, outputs], weights)));
    initializers.push(onnxFromTensor(`b${layer}`, createTensor('float32', [outputs], new Float32Array(outputs))));
    const isLast = layer + 2 === widths.length;
    const sum = isLast ? 'y' : `sum${layer}`;
    nodes.push({
      opType: 'Gemm',
      inputs: [value, `w${layer}`, `b${layer}`],
      outputs: [sum],
      attributes: [intAttribute('transB', 0)],
    });
    if (!isLast) nodes.push({ opType: 'Relu', inputs: [sum], outputs: [`h${layer}`] });
    value = `h${layer}`;
  }
  return writeModel({
    irVersion: 9,
    producerName: 'amaas bench',
    opsetImports: [{ version: 18 }],
    graph: {
      name: 'dense',
      nodes,
      initializers,
      inputs: [tensorValueInfo('x', 'float32', ['N', widths[0] ?? 1])],
      outputs: [tensorValueInfo('y', 'float32', ['N', widths.at(-1) ?? 1])],
    },
  });
}
