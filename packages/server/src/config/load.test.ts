import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import type { ConfigFileReader } from './config-file.ts';
import { type LoadConfigOptions, loadConfig } from './load.ts';

const cwd = resolve('/srv/somewhere');

function files(contents: Readonly<Record<string, unknown>>): ConfigFileReader {
  return {
    list: async () => Object.keys(contents),
    readText: async (path) => String(contents[path.slice(cwd.length + 1)]),
    importDefault: async (path) => contents[path.slice(cwd.length + 1)],
  };
}

function load(options: Partial<LoadConfigOptions> & { readonly file?: unknown } = {}) {
  const contents = options.file === undefined ? {} : { 'amaas.config.json': JSON.stringify(options.file) };
  return loadConfig({ environment: {}, cwd, reader: files(contents), ...options });
}

async function refusal(options: Parameters<typeof load>[0]): Promise<string> {
  const error = await load(options).then(
    () => assert.fail('expected a refusal'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AmaasError);
  assert.equal(error.reason, 'INVALID_CONFIG');
  return error.message;
}

test('loadConfig without any source gives the defaults with absolute paths, frozen', async () => {
  const config = await load();
  assert.equal(config.port, 8080);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.auth, 'required');
  assert.equal(config.maxRequestBytes, 67108864);
  assert.equal(config.bundledModels, true);
  assert.equal(config.dataDir, join(cwd, '.amaas'));
  assert.equal(config.modelsDir, join(cwd, '.amaas', 'models'));
  assert.equal(config.adminKey, undefined);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.corsOrigins));
});

test('loadConfig prefers flags to environment to file to defaults', async () => {
  const file = { port: 1001, logLevel: 'warn', rescanIntervalMs: 777, host: '0.0.0.0' };
  const environment = { AMAAS_PORT: '1002', AMAAS_LOG_LEVEL: 'error' };
  const config = await load({ file, environment, flags: { port: '1003' } });
  assert.equal(config.port, 1003);
  assert.equal(config.logLevel, 'error');
  assert.equal(config.rescanIntervalMs, 777);
  assert.equal((await load({ file, environment })).port, 1002);
  assert.equal((await load({ file })).port, 1001);
});

test('loadConfig reads switches, lists and paths from text', async () => {
  const config = await load({
    environment: {
      AMAAS_BUNDLED_MODELS: 'off',
      AMAAS_ALLOW_PRIVATE_URLS: 'true',
      AMAAS_CORS_ORIGINS: 'https://a.example, http://localhost:5173',
      AMAAS_MODELS_DIR: 'weights',
      AMAAS_TLS_CERT: 'cert.pem',
      AMAAS_TLS_KEY: '/etc/key.pem',
    },
  });
  assert.equal(config.bundledModels, false);
  assert.equal(config.allowPrivateUrls, true);
  assert.deepEqual(config.corsOrigins, ['https://a.example', 'http://localhost:5173']);
  assert.equal(config.modelsDir, join(cwd, 'weights'));
  assert.equal(config.tlsCert, join(cwd, 'cert.pem'));
  assert.equal(config.tlsKey, resolve('/etc/key.pem'));
});

test('loadConfig takes an undefined flag as absent and a repeated flag as a list', async () => {
  const config = await load({ flags: { port: undefined, corsOrigins: ['https://a.example', 'https://b.example'] } });
  assert.equal(config.port, 8080);
  assert.deepEqual(config.corsOrigins, ['https://a.example', 'https://b.example']);
});

test('loadConfig names the setting, its source, the value and what is allowed', async () => {
  assert.match(
    await refusal({ environment: { AMAAS_PORT: 'http' } }),
    /AMAAS_PORT \(environment\) is "http"; expected a whole number from 0 to 65535/,
  );
  assert.match(await refusal({ flags: { port: '65536' } }), /--port \(flag\) is "65536"/);
  assert.match(await refusal({ file: { port: '8080' } }), /port \(amaas\.config\.json\) is "8080"/);
  assert.match(await refusal({ file: { port: 80.5 } }), /is 80\.5/);
  assert.match(
    await refusal({ environment: { AMAAS_LOG_LEVEL: 'loud' } }),
    /"loud"; expected "trace" or "debug" or "info"/,
  );
  assert.match(await refusal({ environment: { AMAAS_MAX_REQUEST_BYTES: '64MiB' } }), /is "64MiB"; expected a whole/);
  assert.match(await refusal({ environment: { AMAAS_BUNDLED_MODELS: 'yes' } }), /"yes"; expected "on" or "off"/);
  assert.match(await refusal({ environment: { AMAAS_CORS_ORIGINS: 'https://a.example/path' } }), /no path/);
  assert.match(await refusal({ environment: { AMAAS_PORT: '' } }), /is ""/);
  assert.match(await refusal({ environment: { AMAAS_PORT: '-1' } }), /is "-1"/);
  assert.match(await refusal({ environment: { AMAAS_PORT: '1e3' } }), /is "1e3"/);
});

test('loadConfig never shows secrets', async () => {
  for (const [name, value] of [
    ['AMAAS_ADMIN_KEY', 'hunter2'],
    ['AMAAS_DATABASE_URL', 'mysql://root:hunter2@db/amaas'],
    ['AMAAS_NATS_URL', 'nats://token-hunter2@nats:4222'],
    ['AMAAS_BLOB_URL', 's3://key:hunter2@bucket'],
  ] as const) {
    const message = await refusal({ environment: { [name]: value } });
    assert.match(message, new RegExp(name));
    assert.doesNotMatch(message, /hunter2/);
  }
});

test('loadConfig refuses unknown names in every source and suggests the nearest', async () => {
  assert.match(
    await refusal({ environment: { AMAAS_PROT: '1' } }),
    /AMAAS_PROT \(environment\) is not a setting; did you mean AMAAS_PORT\?/,
  );
  assert.match(await refusal({ file: { maxRequestByte: 1 } }), /maxRequestByte .*did you mean maxRequestBytes\?/);
  assert.match(await refusal({ flags: { colour: true } }), /colour \(flag\) is not a setting$/);
  assert.match(await refusal({ file: JSON.parse('{"__proto__": {"port": 1}}') }), /__proto__ .* is not a setting/);
});

test("loadConfig leaves others' variables alone and explains Kubernetes service links", async () => {
  await load({
    environment: { AMAAS_URL: 'http://x', AMAAS_API_KEY: 'k', PATH: '/bin', AMAASX: '1', AMAAS_TEST_X: '1' },
  });
  assert.match(await refusal({ environment: { AMAAS_PORT: 'tcp://10.0.0.7:8080' } }), /enableServiceLinks/);
  assert.match(await refusal({ environment: { AMAAS_SERVICE_HOST: '10.0.0.7' } }), /enableServiceLinks/);
});

test('loadConfig reports every problem at once', async () => {
  const message = await refusal({ environment: { AMAAS_PORT: 'x' }, file: { nope: 1 }, flags: { grpcPort: -5 } });
  for (const part of [/nope/, /AMAAS_PORT/, /--grpc-port/]) assert.match(message, part);
});

test('loadConfig turns authentication off only on loopback hosts', async () => {
  for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost']) {
    assert.equal((await load({ flags: { noAuth: true, host } })).auth, 'off');
  }
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.com', '127.0.0.1.example.com']) {
    assert.match(await refusal({ flags: { noAuth: true, host } }), /--no-auth \(flag\) turns authentication off/);
  }
  assert.match(await refusal({ environment: { AMAAS_AUTH: 'off', AMAAS_HOST: '0.0.0.0' } }), /AMAAS_AUTH/);
  assert.equal((await load({ flags: { noAuth: false, host: '0.0.0.0' } })).auth, 'required');
});

test('loadConfig refuses half of TLS and what is not supported yet', async () => {
  assert.match(await refusal({ environment: { AMAAS_TLS_CERT: 'a.pem' } }), /AMAAS_TLS_CERT .* without tlsKey/);
  assert.match(await refusal({ environment: { AMAAS_TLS_KEY: 'a.pem' } }), /AMAAS_TLS_KEY .* without tlsCert/);
  assert.match(await refusal({ environment: { AMAAS_BLOB_URL: 's3://bucket' } }), /not supported yet/);
  assert.match(await refusal({ environment: { AMAAS_NATS_URL: 'nats://n:4222' } }), /not supported yet/);
});

test('loadConfig refuses configuration files it cannot use', async () => {
  const yaml = loadConfig({ environment: {}, cwd, reader: files({ 'amaas.config.yaml': 'port: 1' }) });
  await assert.rejects(yaml, /YAML is not read/);
  const two = loadConfig({ environment: {}, cwd, reader: files({ 'amaas.config.json': '{}', 'amaas.config.ts': {} }) });
  await assert.rejects(two, /expected one configuration file/);
  const broken = loadConfig({ environment: {}, cwd, reader: files({ 'amaas.config.json': '{port: 1}' }) });
  await assert.rejects(broken, /amaas\.config\.json cannot be read/);
  const quoting = loadConfig({ environment: {}, cwd, reader: files({ 'amaas.config.json': '{"adminKey": hunter2}' }) });
  await assert.rejects(
    quoting,
    (error: Error) => !error.message.includes('hunter') && /not valid JSON/.test(error.message),
  );
  const list = loadConfig({ environment: {}, cwd, reader: files({ 'amaas.config.json': '[]' }) });
  await assert.rejects(list, /expected an object of settings, got an array/);
  const empty = loadConfig({ environment: {}, cwd, reader: files({ 'amaas.config.ts': undefined }) });
  await assert.rejects(empty, /default export/);
});

test('loadConfig reads files from the disk, a TypeScript module among them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-config-'));
  try {
    assert.equal((await loadConfig({ environment: {}, cwd: folder })).port, 8080);
    await writeFile(join(folder, 'amaas.config.ts'), 'const port: number = 4000 + 1;\nexport default { port };\n');
    assert.equal((await loadConfig({ environment: {}, cwd: folder })).port, 4001);
    await rm(join(folder, 'amaas.config.ts'));
    await writeFile(join(folder, 'amaas.config.json'), '{"port": 4002}');
    assert.equal((await loadConfig({ environment: {}, cwd: folder })).port, 4002);
  } finally {
    await rm(folder, { recursive: true });
  }
});
