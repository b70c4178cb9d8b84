import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { AmaasError, type NamedTensors, type TensorSpec } from '@amaas/core';
import {
  decodeInferRequest,
  encodeInferReply,
  encodeModelMetadata,
  encodeOipError,
  parseHeaderLength,
} from '@amaas/protocols/oip';
import { createClient } from './client.ts';
import { tensorToNested } from './nested.ts';
import { type Answer, type Asked, startTestServer } from './testing/http-server.ts';

/** A server of one model that speaks the real protocol: y = 2x (float32 [N,3]) and the ids as they came (int64). */
async function startModel(t: TestContext, inputs: readonly TensorSpec[] = specs) {
  const server = await startTestServer(t, (asked) => answer(asked, inputs));
  return { server, client: createClient({ url: server.url, apiKey: 'k', retry: { maxAttempts: 1 } }) };
}

const specs: readonly TensorSpec[] = [
  { name: 'x', dtype: 'float32', shape: ['N', 3] },
  { name: 'ids', dtype: 'int64', shape: ['N'], optional: true },
];

function answer({ path, headers, body }: Asked, inputs: readonly TensorSpec[]): Answer {
  if (!path.startsWith('/v2/models/doubler%3Acanary')) {
    const { status, body: text } = encodeOipError(new AmaasError('MODEL_NOT_FOUND', 'no such model'));
    return { status, body: text };
  }
  if (!path.endsWith('/infer')) {
    return { status: 200, body: encodeModelMetadata({ name: 'doubler', versions: ['3', '7'], inputs, outputs: [] }) };
  }
  const headerLength = parseHeaderLength(headers['inference-header-content-length'] as string | undefined, body.length);
  const request = decodeInferRequest(body, headerLength, 'doubler');
  const reply = encodeInferReply({
    model: 'doubler',
    version: '7',
    id: null,
    outputs: double(request.inputs),
    requested: request.requestedOutputs,
    binaryDefault: request.binaryOutputDefault,
  });
  return {
    status: 200,
    headers: {
      'content-type': reply.contentType,
      ...(reply.headerLength === null ? {} : { 'inference-header-content-length': String(reply.headerLength) }),
    },
    body: Buffer.concat(reply.parts),
  };
}

function double(inputs: NamedTensors): NamedTensors {
  const outputs = new Map(inputs);
  const x = inputs.get('x');
  assert.ok(x?.dtype === 'float32');
  outputs.set('y', { ...x, data: x.data.map((value) => value * 2) });
  outputs.delete('x');
  return outputs;
}

test('infer sends plain values with the dtypes of the metadata, which it asks for once', async (t) => {
  const { server, client } = await startModel(t);
  for (const _ of [1, 2]) {
    const result = await client.infer('doubler:canary', { x: [[0.5, 1, -3]], ids: [9007199254740993n] });
    assert.deepEqual([result.model, result.version], ['doubler', 7]);
    const shown = [...result.outputs].map(([name, tensor]) => [name, tensor.dtype, tensorToNested(tensor)]);
    assert.deepEqual(shown.sort(), [
      ['ids', 'int64', [9007199254740993n]],
      ['y', 'float32', [[1, 2, -6]]],
    ]);
  }
  assert.deepEqual(
    server.asked.map((asked) => `${asked.method} ${asked.path}`),
    [
      'GET /v2/models/doubler%3Acanary',
      'POST /v2/models/doubler%3Acanary/infer',
      'POST /v2/models/doubler%3Acanary/infer',
    ],
  );
});

test('infer sends tensors as they are without asking for metadata', async (t) => {
  const { server, client } = await startModel(t);
  const x = { dtype: 'float32', shape: [1, 3], data: Float32Array.of(1, 2, 4) } as const;
  const byMap = await client.infer('doubler:canary', new Map([['x', x]]));
  const byObject = await client.infer('doubler:canary', { x });
  for (const { outputs } of [byMap, byObject]) assert.deepEqual(outputs.get('y')?.data, Float32Array.of(2, 4, 8));
  assert.equal(server.asked.length, 2);
});

test('infer without binary sends and reads JSON', async (t) => {
  const { server, client } = await startModel(t);
  const x = { dtype: 'float32', shape: [1, 3], data: Float32Array.of(0.1, 2, 4) } as const;
  const { outputs } = await client.infer('doubler:canary', { x }, { binary: false, outputs: ['y'] });
  assert.deepEqual(outputs.get('y')?.data, Float32Array.of(0.2, 4, 8));
  const [asked] = server.asked;
  assert.equal(asked?.headers['content-type'], 'application/json');
  assert.deepEqual(JSON.parse(String(asked?.body)).inputs[0].data, [0.1, 2, 4]);
});

test('infer passes priority and queueTimeoutMs on', async (t) => {
  const { server, client } = await startModel(t);
  const x = { dtype: 'float32', shape: [1, 3], data: new Float32Array(3) } as const;
  await client.infer('doubler:canary', { x }, { binary: false, priority: 2, queueTimeoutMs: 1.5 });
  assert.deepEqual(JSON.parse(String(server.asked[0]?.body)).parameters, { priority: 2, timeout: 1500 });
});

test('infer asks for the metadata again after a refusal', async (t) => {
  let inputs: readonly TensorSpec[] = [{ name: 'x', dtype: 'int64', shape: [1, 3] }];
  const server = await startTestServer(t, (asked) => {
    if (asked.path.endsWith('/infer') && inputs !== specs) {
      inputs = specs; // the model was replaced meanwhile
      return { status: 400, body: { error: 'input "x" expects float32' } };
    }
    return answer(asked, inputs);
  });
  const client = createClient({ url: server.url, apiKey: 'k' });
  await assert.rejects(client.infer('doubler:canary', { x: [[1, 2, 3]] }), { reason: 'INVALID_ARGUMENT' });
  const { outputs } = await client.infer('doubler:canary', { x: [[1, 2, 3]] });
  assert.deepEqual(outputs.get('y')?.data, Float32Array.of(2, 4, 6));
});

test('metadata reads names, dtypes and shapes, and refuses what is none', async (t) => {
  const { client } = await startModel(t);
  assert.deepEqual(await client.metadata('doubler:canary'), {
    name: 'doubler',
    versions: [3, 7],
    platform: 'onnx_onnxv1',
    inputs: [
      { name: 'x', dtype: 'float32', shape: [null, 3] },
      { name: 'ids', dtype: 'int64', shape: [null] },
    ],
    outputs: [],
  });
  await assert.rejects(client.metadata('other'), { reason: 'MODEL_NOT_FOUND', message: 'no such model' });
  const broken = await startTestServer(t, () => ({ status: 200, body: { name: 'm', inputs: [{ name: 'x' }] } }));
  await assert.rejects(createClient({ url: broken.url }).metadata('m'), { reason: 'TRANSPORT_FAILED' });
});

test('infer reports a reply that cannot be read', async (t) => {
  const server = await startTestServer(t, () => ({ status: 200, body: { outputs: 3 } }));
  const x = { dtype: 'float32', shape: [1], data: Float32Array.of(1) } as const;
  await assert.rejects(createClient({ url: server.url }).infer('m', { x }), {
    reason: 'TRANSPORT_FAILED',
    retryable: false,
  });
});
