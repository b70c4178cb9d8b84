// A server that speaks the real protocols about two made-up models: `doubler` (y = 2x, with class names) and `mixed`
// (several inputs). What it was asked is kept.
import { createHash } from 'node:crypto';
import type { TestContext } from 'node:test';
import { AmaasError, type NamedTensors, type TensorSpec } from '@amaas/core';
import { encodeAdminError, type ModelSummary, type VersionDetail } from '@amaas/protocols/admin';
import { decodeInferRequest, encodeInferReply, encodeModelMetadata, parseHeaderLength } from '@amaas/protocols/oip';
import { type Answer, type Asked, startTestServer } from '../../../client/src/testing/http-server.ts';

export const FAKE_KEY = 'fake-admin-key';

const PEOPLE: readonly TensorSpec[] = [
  { name: 'age', dtype: 'float32', shape: ['N'] },
  { name: 'seen', dtype: 'float64', shape: ['N'] },
  { name: 'city', dtype: 'string', shape: ['N'] },
  { name: 'member', dtype: 'bool', shape: ['N'] },
];

/** What a training on a table leaves about `people`. */
const PEOPLE_TABLE = {
  format: 'amaas-table-1',
  target: { column: 'buys', task: 'binary', classes: ['no', 'yes'] },
  columns: [
    { name: 'age', kind: 'number', dtype: 'float32', role: 'numeric' },
    { name: 'seen', kind: 'timestamp', dtype: 'float64', role: 'datetime' },
    { name: 'city', kind: 'string', dtype: 'string', role: 'categorical' },
    { name: 'member', kind: 'boolean', dtype: 'bool', role: 'categorical' },
  ],
};

const SPECS: ReadonlyMap<string, readonly TensorSpec[]> = new Map<string, readonly TensorSpec[]>([
  ['doubler', [{ name: 'x', dtype: 'float32', shape: ['N', 3] }]],
  [
    'mixed',
    [
      { name: 'age', dtype: 'float32', shape: ['N', 1] },
      { name: 'count', dtype: 'int64', shape: ['N'] },
      { name: 'city', dtype: 'string', shape: ['N', 1] },
    ],
  ],
  ['people', PEOPLE],
  ['columns', PEOPLE], // the same, of which nothing is known but its inputs
  ['picture', [{ name: 'image', dtype: 'float32', shape: ['N', 3, 2, 4] }]],
  [
    'encoder',
    [
      { name: 'ids', dtype: 'int64', shape: ['N', 'T'] },
      { name: 'mask', dtype: 'int64', shape: ['N', 'T'] },
    ],
  ],
  ['judge', [{ name: 'ids', dtype: 'int64', shape: ['N', 'T'] }]], // of pairs of texts
]);

/** What `encoder` and `judge` declare about texts. */
const TOKENS = { kind: 'tokens', tokenizer: 'tokenizer.json', maxTokens: 64 } as const;
const TEXT_STEPS: ReadonlyMap<string, VersionDetail['manifest']> = new Map([
  ['encoder', { preprocess: { ids: { ...TOKENS, mask: 'mask' } } }],
  ['judge', { preprocess: { ids: { ...TOKENS, pair: true } } }],
]);

function summary(name: string): ModelSummary {
  return {
    name,
    owner: 'api',
    description: null,
    policy: { kind: 'latest', count: 1 },
    labels: { production: 2 },
    versions: [
      {
        model: name,
        version: 2,
        state: 'READY',
        reason: null,
        digest: `sha256:${'a'.repeat(64)}`,
        sizeBytes: 26_454,
        labels: ['production'],
        createdAt: '2026-03-04T05:06:07Z',
      },
    ],
  };
}

/** A name of which the models folder has given nothing that could be served. */
const REFUSED: ModelSummary = {
  ...summary('refused'),
  owner: 'folder',
  labels: {},
  versions: [1, 4].map((version) => ({
    model: 'refused',
    version,
    state: 'REJECTED',
    reason: `gguf: version ${version} ends early`,
    digest: null,
    sizeBytes: 0,
    labels: [],
    createdAt: '1970-01-01T00:00:00Z',
  })),
};

function detail(name: string, version: number): VersionDetail {
  const inputs = (SPECS.get(name) ?? []).map((spec) => ({
    ...spec,
    shape: spec.shape === null ? null : [...spec.shape],
  }));
  const [first] = summary(name).versions;
  if (first === undefined) throw new Error('the summary has a version');
  return {
    ...first,
    version,
    format: 'onnx',
    signatures: {
      serving_default: { method: 'predict', inputs, outputs: [{ name: 'y', dtype: 'float32', shape: ['N', 3] }] },
    },
    manifest: TEXT_STEPS.get(name) ?? {
      labels: ['cat', 'dog', 'owl'],
      preprocess: { image: { kind: 'image', width: 4, height: 2, fit: 'stretch', channels: 'rgb', layout: 'nchw' } },
    },
    lineage: name === 'people' ? { configuration: { table: PEOPLE_TABLE } } : {},
    files: [],
    serving: {
      isolation: 'thread',
      instances: 1,
      batching: { maxSize: 32, maxDelayMs: 2 },
      memoryBytes: null,
      cost: { fixedMs: 0.1, msPerRow: 0.01 },
    },
  };
}

/** What the server was asked, inference requests decoded. */
export interface FakeServer {
  readonly url: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly asked: readonly Asked[];
  /** Inputs of the last inference request. */
  lastInputs(): NamedTensors | null;
}

export async function startFakeServer(t: TestContext): Promise<FakeServer> {
  const blobs = new Set<string>();
  let lastInputs: NamedTensors | null = null;
  const answer = (asked: Asked): Answer => {
    if (asked.path === '/healthz') return { status: 200, body: {} };
    if (asked.headers.authorization !== `Bearer ${FAKE_KEY}`) throw new AmaasError('INVALID_KEY', 'the key is unknown');
    const parts = asked.path.split('/').map(decodeURIComponent);
    if (parts[1] === 'v2') {
      const inference = answerInference(asked, parts);
      lastInputs = inference.inputs ?? lastInputs;
      return inference.answer;
    }
    return answerAdmin(asked, parts.slice(3), blobs);
  };
  const server = await startTestServer(t, (asked) => {
    try {
      return answer(asked);
    } catch (thrown) {
      if (!(thrown instanceof AmaasError)) throw thrown;
      return encodeAdminError(thrown);
    }
  });
  return {
    url: server.url,
    environment: { AMAAS_URL: server.url, AMAAS_API_KEY: FAKE_KEY },
    asked: server.asked,
    lastInputs: () => lastInputs,
  };
}

function answerAdmin({ method, body }: Asked, parts: readonly string[], blobs: Set<string>): Answer {
  const [group, name = '', kind, item = ''] = parts;
  if (group === 'status')
    return { status: 200, body: { name: 'amaas', version: '9.9.9', ready: true, models: { ready: 2, failed: 0 } } };
  if (group === 'blobs') {
    if (method === 'HEAD') return { status: blobs.has(name) ? 200 : 404 };
    blobs.add(`sha256:${createHash('sha256').update(body).digest('hex')}`);
    return { status: 201, body: { digest: name, sizeBytes: body.length } };
  }
  if (group === 'keys') {
    if (method === 'DELETE') return { status: 204 };
    if (method === 'POST')
      return { status: 201, body: { key: 'amaas_secret', ...fakeKey, ...JSON.parse(String(body)) } };
    return { status: 200, body: { keys: [fakeKey] } };
  }
  if (name === '') return { status: 200, body: { models: [...SPECS.keys()].map(summary) } };
  if (kind === 'versions' && method === 'POST') return deployed(name, JSON.parse(String(body)));
  if (name === 'refused' && kind === undefined)
    return method === 'DELETE' ? { status: 204 } : { status: 200, body: REFUSED };
  if (!SPECS.has(name)) throw new AmaasError('MODEL_NOT_FOUND', `there is no model "${name}"`);
  if (method === 'DELETE') return { status: 204 };
  if (kind === 'versions') return { status: 200, body: detail(name, Number(item)) };
  return { status: 200, body: summary(name) };
}

const fakeKey = {
  id: 'k_1',
  name: 'app',
  prefix: 'amaas_se',
  scopes: ['infer'],
  models: ['*'],
  createdAt: '2026-03-04T05:06:07Z',
  expiresAt: null,
  revokedAt: null,
};

function deployed(name: string, request: { readonly files?: readonly unknown[]; readonly url?: string }): Answer {
  if (name === 'broken') throw new AmaasError('MODEL_REJECTED', 'deploy: the model crashed when it was loaded');
  return { status: 201, body: { ...detail('doubler', 3), model: name, files: request.files ?? [] } };
}

function answerInference(
  { headers, body }: Asked,
  parts: readonly string[],
): { answer: Answer; inputs?: NamedTensors } {
  const [model = ''] = (parts[3] ?? '').split(/[:@]/);
  const inputs = SPECS.get(model);
  if (inputs === undefined) return { answer: { status: 404, body: { error: `there is no model "${model}"` } } };
  if (parts[4] !== 'infer')
    return {
      answer: { status: 200, body: encodeModelMetadata({ name: model, versions: ['2'], inputs, outputs: [] }) },
    };
  const headerLength = parseHeaderLength(headers['inference-header-content-length']?.toString(), body.length);
  const request = decodeInferRequest(body, headerLength, model);
  const reply = encodeInferReply({
    model,
    version: '2',
    id: null,
    outputs: outputsOf(request.inputs),
    requested: request.requestedOutputs,
    binaryDefault: request.binaryOutputDefault,
  });
  const answer = {
    status: 200,
    headers: {
      'content-type': reply.contentType,
      ...(reply.headerLength === null ? {} : { 'inference-header-content-length': String(reply.headerLength) }),
    },
    body: Buffer.concat(reply.parts),
  };
  return { answer, inputs: request.inputs };
}

/** y = 2x, and the index of the greatest; other inputs come back as they are. */
function outputsOf(inputs: NamedTensors): NamedTensors {
  const x = inputs.get('x');
  if (x?.dtype !== 'float32') return inputs;
  const y = x.data.map((value) => value * 2);
  const rows = x.shape[0] ?? 0;
  const best = BigInt64Array.from({ length: rows }, (_, row) => {
    const values = [...y.slice(row * 3, row * 3 + 3)];
    return BigInt(values.indexOf(Math.max(...values)));
  });
  return new Map([
    ['y', { dtype: 'float32', shape: x.shape, data: y }],
    ['class', { dtype: 'int64', shape: [rows], data: best }],
  ]);
}
