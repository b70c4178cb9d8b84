// `amaas train --task language-model` by the real command and a real server: what is served goes on with texts as the model in
// the folder does.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { readTokenizer } from '@amaas/learn/tokenize';
import { AmaasHome, type CommandResult, type ServedAmaas } from './testing/amaas-command.ts';

let home: AmaasHome;
let server: ServedAmaas;

before(async () => {
  home = await AmaasHome.create();
  server = await home.serve(['--bundled-models', 'off']);
});

after(() => home?.dispose());

function amaas(...argv: readonly string[]): Promise<CommandResult> {
  return home.run(argv, { environment: { AMAAS_URL: server.url } });
}

async function done(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await amaas(...argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** What the folder's model writes behind a text. */
async function goOn(folder: string, text: string): Promise<string> {
  const tokenizer = readTokenizer(await readFile(join(folder, 'tokenizer.json'), 'utf8'));
  const executor = await createOrtNodeExecutor({ threads: 1 });
  const model = await executor.compile(await readFile(join(folder, 'model.onnx')));
  const { ids } = tokenizer.encode(text);
  const outputs = await model.run(
    new Map([['ids', createTensor('int64', [1, ids.length], BigInt64Array.from(ids, BigInt))]]),
  );
  await model.dispose();
  return tokenizer.decode([...(outputs.get('tokens')?.data ?? [])].map(Number));
}

test('a language model is trained, served, and goes on with texts', async () => {
  const stories = Array.from(
    { length: 200 },
    (_, index) => `The cat saw ${index % 9} dogs. It was ${index % 4} years old.`,
  );
  await writeFile(join(home.folder, 'stories.txt'), stories.join('\n<|endoftext|>\n'));
  const sizes = '--layers 1 --heads 2 --width 32 --block-size 32 --vocabulary 300 --steps 120 --sample-every 60';
  const argv = ['train', 'stories.txt', '--task', 'language-model', ...sizes.split(' '), '--label', 'production'];
  const trained = JSON.parse(await done(...argv, '--json'));
  assert.deepEqual([trained.model, trained.version, trained.step], ['stories', 1, 120]);
  const folder = join(home.folder, 'trained/stories');
  const texts = ['The cat saw', 'It', ''];
  const answer = JSON.parse(await done('predict', 'stories', '--data', JSON.stringify({ ids: texts }), '--json'));
  const written = answer.outputs.find(({ name }: { readonly name: string }) => name === 'tokens').data;
  assert.deepEqual(written, [await goOn(folder, texts[0] ?? ''), await goOn(folder, 'It'), await goOn(folder, '')]);
  assert.match(written[0] ?? '', /\d dogs/);
  const run = JSON.parse(await done('runs', 'show', trained.run, '--json'));
  assert.equal(run.metrics.bitsPerByte, trained.validation.bitsPerByte);
});

test('what the command says to ask with works as it is', async () => {
  const sizes = '--layers 1 --heads 2 --width 16 --block-size 16 --vocabulary 280 --steps 4 --prompt The --name told';
  const shown = await done('train', 'stories.txt', '--task', 'language-model', ...sizes.split(' '));
  const line = /^ {2}(?:npx )?amaas (predict .*)$/m.exec(shown)?.[1] ?? assert.fail(shown);
  assert.match(await done(...line.split(' ')), /./);
});
