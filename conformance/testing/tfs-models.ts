// The models of the TensorFlow Serving tests, built with @amaas/learn/onnx; every answer can be worked out by hand.
import { createTensor, type DType, type Manifest } from '@amaas/core';
import { type OnnxGraph, onnxFromTensor, tensorValueInfo, writeModel } from '@amaas/learn/onnx';

function modelOf(graph: Omit<OnnxGraph, 'name' | 'initializers'> & Partial<OnnxGraph>): Uint8Array<ArrayBuffer> {
  return writeModel({
    irVersion: 8,
    opsetImports: [{ version: 17 }],
    graph: { name: 'conformance', initializers: [], ...graph },
  });
}

function scalar(name: string, value: number) {
  return onnxFromTensor(name, createTensor('float32', [], Float32Array.of(value)));
}

/** TensorFlow Serving's own test model: y = x / 2 + `plus`, float32 [N]. */
export function halfPlusModel(plus: number): Uint8Array<ArrayBuffer> {
  return modelOf({
    nodes: [
      { opType: 'Mul', inputs: ['x', 'half'], outputs: ['product'] },
      { opType: 'Add', inputs: ['product', 'plus'], outputs: ['y'] },
    ],
    initializers: [scalar('half', 0.5), scalar('plus', plus)],
    inputs: [tensorValueInfo('x', 'float32', ['N'])],
    outputs: [tensorValueInfo('y', 'float32', ['N'])],
  });
}

/** The signatures of `saved_model_half_plus_two`. */
export const HALF_PLUS_TWO_MANIFEST: Manifest = {
  signatures: {
    serving_default: { method: 'predict' },
    classify_x_to_y: { method: 'classify' },
    regress_x_to_y: { method: 'regress' },
  },
};

/** Dtypes JSON can carry to TensorFlow Serving and back. */
export const JSON_DTYPES: readonly DType[] = [
  'float32',
  'float64',
  'int8',
  'int16',
  'int32',
  'uint8',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'string',
];

/** `in_<dtype>` → `out_<dtype>` unchanged, for every dtype of {@link JSON_DTYPES}, each of any length. */
export function everyDtypeModel(): Uint8Array<ArrayBuffer> {
  return modelOf({
    nodes: JSON_DTYPES.map((dtype) => ({ opType: 'Identity', inputs: [`in_${dtype}`], outputs: [`out_${dtype}`] })),
    inputs: JSON_DTYPES.map((dtype) => tensorValueInfo(`in_${dtype}`, dtype, [`length_${dtype}`])),
    outputs: JSON_DTYPES.map((dtype) => tensorValueInfo(`out_${dtype}`, dtype, [`length_${dtype}`])),
  });
}

/** y = x for one dtype and any shape, or the shape given. */
export function echoModel(dtype: DType, shape: readonly (number | string)[] | null = null): Uint8Array<ArrayBuffer> {
  return modelOf({
    nodes: [{ opType: 'Identity', inputs: ['x'], outputs: ['y'] }],
    inputs: [tensorValueInfo('x', dtype, shape)],
    outputs: [tensorValueInfo('y', dtype, shape)],
  });
}

/** Two inputs, two outputs: `sum` = a + b (float32 [N,2]), `count` = n (int64 [N]). */
export function pairModel(): Uint8Array<ArrayBuffer> {
  return modelOf({
    nodes: [
      { opType: 'Add', inputs: ['a', 'b'], outputs: ['sum'] },
      { opType: 'Identity', inputs: ['n'], outputs: ['count'] },
    ],
    inputs: [
      tensorValueInfo('a', 'float32', ['N', 2]),
      tensorValueInfo('b', 'float32', ['N', 2]),
      tensorValueInfo('n', 'int64', ['N']),
    ],
    outputs: [tensorValueInfo('sum', 'float32', ['N', 2]), tensorValueInfo('count', 'int64', ['N'])],
  });
}

/** Outputs without common rows: `total`, a scalar, and `y` = x, float32 [N]. */
export function totalModel(): Uint8Array<ArrayBuffer> {
  return modelOf({
    nodes: [
      { opType: 'ReduceSum', inputs: ['x'], outputs: ['row'] },
      { opType: 'Squeeze', inputs: ['row'], outputs: ['total'] },
      { opType: 'Identity', inputs: ['x'], outputs: ['y'] },
    ],
    inputs: [tensorValueInfo('x', 'float32', ['N'])],
    outputs: [tensorValueInfo('total', 'float32', []), tensorValueInfo('y', 'float32', ['N'])],
  });
}

/** One text in, out twice: as text in `text`, and in `raw_bytes`, which TensorFlow Serving answers in base64. */
export function bytesModel(): Uint8Array<ArrayBuffer> {
  return modelOf({
    nodes: [
      { opType: 'Identity', inputs: ['x'], outputs: ['text'] },
      { opType: 'Identity', inputs: ['x'], outputs: ['raw_bytes'] },
    ],
    inputs: [tensorValueInfo('x', 'string', ['N'])],
    outputs: [tensorValueInfo('text', 'string', ['N']), tensorValueInfo('raw_bytes', 'string', ['N'])],
  });
}

/** scores = x, float32 [N,3]; with class names in the manifest. */
export function scoresModel(): Uint8Array<ArrayBuffer> {
  return modelOf({
    nodes: [{ opType: 'Identity', inputs: ['x'], outputs: ['scores'] }],
    inputs: [tensorValueInfo('x', 'float32', ['N', 3])],
    outputs: [tensorValueInfo('scores', 'float32', ['N', 3])],
  });
}
