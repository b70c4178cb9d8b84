// The body of a `:classify` or `:regress` call: a list of examples, each a set of named features, and features common to
// all of them. TensorFlow Serving hands serialised Examples to the model; ONNX models take tensors, so here the features
// of one name are stacked to the input of that name.
// Source: tensorflow/serving, tensorflow_serving/util/json_tensor.cc; tensorflow/tensorflow, core/example/feature.proto.
import { AmaasError, type Signature, type Tensor, type TensorSpec } from '@amaas/core';
import { isJsonList, isJsonObject, type JsonValue, PackedNumbers, packedNumberAt } from '../json/index.ts';
import { type Feature, readFeature, stackFeatures } from './features.ts';
import { describeJsonType } from './quote-value.ts';
import { chooseSignature, formatError, parseRequest } from './request-document.ts';

/** A decoded `:classify` or `:regress` body; plain data that can be sent to another thread. */
export interface ExamplesRequest {
  /** Name of the signature called. */
  readonly signature: string;
  readonly exampleCount: number;
  readonly inputs: Map<string, Tensor>;
}

type Example = ReadonlyMap<string, Feature>;

/**
 * Decodes the body of a `:classify` or `:regress` call (`method`) on a model with these signatures.
 * Features the signature has no input for are ignored, as TensorFlow ignores what its parsing specification leaves out.
 * @throws MALFORMED_REQUEST, UNKNOWN_SIGNATURE, INPUT_MISMATCH, UNSUPPORTED_TENSOR
 */
export function decodeExamples(
  method: 'classify' | 'regress',
  body: Uint8Array,
  signatures: ReadonlyMap<string, Signature>,
): ExamplesRequest {
  const document = parseRequest(body);
  const { name, signature } = chooseSignature(document, signatures);
  if (signature.method !== method) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `Expected signature "${name}" to have method_name tensorflow/serving/${method}. Was: tensorflow/serving/${signature.method}`,
    );
  }
  const context = document.get('context');
  const common = context === undefined ? new Map<string, Feature>() : readExample(context);
  const listed = document.get('examples');
  if (listed === undefined) {
    throw formatError(document, `When method is ${method}, key 'examples' is expected and was not found`);
  }
  if (!isJsonList(listed)) throw formatError(document, "Expecting 'examples' value to be a list/array");
  if (listed instanceof PackedNumbers) throw notAnExample(listed.shape.length > 1 ? [] : packedNumberAt(listed, 0));
  if (listed.length === 0) throw formatError(document, "'examples' value is an empty array");
  const examples = listed.map((value) => new Map([...common, ...readExample(value)]));
  return { signature: name, exampleCount: examples.length, inputs: stackInputs(examples, signature.inputs) };
}

function readExample(value: JsonValue): Example {
  if (!isJsonObject(value)) throw notAnExample(value);
  const example = new Map<string, Feature>();
  for (const [name, content] of value) example.set(name, readFeature(name, content));
  return example;
}

function notAnExample(value: JsonValue): AmaasError {
  return new AmaasError('MALFORMED_REQUEST', `Example must be JSON object but got JSON ${describeJsonType(value)}`);
}

function stackInputs(examples: readonly Example[], specs: readonly TensorSpec[]): Map<string, Tensor> {
  const inputs = new Map<string, Tensor>();
  for (const spec of specs) {
    if (spec.optional && !examples.some((example) => example.has(spec.name))) continue;
    const column = examples.map((example, index) => {
      const feature = example.get(spec.name);
      if (feature !== undefined) return feature;
      throw new AmaasError(
        'INPUT_MISMATCH',
        `Feature: ${spec.name} is required but could not be found in example ${index}.`,
      );
    });
    inputs.set(spec.name, stackFeatures(column, spec));
  }
  return inputs;
}
