// Features of examples: flat lists of integers, decimals or bytes, and how those of one name become a tensor.
// Source: tensorflow/tensorflow, tensorflow/core/example/feature.proto; tensorflow/serving, util/json_tensor.cc.
import { AmaasError, type DType, elementCount, formatSpec, type Tensor, type TensorSpec } from '@amaas/core';
import {
  isJsonArray,
  isJsonObject,
  JsonNumber,
  type JsonObject,
  type JsonValue,
  PackedNumbers,
  packedNumberAt,
} from '../json/index.ts';
import { isBase64Object } from './base64-object.ts';
import { describeDataType } from './data-types.ts';
import { createSink, typeError } from './element-sinks.ts';
import { describeJsonType, quoteValue } from './quote-value.ts';

/** An element of a feature: a number (a boolean counts as 0 or 1), text, or a base64 object. */
type FeatureValue = JsonNumber | string | JsonObject;

export interface Feature {
  /** TensorFlow's three kinds of feature. */
  readonly kind: 'int64' | 'float' | 'bytes';
  readonly values: readonly FeatureValue[];
}

/**
 * Reads one feature of an example: a value or a flat list of values of one kind. (A list of numbers counts as decimals when
 * one of them is: which one is not recorded.)
 * @throws INPUT_MISMATCH
 */
export function readFeature(name: string, content: JsonValue): Feature {
  const values = listElements(name, content).map((element) => readElement(name, element));
  const kind = values[0] === undefined ? 'float' : kindOf(values[0]);
  if (values.some((value) => kindOf(value) !== kind)) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `Unexpected element type in feature: ${name.slice(0, 256)} expecting type: ${kind}`,
    );
  }
  return { kind, values };
}

function listElements(name: string, content: JsonValue): readonly JsonValue[] {
  if (!(content instanceof PackedNumbers)) return isJsonArray(content) ? content : [content];
  if (content.shape.length > 1) throw unexpectedType(name, 'Array');
  return Array.from(content.values, (_, index) => packedNumberAt(content, index));
}

function readElement(name: string, element: JsonValue): FeatureValue {
  if (typeof element === 'boolean') return new JsonNumber(element ? 1 : 0, true, null);
  if (typeof element === 'string' || (isJsonObject(element) && isBase64Object(element))) return element;
  if (!(element instanceof JsonNumber)) throw unexpectedType(name, describeJsonType(element));
  if (element.exact !== null && BigInt.asIntN(64, element.exact) !== element.exact) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `Feature: ${name.slice(0, 256)} has uint64 element. Only int64 is supported.`,
    );
  }
  return element;
}

function unexpectedType(name: string, type: string): AmaasError {
  return new AmaasError(
    'INPUT_MISMATCH',
    `Feature: ${name.slice(0, 256)} has element with unexpected JSON type: ${type}`,
  );
}

function kindOf(value: FeatureValue): Feature['kind'] {
  if (!(value instanceof JsonNumber)) return 'bytes';
  return value.isInteger ? 'int64' : 'float';
}

/**
 * Stacks one feature of all examples along axis 0 to the tensor of an input: the values of an example fill its other axes.
 * Numbers change their kind only where nothing is lost by it.
 * @throws INPUT_MISMATCH, UNSUPPORTED_TENSOR
 */
export function stackFeatures(features: readonly Feature[], spec: TensorSpec): Tensor {
  const valueCount = features[0]?.values.length ?? 0;
  for (const [index, feature] of features.entries()) {
    if (feature.values.length !== valueCount) {
      throw new AmaasError(
        'INPUT_MISMATCH',
        `Feature: ${spec.name} has ${feature.values.length} values in example ${index}, expected ${valueCount} as in example 0.`,
      );
    }
  }
  const shape = fitShape(spec, features.length, valueCount);
  const sink = createSink(spec.dtype, elementCount(shape), features[0]?.values[0] ?? null);
  for (const [example, feature] of features.entries()) {
    for (const [index, value] of feature.values.entries()) {
      try {
        sink.put(convert(value, spec.dtype), example * valueCount + index);
      } catch (thrown) {
        if (!(thrown instanceof AmaasError)) throw thrown;
        throw new AmaasError(thrown.reason, `Feature: ${spec.name} of example ${example}: ${thrown.message}`);
      }
    }
  }
  // The sink was made for this dtype, so its data is that dtype's array.
  return { dtype: spec.dtype, shape, data: sink.data } as Tensor;
}

/** The shape an input's declaration leaves for so many examples of so many values. */
function fitShape(spec: TensorSpec, exampleCount: number, valueCount: number): readonly number[] {
  if (spec.shape === null) return [exampleCount, valueCount];
  if (spec.shape.length === 0 && exampleCount === 1 && valueCount === 1) return [];
  const inner = spec.shape.slice(1);
  const known = inner.reduce<number>((product, dim) => (typeof dim === 'number' ? product * dim : product), 1);
  const unknownCount = inner.filter((dim) => typeof dim !== 'number').length;
  const missing = known === 0 ? 0 : valueCount / known;
  const fits = unknownCount === 0 ? known === valueCount : unknownCount === 1 && Number.isInteger(missing);
  if (spec.shape.length === 0 || !fits || (known === 0 && valueCount > 0)) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `Feature: ${spec.name} has ${valueCount} values per example, which do not fit the input's ${formatSpec(spec)}.`,
    );
  }
  return [exampleCount, ...inner.map((dim) => (typeof dim === 'number' ? dim : missing))];
}

/** A value as the strict sink of a dtype takes it, changed in kind where nothing is lost. */
function convert(value: FeatureValue, dtype: DType): JsonValue {
  if (!(value instanceof JsonNumber)) return value;
  if (dtype === 'bool') {
    if (value.value !== 0 && value.value !== 1) throw typeError(value, dtype);
    return value.value === 1;
  }
  if (dtype !== 'float32' && dtype !== 'float64') {
    return Number.isSafeInteger(value.value) ? new JsonNumber(value.value, true, value.exact) : value;
  }
  const stored = dtype === 'float32' ? Math.fround(value.value) : value.value;
  const isLossless = value.exact === null ? stored === value.value : BigInt(stored) === value.exact;
  if (value.isInteger && !isLossless) {
    throw new AmaasError(
      'INPUT_MISMATCH',
      `Cannot convert JSON value: ${quoteValue(value)} to ${describeDataType(dtype)} without loss of precision.`,
    );
  }
  return value;
}
