// Imported models against ONNX Runtime, and small models made by hand.
import assert from 'node:assert/strict';
import type { Tensor } from '@amaas/core';
import type { Shape } from '../../graph/index.ts';
import { type OnnxModel, onnxFromTensor, tensorValueInfo, writeModel } from '../../onnx/index.ts';
import { arrayFromTensor, evaluate, tensorFromArray } from '../../reference/index.ts';
import { assertClose, ortExecutor } from '../../reference/testing/check-operation.ts';
import { createRandom } from '../../statistics/index.ts';
import { fromOnnx } from '../from-onnx.ts';

/** Both answers to the same drawn inputs, held against each other output by output. */
export async function compareWithRuntime(
  model: OnnxModel,
  { shapes, tolerance = 1e-5 }: { readonly shapes?: ReadonlyMap<string, Shape>; readonly tolerance?: number } = {},
): Promise<void> {
  const graph = fromOnnx(model, shapes === undefined ? {} : { shapes });
  const random = createRandom('compare');
  const tensors = new Map<string, Tensor>();
  const feeds = new Map(
    graph.inputs.map((value) => {
      const shape = value.shape.map((size) => (typeof size === 'number' ? size : 2));
      const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
        value.dtype === 'float32' ? Math.fround(random.normal()) : random.integer(200),
      );
      const array = { dtype: value.dtype, shape, data };
      tensors.set(value.origin.kind === 'input' ? value.origin.name : '', tensorFromArray(array));
      return [value, array] as const;
    }),
  );
  const found = evaluate([...graph.outputs.values()], feeds);
  const compiled = await (await ortExecutor()).compile(writeModel(model));
  try {
    const expected = await compiled.run(tensors);
    for (const [index, name] of [...graph.outputs.keys()].entries()) {
      assertClose(found[index] ?? assert.fail(), arrayFromTensor(expected.get(name) ?? assert.fail()), tolerance);
    }
  } finally {
    await compiled.dispose();
  }
}

/** The model with another size of pictures: its weights do not mind. */
export function withInputShape(model: OnnxModel, shape: readonly (number | string)[]): OnnxModel {
  const [first, ...rest] = model.graph.inputs;
  const inputs = [tensorValueInfo(first?.name ?? '', 'float32', shape), ...rest];
  return { ...model, graph: { ...model.graph, inputs } };
}

/** y from x [N, 3, 4], with a scalar named two. */
export function modelOf(
  nodes: OnnxModel['graph']['nodes'],
  options: { opset?: number; domain?: string } = {},
): OnnxModel {
  const { opset = 18, domain } = options;
  return {
    irVersion: 8,
    opsetImports: [{ version: opset }, ...(domain === undefined ? [] : [{ domain, version: 1 }])],
    graph: {
      nodes,
      initializers: [onnxFromTensor('two', { dtype: 'float32', shape: [], data: Float32Array.of(2) })],
      inputs: [tensorValueInfo('x', 'float32', ['N', 3, 4])],
      outputs: [{ name: 'y' }],
    },
  };
}
