// The body of a `:predict` call: tensors by input name from `instances` (one value or object per row) or `inputs` (one
// value or object for all). Knows the signature it is for, but leaves shapes to whoever runs the model.
// Source: tensorflow/serving, tensorflow_serving/util/json_tensor.cc.
import { AmaasError, type DType, type Signature, type Tensor, type TensorSpec } from '@amaas/core';
import { isJsonList, isJsonObject, type JsonObject, type JsonValue, PackedNumbers } from '../json/index.ts';
import { isBase64Object } from './base64-object.ts';
import { chooseSignature, formatError, parseRequest } from './request-document.ts';
import { quoteValue } from './quote-value.ts';
import { firstLeaf, stackValues, tensorFromValue } from './tensors-from-json.ts';

/** `row`: the request had `instances`, the reply has `predictions`; `column`: `inputs` and `outputs`. */
export type PredictFormat = 'row' | 'column';

/** A decoded `:predict` body; plain data that can be sent to another thread. */
export interface PredictRequest {
  /** Name of the signature called. */
  readonly signature: string;
  readonly format: PredictFormat;
  readonly inputs: Map<string, Tensor>;
}

/** Inputs that may come as strings, whatever the signature says. */
export interface StringInputs {
  /** As `{"b64": …}` alone: pictures, say, that are decoded later. */
  readonly encoded: ReadonlySet<string>;
  /** As plain texts too, which become ids later. */
  readonly texts: ReadonlySet<string>;
}

const NO_INPUTS: StringInputs = { encoded: new Set(), texts: new Set() };

/**
 * Decodes the body of a `:predict` call on a model with these signatures. An input named in `stringInputs` becomes a tensor
 * of strings where the caller gives such values for it.
 * @throws MALFORMED_REQUEST, UNKNOWN_SIGNATURE, INPUT_MISMATCH, INVALID_SHAPE, UNSUPPORTED_TENSOR
 */
export function decodePredict(
  body: Uint8Array,
  signatures: ReadonlyMap<string, Signature>,
  stringInputs: StringInputs = NO_INPUTS,
): PredictRequest {
  const document = parseRequest(body);
  const { name, signature } = chooseSignature(document, signatures);
  if (signature.inputs.length === 0) {
    throw new AmaasError('INPUT_MISMATCH', `Failed to get input map for signature: ${name}`);
  }
  const instances = document.get('instances');
  const inputs = document.get('inputs');
  if (instances !== undefined && inputs !== undefined) {
    throw formatError(document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist");
  }
  if (instances !== undefined) {
    if (!isJsonList(instances)) throw formatError(document, "Expecting 'instances' to be a list/array");
    return {
      signature: name,
      format: 'row',
      inputs: decodeInstances(instances, { document, specs: signature.inputs, stringInputs }),
    };
  }
  if (inputs === undefined) throw new AmaasError('MALFORMED_REQUEST', "Missing 'inputs' or 'instances' key");
  return { signature: name, format: 'column', inputs: decodeInputs(inputs, signature.inputs, stringInputs) };
}

interface RowContext {
  readonly document: JsonObject;
  readonly specs: readonly TensorSpec[];
  readonly stringInputs: StringInputs;
}

/** The dtype that the values of an input are read as; the first one decides. */
function dtypeOf({ name, dtype }: TensorSpec, value: JsonValue, { encoded, texts }: StringInputs): DType {
  if (!encoded.has(name) && !texts.has(name)) return dtype;
  const leaf = firstLeaf(value);
  return isBase64Object(leaf) || (typeof leaf === 'string' && texts.has(name)) ? 'string' : dtype;
}

function decodeInstances(
  instances: PackedNumbers | readonly JsonValue[],
  { document, specs, stringInputs }: RowContext,
): Map<string, Tensor> {
  const onlyInput = soleInput(specs);
  if (instances instanceof PackedNumbers) {
    // A nest of numbers that is rectangular is the tensor already.
    const input = onlyInput ?? refusePlainInstances();
    return new Map([[input.name, decodePackedInstances(instances, input)]]);
  }
  const [firstInstance] = instances;
  if (firstInstance === undefined) throw formatError(document, "No values in 'instances' array");
  if (isNamedValues(firstInstance)) return decodeNamedInstances(firstInstance, instances, { specs, stringInputs });
  const input = onlyInput ?? refusePlainInstances();
  const withNames = instances.findIndex(isNamedValues);
  if (withNames >= 0) {
    throw new AmaasError('INPUT_MISMATCH', `Expecting value/list but got object at item ${withNames} of input list`);
  }
  return new Map([[input.name, stackValues(instances, dtypeOf(input, firstInstance, stringInputs), failedElement)]]);
}

function decodePackedInstances(instances: PackedNumbers, input: TensorSpec): Tensor {
  try {
    return tensorFromValue(instances, input.dtype);
  } catch (thrown) {
    const element = thrown instanceof AmaasError ? thrown.details['element'] : undefined;
    const rowSize = instances.values.length / (instances.shape[0] ?? 1);
    throw failedElement(typeof element === 'number' ? Math.floor(element / rowSize) : 0, thrown);
  }
}

/** Instances that are objects of one value per input; an input that may be left out is in all of them or in none. */
function decodeNamedInstances(
  first: JsonObject,
  instances: readonly JsonValue[],
  { specs, stringInputs }: Omit<RowContext, 'document'>,
): Map<string, Tensor> {
  const columns = specs
    .filter((spec) => !spec.optional || first.has(spec.name))
    .map((spec): { readonly spec: TensorSpec; readonly values: JsonValue[] } => ({ spec, values: [] }));
  for (const [index, instance] of instances.entries()) {
    if (!isNamedValues(instance)) {
      throw new AmaasError('INPUT_MISMATCH', `Expecting object but got list at item ${index} of input list`);
    }
    for (const { spec, values } of columns) {
      const value = instance.get(spec.name);
      if (value === undefined) throw wrongKeys(index, instance, specs);
      values.push(value);
    }
    if (instance.size !== columns.length) throw wrongKeys(index, instance, specs);
  }
  return new Map(
    columns.map(({ spec, values }) => [
      spec.name,
      stackValues(values, dtypeOf(spec, values[0] ?? null, stringInputs), (index, thrown) =>
        failedElement(index, thrown, spec.name),
      ),
    ]),
  );
}

function wrongKeys(index: number, instance: JsonObject, specs: readonly TensorSpec[]): unknown {
  const known = new Set(specs.map((spec) => spec.name));
  const unknown = [...instance.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) {
    const complaint = `JSON object: does not have named input: ${unknown.slice(0, 256)}`;
    return failedElement(index, new AmaasError('INPUT_MISMATCH', complaint), unknown);
  }
  const missing = [...known].find((name) => !instance.has(name));
  const hint = missing === undefined ? '' : `; "${missing.slice(0, 256)}" is missing: null where there is no value`;
  return new AmaasError(
    'INPUT_MISMATCH',
    `Failed to process element: ${index} of 'instances' list. JSON object: ${quoteValue(instance)} keys must be equal to: ${[...known].join(',')}${hint}`,
  );
}

function decodeInputs(
  inputs: JsonValue,
  specs: readonly TensorSpec[],
  stringInputs: StringInputs,
): Map<string, Tensor> {
  if (!isNamedValues(inputs)) {
    const input = soleInput(specs);
    if (input === null) {
      throw new AmaasError(
        'INPUT_MISMATCH',
        'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
      );
    }
    return new Map([[input.name, tensorFromValue(inputs, dtypeOf(input, inputs, stringInputs))]]);
  }
  const tensors = new Map<string, Tensor>();
  for (const spec of specs) {
    const value = inputs.get(spec.name);
    if (value !== undefined) tensors.set(spec.name, tensorFromValue(value, dtypeOf(spec, value, stringInputs)));
    else if (!spec.optional) {
      throw new AmaasError('INPUT_MISMATCH', `Missing named input: ${spec.name} in 'inputs' object.`);
    }
  }
  return tensors;
}

/** The input a value without a name is for: the only one, or the only one that may not be left out. */
function soleInput(specs: readonly TensorSpec[]): TensorSpec | null {
  const required = specs.filter((spec) => !spec.optional);
  const candidates = required.length > 0 ? required : specs;
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}

/** Whether a value gives values by input name; `{"b64": …}` is a value itself. */
function isNamedValues(value: JsonValue): value is JsonObject {
  return isJsonObject(value) && !isBase64Object(value);
}

function refusePlainInstances(): never {
  throw new AmaasError(
    'INPUT_MISMATCH',
    'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
  );
}

/** The error of one instance, with where it happened; anything but an AmaasError passes unchanged. */
function failedElement(index: number, thrown: unknown, key?: string): unknown {
  if (!(thrown instanceof AmaasError)) return thrown;
  const where = key === undefined ? `${index}` : `${index} key: ${key.slice(0, 256)}`;
  return new AmaasError(
    thrown.reason,
    `Failed to process element: ${where} of 'instances' list. Error: ${thrown.code}: ${thrown.message}`,
  );
}
