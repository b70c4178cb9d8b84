// The models the tests run, each small enough to know its answer by heart.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelSource } from '@amaas/core';
import { graph, initializer, model, tensorInfo, type OnnxShape, type OnnxType } from './onnx-writer.ts';

/** A folder for model files that goes when the test does. */
export class ModelFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'amaas-ort-'));

  /** Writes a model file and says where it is. */
  add(name: string, bytes: Uint8Array): ModelSource {
    const modelPath = join(this.path, `${name}.onnx`);
    writeFileSync(modelPath, bytes);
    return { label: `${name}@1`, directory: this.path, modelPath };
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Points at a model file that is there already. */
export function sourceOf(name: string, modelPath: string): ModelSource {
  return { label: `${name}@1`, directory: join(modelPath, '..'), modelPath };
}

/** y = x, any dtype the runtime has Identity for. */
export function identityModel(type: OnnxType, shape: OnnxShape): Uint8Array {
  return model(
    {
      nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
      inputs: [tensorInfo('x', type, shape)],
      outputs: [tensorInfo('y', type, shape)],
    },
    { opset: 19 },
  );
}

/** sum = x + bias (an input with a stored default of 5), product = x · bias. */
export function defaultInputModel(): Uint8Array {
  return model({
    nodes: [
      { op: 'Add', inputs: ['x', 'bias'], outputs: ['sum'] },
      { op: 'Mul', inputs: ['x', 'bias'], outputs: ['product'] },
    ],
    initializers: [initializer('bias', 'float32', [1], Float32Array.of(5))],
    inputs: [tensorInfo('x', 'float32', ['N']), tensorInfo('bias', 'float32', [1])],
    outputs: [tensorInfo('sum', 'float32', ['N']), tensorInfo('product', 'float32', ['N'])],
  });
}

/** `constructor` = `__proto__` + `toString`, `valueOf` = −`__proto__`: names that trip over JavaScript's own. */
export function namesModel(): Uint8Array {
  return model({
    nodes: [
      { op: 'Add', inputs: ['__proto__', 'toString'], outputs: ['constructor'] },
      { op: 'Neg', inputs: ['__proto__'], outputs: ['valueOf'] },
    ],
    inputs: [tensorInfo('__proto__', 'float32', [2]), tensorInfo('toString', 'float32', [2])],
    outputs: [tensorInfo('constructor', 'float32', [2]), tensorInfo('valueOf', 'float32', [2])],
  });
}

/** y = relu(x·W) with W[i][j] = ((i + 2j) mod 7 − 3) / 10; rows do not know of each other. */
export function layerModel(inputs: number, outputs: number): Uint8Array {
  const weights = Float32Array.from(
    { length: inputs * outputs },
    (_, index) => (((Math.floor(index / outputs) + 2 * (index % outputs)) % 7) - 3) / 10,
  );
  return model({
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'Relu', inputs: ['h'], outputs: ['y'] },
    ],
    initializers: [initializer('w', 'float32', [inputs, outputs], weights)],
    inputs: [tensorInfo('x', 'float32', ['N', inputs])],
    outputs: [tensorInfo('y', 'float32', ['N', outputs])],
  });
}

/** y = softmax of x over axis 0, so that rows do know of each other. */
export function rowMixingModel(): Uint8Array {
  return model({
    nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['y'], attributes: [{ name: 'axis', int: 0 }] }],
    inputs: [tensorInfo('x', 'float32', ['N', 3])],
    outputs: [tensorInfo('y', 'float32', ['N', 3])],
  });
}

/** y = x doubled `times` times by a Loop; with a huge count it never returns in a lifetime. */
export function loopModel(): Uint8Array {
  const body = graph({
    nodes: [
      { op: 'Identity', inputs: ['go'], outputs: ['goOn'] },
      { op: 'Mul', inputs: ['carried', 'two'], outputs: ['doubled'] },
    ],
    inputs: [tensorInfo('i', 'int64', []), tensorInfo('go', 'bool', []), tensorInfo('carried', 'float32', [1])],
    outputs: [tensorInfo('goOn', 'bool', []), tensorInfo('doubled', 'float32', [1])],
  });
  return model({
    nodes: [
      {
        op: 'Loop',
        inputs: ['times', 'yes', 'x'],
        outputs: ['y'],
        attributes: [{ name: 'body', graph: body }],
      },
    ],
    initializers: [
      initializer('yes', 'bool', [], Uint8Array.of(1)),
      initializer('two', 'float32', [1], Float32Array.of(2)),
    ],
    inputs: [tensorInfo('x', 'float32', [1]), tensorInfo('times', 'int64', [])],
    outputs: [tensorInfo('y', 'float32', [1])],
  });
}
