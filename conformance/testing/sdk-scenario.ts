// What a program does with the SDK, as observations to compare: the same file runs in Node and in a browser, so it uses
// nothing that either lacks and returns plain data.
import {
  type AmaasClient,
  AmaasError,
  type ClientOptions,
  createClient,
  type InferenceResult,
  type PlainNested,
  tensorToNested,
} from '@amaas/client';

/** What is there before the scenario starts; see sdk.test.ts. */
export interface SdkWorld {
  readonly url: string;
  readonly apiKey: string;
  /** An address where nothing listens. */
  readonly closedUrl: string;
  /** A model file (y = x / 2 + 7) as base64. */
  readonly modelBase64: string;
  /** Keeps the names of two runs apart. */
  readonly name: string;
}

type Observations = Readonly<Record<string, unknown>>;

/** Elements as text, so that int64 survives any way of handing them on. */
function shown(nested: PlainNested): unknown {
  return Array.isArray(nested) ? nested.map(shown) : `${typeof nested} ${String(nested)}`;
}

function outputsOf({ outputs }: InferenceResult): unknown {
  return [...outputs].map(([name, tensor]) => [name, tensor.dtype, tensor.shape, shown(tensorToNested(tensor))]);
}

/** How a call fails. */
async function failure(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
    return 'no failure';
  } catch (thrown) {
    if (!(thrown instanceof AmaasError)) return `not an AmaasError: ${String(thrown)}`;
    const { reason, code, retryable, details } = thrown;
    return [reason, code, retryable, details['status'] ?? null];
  }
}

function modelBytes({ modelBase64 }: SdkWorld): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(modelBase64), (character) => character.charCodeAt(0));
}

/** Runs everything; the order matters where models come and go. */
export async function observeSdk(world: SdkWorld): Promise<Observations> {
  const { url, apiKey } = world;
  const client = createClient({ url, apiKey });
  return {
    ...(await observeServer(world, client)),
    ...(await observeDeployment(world, client)),
    ...(await observeInference(client)),
    ...(await observeErrors(world, client)),
    ...(await observeWaiting(world, client)),
    ...(await observeManagement(world, client)),
  };
}

async function observeServer({ url, closedUrl }: SdkWorld, client: AmaasClient): Promise<Observations> {
  const stranger = createClient({ url, apiKey: '' });
  const nobody = createClient({ url: closedUrl, apiKey: '', retry: { maxAttempts: 1 } });
  return {
    live: [await stranger.isLive(), await nobody.isLive()],
    ready: [await stranger.isReady(), await nobody.isReady()],
    status: (await client.status()).name,
    stranger: await failure(() => stranger.status()),
    nobody: await failure(() => nobody.status()),
  };
}

async function observeDeployment(world: SdkWorld, client: AmaasClient): Promise<Observations> {
  const model = modelBytes(world);
  const phases = new Set<string>();
  const version = await client.deploy({
    name: world.name,
    files: [
      { path: 'model.onnx', content: new Blob([model]) },
      { path: 'names.txt', content: new TextEncoder().encode('one\ntwo\n') },
    ],
    manifest: { labels: 'names.txt', description: 'from the SDK' },
    labels: ['production'],
    lineage: { run: 'r-1' },
    onProgress: ({ phase, doneBytes, totalBytes }) => phases.add(`${phase} ${doneBytes === totalBytes}`),
  });
  const stream = await client.deploy({
    name: world.name,
    files: [{ path: 'model.onnx', content: model, sizeBytes: model.byteLength }],
  });
  return {
    deployed: [version.version, version.state, version.labels, version.manifest.labels, version.lineage['run']],
    files: version.files.map((file) => file.path).sort(),
    phases: [...phases].filter((phase) => phase.endsWith('true')),
    again: [stream.version, stream.digest === version.digest],
    asked: outputsOf(await client.infer(world.name, { x: [2, 4] })),
    broken: await failure(() =>
      client.deploy({ name: world.name, files: [{ path: 'model.onnx', content: model.slice(0, 50) }] }),
    ),
    privateUrl: await failure(() => client.deployUrl({ name: world.name, url: world.url })),
  };
}

async function observeInference(client: AmaasClient): Promise<Observations> {
  const values = {
    in_float32: [0.1, -2.5],
    in_float64: [0.1, Number.MAX_VALUE],
    in_int8: [-128, 127],
    in_int16: [-32768],
    in_int32: [-2147483648, 2147483647],
    in_uint8: [0, 255],
    in_uint32: [4294967295],
    in_int64: [-(2n ** 63n), 2n ** 63n - 1n, 5],
    in_uint64: [2n ** 64n - 1n],
    in_bool: [true, false],
    in_string: ['', 'ünïcode ✓', '"quoted"\n'],
  };
  const binary = await client.infer('every', values);
  const json = await client.infer('every', values, { binary: false });
  const typed = {
    dtype: 'float32',
    shape: [3],
    data: Float32Array.of(2, Number.NaN, Number.POSITIVE_INFINITY),
  } as const;
  const { name, versions, inputs } = await client.metadata('half');
  return {
    every: outputsOf(binary),
    same: JSON.stringify(outputsOf(binary)) === JSON.stringify(outputsOf(json)),
    map: outputsOf(await client.infer('half', new Map([['x', typed]]))),
    typedArray: outputsOf(await client.infer('half', { x: Float32Array.of(2, 3, 4) })),
    shaped: outputsOf(await client.infer('half', { x: { shape: [2], data: [2, 3] } })),
    label: [(await client.infer('half:stable', { x: [2] })).version, (await client.infer('half', { x: [2] })).version],
    version: (await client.infer('half@1', { x: [2] })).version,
    chosen: outputsOf(await client.infer('every', values, { outputs: ['out_bool'] })),
    half: outputsOf(await client.infer('float16', { x: [0.5, -65504] })),
    halfAsJson: await failure(() => client.infer('float16', { x: [0.5] }, { binary: false })),
    nanAsJson: await failure(() => client.infer('half', new Map([['x', typed]]), { binary: false })),
    metadata: [name, versions, inputs],
    large: (await client.infer('half', { x: new Float32Array(300_000).fill(2) })).outputs.get('y')?.data[299_999],
    largeAsJson: (await client.infer('half', { x: new Float32Array(100_000).fill(2) }, { binary: false })).outputs.get(
      'y',
    )?.data[99_999],
  };
}

async function observeErrors({ url }: SdkWorld, client: AmaasClient): Promise<Observations> {
  const once = (options: ClientOptions) => createClient({ url, retry: { maxAttempts: 1 }, ...options });
  const wrong = { dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 2) } as const;
  return {
    unknownModel: await failure(() => client.infer('absent', new Map())),
    unknownVersion: await failure(() => client.infer('half@9', new Map())),
    unknownLabel: await failure(() => client.infer('half:absent', new Map())),
    wrongShape: await failure(() => client.infer('half', new Map([['x', wrong]]))),
    missingInput: await failure(() => client.infer('half', new Map())),
    unknownInput: await failure(() => client.infer('half', { z: [1] })),
    wrongValue: await failure(() => client.infer('half', { x: ['text'] })),
    ragged: await failure(() => client.infer('half', { x: [[1], [2, 3]] })),
    unknownOutput: await failure(() => client.infer('half', { x: [1] }, { outputs: ['z'] })),
    wrongKey: await failure(() => once({ apiKey: 'amaas_wrong' }).infer('half', new Map())),
    wrongName: await failure(() =>
      client.deploy({ name: 'Not a name', files: [{ path: 'model.onnx', content: new Uint8Array(1) }] }),
    ),
    noVersion: await failure(() => client.models.getVersion('half', 9)),
    labelInUse: await failure(() => client.models.removeVersion('half', 1)),
  };
}

async function observeWaiting(world: SdkWorld, client: AmaasClient): Promise<Observations> {
  const endless = { x: [1], times: 2n ** 40n };
  const stop = new AbortController();
  const aborted = failure(() => client.infer('loop', endless, { signal: stop.signal }));
  setTimeout(() => stop.abort(), 200);
  const observed = {
    aborted: await aborted,
    abortedBefore: await failure(() => client.infer('loop', endless, { signal: stop.signal })),
    timedOut: await failure(() => client.infer('loop', endless, { timeoutMs: 200 })),
    serverLimit: await failure(() => client.infer('loop', endless, { timeoutMs: 30_000 })),
    afterwards: outputsOf(await client.infer('loop', { x: [1], times: 3n })),
  };
  // A model that comes back while the client waits: refused at first, answered in the end.
  let attempts = 0;
  const patient = createClient({
    url: world.url,
    apiKey: world.apiKey,
    async fetch(input, init) {
      const reply = await fetch(input, init);
      attempts++;
      if (attempts === 1) await client.models.load(world.name);
      return reply;
    },
  });
  await client.models.unload(world.name);
  const impatient = createClient({ url: world.url, apiKey: world.apiKey, retry: { maxAttempts: 1 } });
  const x = new Map([['x', { dtype: 'float32', shape: [1], data: Float32Array.of(2) } as const]]);
  const refused = await failure(() => impatient.infer(world.name, x));
  const retried = outputsOf(await patient.infer(world.name, x));
  return { ...observed, refused, retried, attempts };
}

async function observeManagement({ url, name }: SdkWorld, client: AmaasClient): Promise<Observations> {
  const listed = (await client.models.list()).map((model) => model.name);
  const labelled = await client.models.setLabel(name, { label: 'canary', version: 2 });
  const policy = await client.models.setPolicy(name, { kind: 'all' });
  await client.models.removeLabel(name, 'canary');
  const created = await client.keys.create({ name, scopes: ['infer'], models: [name] });
  const reader = createClient({ url, apiKey: created.key });
  const limited = [
    outputsOf(await reader.infer(name, { x: [2] })),
    await failure(() => reader.infer('half', { x: [2] })),
    await failure(() => reader.models.unload(name)),
  ];
  await client.keys.revoke(created.id);
  const revoked = await failure(() => reader.infer(name, { x: [2] }));
  const keys = (await client.keys.list()).filter((key) => key.name === name);
  await client.models.remove(name);
  return {
    listed: listed.includes(name) && listed.includes('half'),
    labels: labelled.labels,
    states: policy.versions.map((version) => version.state),
    limited,
    revoked,
    keys: keys.map((key) => [key.id === created.id, key.revokedAt !== null, 'key' in key]),
    removed: await failure(() => client.models.get(name)),
  };
}
