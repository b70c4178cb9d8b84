// ONNX's own backend tests through the server: whatever ONNX Runtime alone passes must pass when deployed and asked over
// the Open Inference Protocol, in JSON and in binary. ONNX Runtime, run right here, says which those are.
// Source: onnx/onnx v1.22.0, onnx/backend/test/data; tolerances of onnx/backend/test/runner.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tensorFromProto } from '@amaas/learn/onnx';
import { type Tensor, tensorBytes, TYPED_ARRAYS } from '@amaas/core';
import * as ort from 'onnxruntime-node';
import { readTarGz } from '../packages/learn/src/onnx/testing/tar.ts';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';
import { binaryBody, frameBytes, type InferReply, outputOf, readInferReply } from './testing/oip-body.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';

/** Archives and how many of their tests ONNX Runtime 1.30 passes by itself, as the data's README says. */
const SUITES = [
  { archive: 'onnx/onnx_backend_simple_v1.22.0.tar.gz', tests: 23, passedByRuntime: 17 },
  { archive: 'onnx/onnx_backend_pytorch-operator_v1.22.0.tar.gz', tests: 34, passedByRuntime: 23 },
] as const;

const RELATIVE_TOLERANCE = 1e-3;
const ABSOLUTE_TOLERANCE = 1e-7;

interface BackendTest {
  readonly name: string;
  readonly model: Uint8Array;
  readonly sets: readonly { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] }[];
}

/** The datatypes of these tests by the names of the protocol. */
const DATATYPES: Readonly<Record<string, string>> = {
  float32: 'FP32',
  float64: 'FP64',
  int64: 'INT64',
  string: 'BYTES',
};

let server: TestServer;

before(async () => {
  server = await startTestServer();
});

after(() => server.stop());

for (const suite of SUITES) {
  test(`what ONNX Runtime passes of ${suite.archive} passes through the server`, {
    skip: skipWithoutSharedData(suite.archive),
  }, async (t) => {
    const tests = readBackendTests(sharedDataPath(suite.archive));
    assert.equal(tests.length, suite.tests);
    const passed: BackendTest[] = [];
    for (const backendTest of tests) if (await passesAlone(backendTest)) passed.push(backendTest);
    assert.equal(passed.length, suite.passedByRuntime, 'the oracle itself must pass what it is known to pass');
    // Two at a time: each deployment starts a process.
    const queue = passed.values();
    const workers = Array.from({ length: 2 }, async () => {
      for (const backendTest of queue) {
        await t.test(`${backendTest.name} in JSON and binary`, () => passesThroughServer(backendTest));
      }
    });
    await Promise.all(workers);
  });
}

function readBackendTests(path: string): readonly BackendTest[] {
  const files = readTarGz(path);
  const tests: BackendTest[] = [];
  for (const [modelPath, model] of files) {
    if (!modelPath.endsWith('/model.onnx')) continue;
    const folder = modelPath.slice(0, -'/model.onnx'.length);
    const sets = [];
    for (let set = 0; ; set++) {
      const read = (kind: string): readonly Tensor[] => {
        const tensors: Tensor[] = [];
        for (let index = 0; ; index++) {
          const bytes = files.get(`${folder}/test_data_set_${set}/${kind}_${index}.pb`);
          if (bytes === undefined) return tensors;
          tensors.push(tensorFromProto(bytes).tensor);
        }
      };
      const outputs = read('output');
      if (outputs.length === 0) break;
      sets.push({ inputs: read('input'), outputs });
    }
    assert.ok(sets.length > 0, folder);
    tests.push({ name: folder.slice(folder.lastIndexOf('/') + 1), model, sets });
  }
  return tests;
}

async function passesAlone({ model, sets }: BackendTest): Promise<boolean> {
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
  } catch {
    return false;
  }
  try {
    for (const { inputs, outputs } of sets) {
      const feeds = Object.fromEntries(session.inputNames.map((name, index) => [name, toOrt(inputs[index])]));
      const results = await session.run(feeds);
      for (const [index, name] of session.outputNames.entries()) {
        const result = results[name];
        const values: readonly unknown[] = result === undefined ? [] : Array.from(result.data as ArrayLike<unknown>); // tensors of numbers or strings
        assertClose(name, { shape: result?.dims ?? [], values }, outputs[index]);
      }
    }
    return true;
  } catch (error) {
    if (error instanceof assert.AssertionError || error instanceof Error) return false;
    throw error;
  } finally {
    await session.release();
  }
}

function toOrt(tensor: Tensor | undefined): ort.Tensor {
  assert.ok(tensor !== undefined);
  if (tensor.dtype === 'string') return new ort.Tensor('string', texts(tensor.data), tensor.shape);
  // The four dtypes of these tests have the same names and arrays there.
  return new ort.Tensor(tensor.dtype as 'float32', tensor.data as Float32Array, tensor.shape);
}

function texts(elements: readonly Uint8Array[]): string[] {
  return elements.map((element) => Buffer.from(element).toString('utf8'));
}

async function passesThroughServer({ name, model, sets }: BackendTest): Promise<void> {
  const deployed = name.replaceAll('_', '-');
  await server.deploy(deployed, model);
  const metadata = (await (await server.request(`/v2/models/${deployed}`)).json()) as {
    readonly inputs: readonly { readonly name: string }[];
    readonly outputs: readonly { readonly name: string }[];
  };
  for (const { inputs, outputs } of sets) {
    assert.equal(metadata.inputs.length, inputs.length);
    const named = metadata.inputs.map((input, index) => ({ name: input.name, tensor: given(inputs[index]) }));
    const names = metadata.outputs.map((output) => output.name);
    checkReply(await inferJson(deployed, named), names, outputs);
    checkReply(await inferBinary(deployed, named), names, outputs);
  }
}

function given(tensor: Tensor | undefined): Tensor {
  assert.ok(tensor !== undefined);
  return tensor;
}

type Named = readonly { readonly name: string; readonly tensor: Tensor }[];

async function inferJson(model: string, inputs: Named): Promise<InferReply> {
  const entries = inputs.map(({ name, tensor }) => {
    const values =
      tensor.dtype === 'string' ? texts(tensor.data).map((text) => JSON.stringify(text)) : [...tensor.data];
    const open = `{"name":${JSON.stringify(name)},"datatype":"${DATATYPES[tensor.dtype]}"`;
    return `${open},"shape":[${tensor.shape.join(',')}],"data":[${values.join(',')}]}`;
  });
  const body = `{"inputs":[${entries.join(',')}]}`;
  return readInferReply(await server.request(`/v2/models/${model}/infer`, { method: 'POST', body }));
}

async function inferBinary(model: string, inputs: Named): Promise<InferReply> {
  const parts = inputs.map(({ tensor }) =>
    tensor.dtype === 'string' ? frameBytes(...tensor.data) : tensorBytes(tensor),
  );
  const header = {
    inputs: inputs.map(({ name, tensor }, index) => ({
      name,
      datatype: DATATYPES[tensor.dtype],
      shape: tensor.shape,
      parameters: { binary_data_size: parts[index]?.byteLength },
    })),
    parameters: { binary_data_output: true },
  };
  const { body, headers } = binaryBody(header, ...parts);
  return readInferReply(await server.request(`/v2/models/${model}/infer`, { method: 'POST', body, headers }));
}

function checkReply(reply: InferReply, names: readonly string[], expected: readonly Tensor[]): void {
  for (const [index, name] of names.entries()) {
    const { datatype, shape, data, bytes } = outputOf(reply, name);
    const tensor = given(expected[index]);
    assert.equal(datatype, DATATYPES[tensor.dtype], name);
    const values = data ?? valuesOf(tensor, bytes ?? new Uint8Array(0));
    assertClose(name, { shape, values }, tensor);
  }
}

/** Elements of a binary output, by the dtype that is expected of it. */
function valuesOf(tensor: Tensor, bytes: Uint8Array<ArrayBuffer>): readonly unknown[] {
  if (tensor.dtype !== 'string') {
    const TypedArray = TYPED_ARRAYS[tensor.dtype];
    return [...new TypedArray(bytes.buffer, 0, bytes.byteLength / TypedArray.BYTES_PER_ELEMENT)];
  }
  const elements: string[] = [];
  for (let offset = 0; offset < bytes.byteLength; ) {
    const length = new DataView(bytes.buffer).getUint32(offset, true);
    elements.push(Buffer.from(bytes.subarray(offset + 4, offset + 4 + length)).toString('utf8'));
    offset += 4 + length;
  }
  return elements;
}

function assertClose(
  name: string,
  actual: { readonly shape: readonly number[]; readonly values: readonly unknown[] },
  expected: Tensor | undefined,
): void {
  assert.ok(expected !== undefined, name);
  assert.deepEqual(actual.shape, expected.shape, name);
  const wanted: readonly unknown[] = expected.dtype === 'string' ? texts(expected.data) : [...expected.data];
  assert.equal(actual.values.length, wanted.length, name);
  for (const [index, value] of wanted.entries()) {
    const got = actual.values[index];
    if (typeof value === 'string') assert.equal(got, value, `${name}[${index}]`);
    else {
      const difference = Math.abs(Number(got) - Number(value));
      const isClose =
        Object.is(Number(got), Number(value)) ||
        difference <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * Math.abs(Number(value));
      assert.ok(isClose, `${name}[${index}]: expected ${value}, got ${got}`);
    }
  }
}
