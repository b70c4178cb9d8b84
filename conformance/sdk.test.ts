// The SDK against a real server, the same program twice: in Node, and in Chromium from another origin, its sources served
// as they are but for their types.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { skipWithoutBrowser, startBrowser } from './testing/browser.ts';
import { loopModel } from './testing/models.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';
import { observeSdk, type SdkWorld } from './testing/sdk-scenario.ts';
import { type SourceServer, startSourceServer } from './testing/source-server.ts';
import { echoModel, everyDtypeModel, halfPlusModel } from './testing/tfs-models.ts';

const skip = skipWithoutBrowser();

let sources: SourceServer;
let server: TestServer;

before(async () => {
  sources = await startSourceServer(
    "import { observeSdk } from '/conformance/testing/sdk-scenario.ts'; globalThis.observeSdk = observeSdk;",
  );
  server = await startTestServer({ corsOrigins: sources.origin });
  await server.deploy('half', halfPlusModel(1));
  await server.deploy('half', halfPlusModel(2));
  await server.deploy('every', everyDtypeModel());
  await server.deploy('float16', echoModel('float16', ['N']));
  await server.deploy('loop', loopModel(), { limits: { maxRunMs: 1000 } });
  const label = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"version":1}' };
  assert.equal((await server.request('/admin/v1/models/half/labels/stable', label)).status, 200);
});

after(async () => {
  await server.stop();
  await sources.close();
});

/** An address where nothing listens: taken for a moment, then given back. */
async function closedUrl(): Promise<string> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  assert.ok(typeof address === 'object' && address !== null);
  return `http://127.0.0.1:${address.port}`;
}

async function worldOf(name: string): Promise<SdkWorld> {
  return {
    url: server.url,
    apiKey: ADMIN_KEY,
    closedUrl: await closedUrl(),
    modelBase64: Buffer.from(halfPlusModel(7)).toString('base64'),
    name,
  };
}

const refusal = (reason: string, code: string, status: number | null, retryable = false) => [
  reason,
  code,
  retryable,
  status,
];
const y = (...values: readonly number[]) => ['y', 'float32', [values.length], values.map((value) => `number ${value}`)];

/** What either program has to see. */
const EXPECTED: Readonly<Record<string, unknown>> = {
  live: [true, false],
  ready: [true, false],
  status: 'amaas',
  stranger: refusal('MISSING_KEY', 'UNAUTHENTICATED', 401),
  nobody: refusal('TRANSPORT_FAILED', 'UNAVAILABLE', null, true),
  deployed: [1, 'READY', ['production'], ['one', 'two'], 'r-1'],
  files: ['model.onnx', 'names.txt'],
  phases: ['digest true', 'upload true', 'admit true'],
  again: [2, false],
  asked: [y(8, 9)],
  broken: refusal('INVALID_MODEL', 'INVALID_ARGUMENT', 400),
  privateUrl: refusal('URL_REFUSED', 'PERMISSION_DENIED', 403),
  every: [
    ['out_float32', 'float32', [2], ['number 0.10000000149011612', 'number -2.5']],
    ['out_float64', 'float64', [2], ['number 0.1', 'number 1.7976931348623157e+308']],
    ['out_int8', 'int8', [2], ['number -128', 'number 127']],
    ['out_int16', 'int16', [1], ['number -32768']],
    ['out_int32', 'int32', [2], ['number -2147483648', 'number 2147483647']],
    ['out_uint8', 'uint8', [2], ['number 0', 'number 255']],
    ['out_uint32', 'uint32', [1], ['number 4294967295']],
    ['out_int64', 'int64', [3], ['bigint -9223372036854775808', 'bigint 9223372036854775807', 'bigint 5']],
    ['out_uint64', 'uint64', [1], ['bigint 18446744073709551615']],
    ['out_bool', 'bool', [2], ['boolean true', 'boolean false']],
    ['out_string', 'string', [3], ['string ', 'string ünïcode ✓', 'string "quoted"\n']],
  ],
  same: true,
  map: [['y', 'float32', [3], ['number 3', 'number NaN', 'number Infinity']]],
  typedArray: [y(3, 3.5, 4)],
  shaped: [y(3, 3.5)],
  label: [1, 2],
  version: 1,
  chosen: [['out_bool', 'bool', [2], ['boolean true', 'boolean false']]],
  half: [['y', 'float16', [2], ['number 0.5', 'number -65504']]],
  halfAsJson: refusal('INVALID_ARGUMENT', 'INVALID_ARGUMENT', null),
  nanAsJson: refusal('INVALID_ARGUMENT', 'INVALID_ARGUMENT', null),
  metadata: ['half', [1, 2], [{ name: 'x', dtype: 'float32', shape: [null] }]],
  large: 3,
  largeAsJson: 3,
  unknownModel: refusal('MODEL_NOT_FOUND', 'NOT_FOUND', 404),
  unknownVersion: refusal('VERSION_NOT_FOUND', 'NOT_FOUND', 404),
  unknownLabel: refusal('LABEL_NOT_FOUND', 'NOT_FOUND', 404),
  wrongShape: refusal('INPUT_MISMATCH', 'INVALID_ARGUMENT', 400),
  missingInput: refusal('INPUT_MISMATCH', 'INVALID_ARGUMENT', 400),
  unknownInput: refusal('INPUT_MISMATCH', 'INVALID_ARGUMENT', null),
  wrongValue: refusal('INVALID_ARGUMENT', 'INVALID_ARGUMENT', null),
  ragged: refusal('INVALID_SHAPE', 'INVALID_ARGUMENT', null),
  unknownOutput: refusal('UNKNOWN_OUTPUT', 'INVALID_ARGUMENT', 400),
  wrongKey: refusal('INVALID_KEY', 'UNAUTHENTICATED', 401),
  wrongName: refusal('INVALID_NAME', 'INVALID_ARGUMENT', 400),
  noVersion: refusal('VERSION_NOT_FOUND', 'NOT_FOUND', 404),
  labelInUse: refusal('LABEL_IN_USE', 'FAILED_PRECONDITION', 422),
  aborted: refusal('CANCELLED', 'CANCELLED', null),
  abortedBefore: refusal('CANCELLED', 'CANCELLED', null),
  timedOut: refusal('DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', null),
  serverLimit: refusal('DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', 504),
  afterwards: [y(8)],
  refused: refusal('MODEL_NOT_READY', 'UNAVAILABLE', 503, true),
  retried: [y(8)],
  attempts: 2,
  listed: true,
  labels: { canary: 2, production: 1 },
  states: ['READY', 'READY'],
  limited: [[y(8)], refusal('FORBIDDEN', 'PERMISSION_DENIED', 403), refusal('FORBIDDEN', 'PERMISSION_DENIED', 403)],
  revoked: refusal('INVALID_KEY', 'UNAUTHENTICATED', 401),
  keys: [[true, true, false]],
  removed: refusal('MODEL_NOT_FOUND', 'NOT_FOUND', 404),
};

test('the SDK in Node', async () => {
  assert.deepEqual(await observeSdk(await worldOf('from-node')), EXPECTED);
});

test('the SDK in a browser, from another origin', { skip }, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await browser.context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto(sources.origin);
  await page.waitForFunction('typeof observeSdk === "function"');
  const observed: unknown = await page.evaluate(`observeSdk(${JSON.stringify(await worldOf('from-browser'))})`);
  assert.deepEqual(observed, EXPECTED);
  assert.deepEqual(problems, []);
});

test('a browser page of an origin that is not configured gets nothing', { skip }, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  const stranger = await startSourceServer("import * as sdk from '@amaas/client'; globalThis.sdk = sdk;");
  t.after(() => stranger.close());
  const page = await browser.context.newPage();
  await page.goto(stranger.origin);
  await page.waitForFunction('typeof sdk === "object"');
  const options = JSON.stringify({ url: server.url, apiKey: ADMIN_KEY, retry: { maxAttempts: 1 } });
  const reason: unknown = await page.evaluate(
    `sdk.createClient(${options}).status().then(() => 'let in', (error) => error.reason)`,
  );
  assert.equal(reason, 'TRANSPORT_FAILED');
});
