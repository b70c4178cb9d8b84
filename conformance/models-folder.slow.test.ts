// The watched models folder: what appears whole is served, what is half there never, what goes is gone, what changes
// under its number is refused, and nothing anybody puts there harms what serves.
import assert from 'node:assert/strict';
import { mkdir, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { adminCall, deployBytes } from './testing/admin-call.ts';
import { biasModel } from './testing/models.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { until } from './testing/until.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ rescanIntervalMs: '200' });
});

after(() => server.stop());

/** Writes beside the folder and moves it there in one step. */
async function drop(path: string, bytes: Uint8Array | string): Promise<void> {
  const target = join(server.modelsDir, path);
  const staging = join(server.dataDir, `staging-${Math.random()}`);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(staging, bytes);
  await rename(staging, target);
}

/** What the model makes of [1, 2]; null while it does not answer. */
async function answerOf(model: string): Promise<readonly [version: string, first: number] | null> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });
  const response = await server.request(`/v2/models/${model}/infer`, { method: 'POST', body });
  if (response.status !== 200) {
    assert.ok([404, 503].includes(response.status), await response.text());
    return null;
  }
  const reply = (await response.json()) as {
    readonly model_version: string;
    readonly outputs: readonly [{ readonly data: readonly [number] }];
  };
  return [reply.model_version, reply.outputs[0].data[0]];
}

async function untilAnswer(model: string, version: string, first: number): Promise<void> {
  await until(`${model} answers ${first} as version ${version}`, async () => {
    const answer = await answerOf(model);
    return answer?.[0] === version && answer[1] === first;
  });
}

interface VersionView {
  readonly version: number;
  readonly state: string;
  readonly reason: string | null;
}

async function versionsOf(model: string): Promise<readonly VersionView[]> {
  const { status, text } = await adminCall(server, 'GET', `models/${model}`);
  if (status === 404) return [];
  assert.equal(status, 200, text);
  return (JSON.parse(text) as { readonly versions: readonly VersionView[] }).versions;
}

async function untilRefused(model: string, version: number, reason: RegExp): Promise<void> {
  await until(`version ${version} of ${model} is refused`, async () => {
    const found = (await versionsOf(model)).find((candidate) => candidate.version === version);
    return found?.state === 'REJECTED' && reason.test(found.reason ?? '');
  });
}

/** Log lines of refusals that name the model. */
function refusalsOf(model: string): readonly string[] {
  return server
    .log()
    .split('\n')
    .filter((line) => line.includes('"a version was refused') && line.includes(`"${model}"`));
}

test('a model folder is served, the highest version first', async () => {
  await drop('folder/1/model.onnx', biasModel(10));
  await untilAnswer('folder', '1', 11);
  await drop('folder/7/model.onnx', biasModel(70));
  await untilAnswer('folder', '7', 71);
  await drop('folder/3/model.onnx', biasModel(30));
  await until('version 3 is known', async () => (await versionsOf('folder')).some(({ version }) => version === 3));
  assert.deepEqual(await answerOf('folder'), ['7', 71], 'a lower number does not take over');
});

test('a flat file is version 1, its update the next', async () => {
  await drop('flat.onnx', biasModel(10));
  await untilAnswer('flat', '1', 11);
  await drop('flat.onnx', biasModel(20));
  await untilAnswer('flat', '2', 21);
  await writeFile(join(server.modelsDir, 'flat.onnx'), biasModel(30)); // in place
  await untilAnswer('flat', '3', 31);
  await rm(join(server.modelsDir, 'flat.onnx'));
  await until('it is gone', async () => (await versionsOf('flat')).length === 0 && (await answerOf('flat')) === null);
  await drop('flat.onnx', biasModel(40));
  await untilAnswer('flat', '4', 41); // no number means two things
});

/** Writes a file in pieces, with pauses. */
async function trickle(path: string, bytes: Uint8Array, pauseMs: number): Promise<void> {
  const target = join(server.modelsDir, path);
  await mkdir(dirname(target), { recursive: true });
  const file = await open(target, 'w');
  const pieces = 6;
  try {
    for (let piece = 0; piece < pieces; piece++) {
      if (piece > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await file.write(bytes.subarray((bytes.length * piece) / pieces, (bytes.length * (piece + 1)) / pieces));
    }
  } finally {
    await file.close();
  }
}

test('a file called as names are not is served under a name made of it, and the log says so', async () => {
  await drop('Add It (2).onnx', biasModel(30));
  await untilAnswer('add-it-2', '1', 31);
  assert.match(server.log(), /Add It \(2\)\.onnx, served as \\"add-it-2\\": names are a–z/);
});

test('a file that is still being written is not even tried', async () => {
  await trickle('growing/1/model.onnx', biasModel(50), 150);
  await untilAnswer('growing', '1', 51);
  assert.deepEqual(refusalsOf('growing'), []);
});

test('a file whose writing pauses is at worst refused until it is whole', async () => {
  const writing = trickle('pausing/1/model.onnx', biasModel(60), 700);
  let isWritten = false;
  const watched = writing.then(() => {
    isWritten = true;
  });
  while (!isWritten) {
    const answer = await answerOf('pausing');
    if (!isWritten) assert.equal(answer, null, 'half a file answered');
  }
  await watched;
  await untilAnswer('pausing', '1', 61);
});

test('a folder whose files arrive one after the other is taken when they are all there', async () => {
  await mkdir(join(server.modelsDir, 'pieces', '1'), { recursive: true });
  await new Promise((resolve) => setTimeout(resolve, 600));
  await writeFile(join(server.modelsDir, 'pieces', '1', 'amaas.json'), JSON.stringify({ description: 'came first' }));
  await writeFile(join(server.modelsDir, 'pieces', '1', 'model.onnx'), biasModel(60));
  await untilAnswer('pieces', '1', 61);
  const detail = await adminCall(server, 'GET', 'models/pieces/versions/1');
  assert.match(detail.text, /came first/);
});

test('changed bytes under a version are refused, and the version serves on as it was', async () => {
  await drop('changed/1/model.onnx', biasModel(10));
  await untilAnswer('changed', '1', 11);
  await drop('changed/1/model.onnx', biasModel(99));
  await until('it is refused', () => refusalsOf('changed').length > 0);
  assert.match(
    refusalsOf('changed')[0] ?? '',
    /VERSION_EXISTS.*versions never change: put the new files under a new number/,
  );
  assert.deepEqual(await answerOf('changed'), ['1', 11]);
  await drop('changed/2/model.onnx', biasModel(99));
  await untilAnswer('changed', '2', 100);
});

test('a broken file is refused with its reason while the version before serves on, until it is replaced', async () => {
  await drop('repaired/1/model.onnx', biasModel(10));
  await untilAnswer('repaired', '1', 11);
  await drop('repaired/2/model.onnx', 'this is no model');
  await untilRefused('repaired', 2, /^onnx: /);
  assert.deepEqual(await answerOf('repaired'), ['1', 11]);
  await drop('repaired/2/model.onnx', biasModel(20));
  await untilAnswer('repaired', '2', 21);
});

test('a name of which everything was refused can be forgotten, and is tried again when it changes', async () => {
  await drop('hopeless/1/model.onnx', 'this is no model');
  await drop('hopeless/3/model.onnx', 'nor is this');
  await untilRefused('hopeless', 1, /^onnx: /);
  await untilRefused('hopeless', 3, /^onnx: /);
  assert.equal((await adminCall(server, 'DELETE', 'models/hopeless/versions/3')).status, 204);
  assert.deepEqual(
    (await versionsOf('hopeless')).map(({ version }) => version),
    [1],
  );
  assert.equal((await adminCall(server, 'DELETE', 'models/hopeless')).status, 204);
  assert.equal((await adminCall(server, 'GET', 'models/hopeless')).status, 404);
  assert.equal((await adminCall(server, 'DELETE', 'models/hopeless')).status, 404);
  await drop('hopeless/1/model.onnx', biasModel(10));
  await untilAnswer('hopeless', '1', 11);
});

test('a version that is removed gives way to the one before; the last one takes the model along', async () => {
  await drop('removed/1/model.onnx', biasModel(10));
  await drop('removed/2/model.onnx', biasModel(20));
  await untilAnswer('removed', '2', 21);
  await rm(join(server.modelsDir, 'removed', '2'), { recursive: true });
  await untilAnswer('removed', '1', 11);
  await rm(join(server.modelsDir, 'removed'), { recursive: true });
  await until('it answers no more', async () => (await answerOf('removed')) === null);
  assert.deepEqual(
    (await versionsOf('removed')).filter(({ state }) => state === 'READY'),
    [],
  );
});

test('what cannot be a model is left alone or refused, and harms nothing', async () => {
  const good = biasModel(1);
  await drop('UPPER/1/model.onnx', good);
  await drop('bad name.onnx', good);
  await drop('__proto__/1/model.onnx', good);
  await drop('..hidden.onnx', good);
  await drop('nested/abc/model.onnx', good);
  await drop('nested/0/model.onnx', good);
  await drop('nested/-1/model.onnx', good);
  await drop('nested/99999999999999999999/model.onnx', good);
  await drop('nomodel/1/weights.bin', good);
  await drop('both.onnx', good);
  await drop('both/1/model.onnx', good);
  await drop('readme.txt', 'hello');
  await drop('.git/config', 'x');
  await symlink('/etc', join(server.modelsDir, 'etc'));
  await mkdir(join(server.modelsDir, 'linked', '1'), { recursive: true });
  await symlink('/etc/passwd', join(server.modelsDir, 'linked', '1', 'model.onnx'));
  await symlink(server.modelsDir, join(server.modelsDir, 'ring'));
  await drop('good/1/model.onnx', biasModel(7));
  await untilAnswer('good', '1', 8);
  await untilAnswer('both', '1', 2); // the folder; the file beside it is reported
  await until('both.onnx is reported', () =>
    /both\.onnx and the folder both\/ cannot both be the model/.test(server.log()),
  );
  for (const name of ['nomodel', 'linked', 'nested', 'etc']) assert.equal(await answerOf(name), null, name);
  const ready = await server.request('/v2/models');
  const { models } = (await ready.json()) as { readonly models: readonly string[] };
  for (const name of ['UPPER', 'bad name', '__proto__', 'readme', 'readme.txt', '.git', 'root'])
    assert.ok(!models.includes(name), name);
  assert.doesNotMatch(server.log(), /root:x:0/, 'nothing outside the folder is read');
  for (const name of ['UPPER', 'linked', 'nested', 'etc']) {
    await until(
      `${name} is reported`,
      () =>
        refusalsOf(name).length > 0 || server.log().includes(`"${name}/`) || server.log().includes(`${name} is a link`),
    );
  }
});

test('manifests in the folder: nonsense is refused by name, keys of JavaScript are keys', async () => {
  const manifests: readonly (readonly [name: string, manifest: string, refusal: RegExp])[] = [
    ['broken-json', '{"batching": ', /amaas\.json: not valid JSON/],
    ['unknown-key', '{"batchSize": 3}', /amaas\.json.*batchSize/],
    ['proto', '{"__proto__": {"isolation": "process"}}', /amaas\.json.*__proto__/],
    ['constructor', '{"constructor": {"prototype": {}}}', /amaas\.json.*constructor/],
    ['outside', '{"labels": "../../../../../etc/passwd"}', /is not beside the model/],
    ['not-an-object', '[1, 2]', /amaas\.json/],
    ['binary', '\u0000\u0001', /amaas\.json: not valid JSON/],
  ];
  for (const [name, manifest] of manifests) {
    await drop(`${name}/1/amaas.json`, manifest);
    await drop(`${name}/1/model.onnx`, biasModel(1));
  }
  for (const [name, , refusal] of manifests) await untilRefused(name, 1, refusal);
  await drop('signed/1/amaas.json', '{"signatures": {"__proto__": {"method": "classify"}, "toString": {}}}');
  await drop('signed/1/model.onnx', biasModel(2));
  await untilAnswer('signed', '1', 3);
  const detail = (await adminCall(server, 'GET', 'models/signed/versions/1')).text;
  assert.match(detail, /"signatures":\{"serving_default":.*"__proto__":.*"toString":/);
  assert.equal(({} as { readonly method?: string }).method, undefined);
});

test('a name has one owner', async () => {
  assert.equal((await deployBytes(server, 'owned', biasModel(10))).status, 201);
  await drop('owned/1/model.onnx', biasModel(99));
  await until('the folder is refused', () => refusalsOf('owned').length > 0);
  assert.match(refusalsOf('owned')[0] ?? '', /NAME_TAKEN.*belongs to the management API/);
  assert.deepEqual(await answerOf('owned'), ['1', 11]);
  await drop('theirs/1/model.onnx', biasModel(10));
  await untilAnswer('theirs', '1', 11);
  const refused = await deployBytes(server, 'theirs', biasModel(20));
  assert.deepEqual([refused.status, refused.error?.reason], [409, 'NAME_TAKEN']);
  assert.deepEqual(await answerOf('theirs'), ['1', 11]);
});
