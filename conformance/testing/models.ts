// The small models of the conformance tests, each with an answer one can work out by hand.
import {
  graph,
  initializer,
  model,
  type OnnxShape,
  type OnnxType,
  tensorInfo,
} from '../../packages/engines/ort-node/src/testing/onnx-writer.ts';

export {
  defaultInputModel,
  identityModel,
  layerModel,
  loopModel,
  namesModel,
} from '../../packages/engines/ort-node/src/testing/models.ts';

/** Triton's example model: OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 − INPUT1, all INT32 [N,4]. */
export function addSubModel(): Uint8Array {
  const tensor = (name: string) => tensorInfo(name, 'int32', ['N', 4]);
  return model({
    nodes: [
      { op: 'Add', inputs: ['INPUT0', 'INPUT1'], outputs: ['OUTPUT0'] },
      { op: 'Sub', inputs: ['INPUT0', 'INPUT1'], outputs: ['OUTPUT1'] },
    ],
    inputs: [tensor('INPUT0'), tensor('INPUT1')],
    outputs: [tensor('OUTPUT0'), tensor('OUTPUT1')],
  });
}

/** Every dtype the runtime's binding carries, as `in_<dtype>` → `out_<dtype>`, unchanged. */
export const CARRIED_DTYPES: readonly OnnxType[] = [
  'bool',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'float32',
  'float64',
  'string',
];

/** Gives back what it gets, in every dtype of {@link CARRIED_DTYPES}. */
export function allTypesModel(shape: OnnxShape): Uint8Array {
  return model(
    {
      nodes: CARRIED_DTYPES.map((type) => ({ op: 'Identity', inputs: [`in_${type}`], outputs: [`out_${type}`] })),
      inputs: CARRIED_DTYPES.map((type) => tensorInfo(`in_${type}`, type, shape)),
      outputs: CARRIED_DTYPES.map((type) => tensorInfo(`out_${type}`, type, shape)),
    },
    { opset: 19 },
  );
}

/** y = x + `bias`, float32 [N,2]: which version answered can be read off the reply. */
export function biasModel(bias: number): Uint8Array {
  return model({
    nodes: [{ op: 'Add', inputs: ['x', 'bias'], outputs: ['y'] }],
    initializers: [initializer('bias', 'float32', [1], Float32Array.of(bias))],
    inputs: [tensorInfo('x', 'float32', ['N', 2])],
    outputs: [tensorInfo('y', 'float32', ['N', 2])],
  });
}

/** A Loop without an end, whatever it is given. */
export function endlessModel(): Uint8Array {
  const body = graph({
    nodes: [
      { op: 'Identity', inputs: ['go'], outputs: ['goOn'] },
      { op: 'Identity', inputs: ['v'], outputs: ['same'] },
    ],
    inputs: [tensorInfo('i', 'int64', []), tensorInfo('go', 'bool', []), tensorInfo('v', 'float32', [1])],
    outputs: [tensorInfo('goOn', 'bool', []), tensorInfo('same', 'float32', [1])],
  });
  return model({
    nodes: [{ op: 'Loop', inputs: ['', 'yes', 'x'], outputs: ['y'], attributes: [{ name: 'body', graph: body }] }],
    initializers: [initializer('yes', 'bool', [], Uint8Array.of(1))],
    inputs: [tensorInfo('x', 'float32', [1])],
    outputs: [tensorInfo('y', 'float32', [1])],
  });
}

export { graph, initializer, model, tensorInfo };
