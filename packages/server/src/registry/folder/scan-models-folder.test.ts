import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { FolderCandidate } from './folder-candidate.ts';
import { scanFolder, scanModelsFolder } from './scan-models-folder.ts';

async function createFolder(context: TestContext, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'amaas-models-')));
  context.after(() => rm(folder, { recursive: true, force: true }));
  for (const [path, contents] of Object.entries(files)) await put(join(folder, path), contents);
  return folder;
}

async function put(path: string, contents: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
}

/** `resnet/1: amaas.json<resnet/amaas.json model.onnx`: what each candidate holds, and where it lies when under another name. */
function summary(folder: string, candidates: readonly FolderCandidate[]): string[] {
  return candidates.map((candidate) => {
    if (candidate.problem !== undefined) return `${candidate.location}: ! ${candidate.problem}`;
    const files = candidate.files.map(({ path, source }) => {
      const where = source.slice(folder.length + 1);
      return where === `${candidate.location}/${path}` ? path : `${path}<${where}`;
    });
    return `${candidate.location}: ${files.join(' ')}`;
  });
}

test('scanModelsFolder finds versions with what belongs to them', async (t) => {
  const folder = await createFolder(t, {
    'resnet/1/model.onnx': 'one',
    'resnet/1/data/weights.bin': 'weights',
    'resnet/1/.model.onnx.swp': 'hidden',
    'resnet/0020/model.onnx': 'twenty',
    'resnet/0020/amaas.json': '{"own":1}',
    'resnet/config.pbtxt': 'name: "resnet"',
    'resnet/amaas.json': '{}',
    'resnet/labels.txt': 'a\nb',
    'resnet/notes.docx': 'not for us',
    'resnet/huge.json': ' '.repeat(1024 * 1024 + 1),
    'empty/1/.keep': '',
    '.git/config': '',
    'README.md': 'hello',
  });
  const candidates = await scanModelsFolder(folder);
  assert.deepEqual(summary(folder, candidates), [
    'resnet/0020: amaas.json config.pbtxt<resnet/config.pbtxt labels.txt<resnet/labels.txt model.onnx',
    'resnet/1: amaas.json<resnet/amaas.json config.pbtxt<resnet/config.pbtxt data/weights.bin labels.txt<resnet/labels.txt model.onnx',
  ]);
  assert.deepEqual(
    candidates.map(({ model, version, directory, modelFile, manifestFile, configFile }) => [
      model,
      version,
      directory,
      modelFile,
      manifestFile,
      configFile,
    ]),
    [
      ['resnet', 20, join(folder, 'resnet/0020'), 'model.onnx', 'amaas.json', 'config.pbtxt'],
      ['resnet', 1, join(folder, 'resnet/1'), 'model.onnx', 'amaas.json', 'config.pbtxt'],
    ],
  );
  assert.equal(candidates[1]?.files.find((file) => file.path === 'data/weights.bin')?.sizeBytes, 'weights'.length);
});

test('scanModelsFolder finds single files under the names their version will have', async (t) => {
  const folder = await createFolder(t, {
    'iris.onnx': 'model',
    'iris.amaas.json': '{}',
    'iris.onnx.data': 'weights',
    'mnist-12.v2.onnx': 'model',
    'stray.amaas.json': '{}',
  });
  const candidates = await scanModelsFolder(folder);
  assert.deepEqual(summary(folder, candidates), [
    'iris.onnx: amaas.json<iris.amaas.json iris.onnx.data<iris.onnx.data model.onnx<iris.onnx',
    'mnist-12.v2.onnx: model.onnx<mnist-12.v2.onnx',
  ]);
  assert.deepEqual(
    candidates.map(({ model, version, manifestFile }) => [model, version, manifestFile]),
    [
      ['iris', null, 'amaas.json'],
      ['mnist-12.v2', null, null],
    ],
  );
});

test('scanModelsFolder reports what cannot be served and finds the rest', async (t) => {
  const folder = await createFolder(t, {
    'ResNet/1/model.onnx': 'x',
    'Iris.onnx': 'x',
    '模型.onnx': 'x',
    '__proto__/1/model.onnx': 'x',
    'good/1/model.onnx': 'x',
    'good/0/model.onnx': 'x',
    'good/-1/model.onnx': 'x',
    'good/v2/model.onnx': 'x',
    'good/3.5/model.onnx': 'x',
    'good/99999999999999999/model.onnx': 'x',
    'good/01/model.onnx': 'x',
    'good/model.onnx': 'x',
    'good/7/weights.bin': 'x',
    'good/7/a/b': 'x',
    'good/8/model.onnx': 'x',
    'good/8/back\\slash': 'x',
    'both.onnx': 'x',
    'both/1/model.onnx': 'x',
  });
  await mkdir(join(folder, 'dir.onnx'));
  const rule = 'a–z, 0–9, ".", "_" and "-", starting with a letter or digit, at most 128 characters';
  const expected = [
    'Iris.onnx: model.onnx<Iris.onnx',
    `ResNet: ! "ResNet": "ResNet" is not a model name; expected ${rule}`,
    `__proto__: ! "__proto__": "__proto__" is not a model name; expected ${rule}`,
    'both.onnx: ! both.onnx and the folder both/ cannot both be the model "both"',
    'both/1: model.onnx',
    'good/-1: ! good/-1/ is not a version: expected a folder named by a whole number ≥ 1',
    'good/0: ! good/0/ is not a version: expected a folder named by a whole number ≥ 1',
    'good/01: model.onnx',
    'good/1: ! good/1/ and good/01/ are the same version',
    'good/3.5: ! good/3.5/ is not a version: expected a folder named by a whole number ≥ 1',
    'good/7: ! good/7/ holds no model.onnx or model.gguf, only a/b, weights.bin',
    'good/8: ! file path "back\\\\slash": control characters and backslashes are not allowed',
    'good/99999999999999999: ! good/99999999999999999/ is not a version: expected a folder named by a whole number ≥ 1',
    'good/model.onnx: ! good/model.onnx is in no version folder: expected good/1/model.onnx',
    'good/v2: ! good/v2/ is not a version: expected a folder named by a whole number ≥ 1',
    `模型.onnx: ! "模型.onnx": "模型" is not a model name; expected ${rule}`,
  ];
  assert.deepEqual(summary(folder, await scanModelsFolder(folder)).toSorted(), expected.toSorted());
});

test('scanModelsFolder makes names of what files are called, and lets nobody take a name that is there', async (t) => {
  const folder = await createFolder(t, {
    'Qwen2.5-0.5B-Q4_K_M.gguf': 'x',
    'Qwen2.5-0.5B-Q4_K_M.amaas.json': '{}',
    'Modèle d’été (1).GGUF': 'x',
    'same.gguf': 'x',
    'Same.gguf': 'x',
    'Twice.gguf': 'x',
    'TWICE.onnx': 'x',
  });
  const candidates = await scanModelsFolder(folder);
  assert.deepEqual(
    new Map(candidates.map(({ location, model, problem, files }) => [location, problem ?? `${model} ${files.length}`])),
    new Map([
      ['Modèle d’été (1).GGUF', 'modele-d-ete-1 1'],
      ['Qwen2.5-0.5B-Q4_K_M.gguf', 'qwen2.5-0.5b-q4_k_m 2'],
      ['Same.gguf', 'Same.gguf and same.gguf cannot both be the model "same"'],
      ['TWICE.onnx', 'TWICE.onnx and Twice.gguf cannot both be the model "twice"'],
      ['Twice.gguf', 'Twice.gguf and TWICE.onnx cannot both be the model "twice"'],
      ['same.gguf', 'same 1'],
    ]),
  );
  // A refusal under the name of the model that is served would take that one away.
  assert.equal(candidates.find(({ location }) => location === 'Same.gguf')?.model, 'Same');
  assert.deepEqual(
    candidates.find(({ model }) => model === 'modele-d-ete-1')?.files.map(({ path }) => path),
    ['model.gguf'],
  );
});

test('scanModelsFolder follows links inside the folder and no others', async (t) => {
  const outside = await createFolder(t, { 'secret.onnx': 'secret', 'dir/model.onnx': 'secret' });
  const folder = await createFolder(t, { '..data/model.onnx': 'mounted', 'plain/1/model.onnx': 'x' });
  const link = async (path: string, target: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(target, join(folder, path));
  };
  await link('mounted/1', '../..data'); // as Kubernetes mounts ConfigMaps
  await link('alias/2/model.onnx', '../../plain/1/model.onnx');
  await link('single.onnx', 'plain/1/model.onnx');
  await link('escape/1/model.onnx', join(outside, 'secret.onnx'));
  await link('escape/2', join(outside, 'dir'));
  await link('escape3', outside);
  await link('escape4.onnx', join(outside, 'secret.onnx'));
  await link('dangling/1/model.onnx', 'nowhere');
  await link('self.onnx', 'self.onnx');
  await link('ring/1/model.onnx', '../../plain/1/model.onnx');
  await link('ring/1/again', '..');
  assert.deepEqual(summary(folder, await scanModelsFolder(folder)).toSorted(), [
    'alias/2: model.onnx<plain/1/model.onnx',
    'dangling/1: ! dangling/1/model.onnx is a link to something that does not exist',
    'escape/1: ! escape/1/model.onnx is a link that leaves the models folder',
    'escape/2: ! escape/2 is a link that leaves the models folder',
    'escape3: ! escape3 is a link that leaves the models folder',
    'escape4.onnx: ! escape4.onnx is a link that leaves the models folder',
    'mounted/1: model.onnx<..data/model.onnx',
    'plain/1: model.onnx',
    'ring/1: ! ring/1 is nested more than 8 folders deep',
    'self.onnx: ! self.onnx is a link that leads to itself',
    'single.onnx: model.onnx<plain/1/model.onnx',
  ]);
});

test('scanFolder reads a folder that is itself a link, and says which folders it looked into', async (t) => {
  const folder = await createFolder(t, { 'a/1/deep/model.onnx': 'x', 'a/1/model.onnx': 'x' });
  const alias = join(await createFolder(t), 'alias');
  await symlink(folder, alias);
  const { candidates, directories } = await scanFolder(alias);
  assert.deepEqual(summary(folder, candidates), ['a/1: deep/model.onnx model.onnx']);
  assert.deepEqual(
    [...directories.keys()].toSorted(),
    ['', '/a', '/a/1', '/a/1/deep'].map((path) => folder + path),
  );
});

test('scanModelsFolder marks what it may not read and refuses only for the folder itself', async (t) => {
  const folder = await createFolder(t, { 'a/1/model.onnx': 'x', 'b/1/model.onnx': 'x' });
  await withoutRootRights(folder, async () => {
    await chmod(join(folder, 'a'), 0);
    const [a, b] = await scanModelsFolder(folder);
    assert.deepEqual([a?.isUnreadable, a?.model, b?.problem], [true, 'a', undefined]);
    await chmod(join(folder, 'a'), 0o755);
    await assert.rejects(scanModelsFolder(join(folder, 'missing')), /ENOENT/);
  });
});

/** The user and group that own nothing, on Linux and macOS alike in effect: any id without files would do. */
const NOBODY = 65534;

/** Root may read everything, so a test that runs as root becomes somebody else meanwhile. */
async function withoutRootRights(folder: string, work: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) {
    await work();
    return;
  }
  for (const path of ['', ...(await readdir(folder, { recursive: true }))])
    await chown(join(folder, path), NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}
