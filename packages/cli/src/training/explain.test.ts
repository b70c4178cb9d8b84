// The library's own messages, made by the library, must name no option of it once this command has spelled them.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { AmaasError } from '@amaas/core';
import { openTable } from '@amaas/engine-duckdb';
import { spellOptions } from './explain.ts';

const LIBRARY = /skipLines|header:|duplicateNames|with ragged: |encoding:|badValues|clipNorm|give names|maxRows/;

test('spellOptions gives what the reader asks for as flags', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-explain-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const files: readonly [name: string, content: string | Uint8Array, spelled: RegExp][] = [
    ['title.csv', 'Prices of 2026\n1,2\n3,4\n5,6\n', /say --skip-lines 1, else --header yes or --header no/],
    ['odd.csv', 'a,7\n1,2\n3,4\n', /Say --header yes if .*, --header no if it is a row, or --skip-lines 1 if/s],
    ['twice.csv', 'a,a\n1,2\n3,4\n', /rename them in the file, or say --duplicate-names rename/],
    ['latin.csv', Uint8Array.of(97, 44, 98, 10, 0xe4, 44, 49, 10), /say --encoding latin-1/],
    [
      'ragged.csv',
      'a,b\n1,2\n3\n5,6\n7,8\n',
      /say how with --ragged <policy>: 'drop' leaves these lines out, 'pad' fills/,
    ],
  ];
  for (const [name, content, spelled] of files) {
    await writeFile(join(folder, name), content);
    const thrown: unknown = await openTable(join(folder, name)).catch((error: unknown) => error);
    assert.ok(thrown instanceof AmaasError, name);
    assert.match(thrown.message, LIBRARY, `${name}: the library has another wording by now`);
    assert.match(spellOptions(thrown.message), spelled);
    assert.doesNotMatch(spellOptions(thrown.message), LIBRARY);
  }
  const kinds = new Map([['b', 'number']] as const);
  await writeFile(join(folder, 'bad.csv'), 'a,b\n1,x\n2,3\n');
  await assert.rejects(openTable(join(folder, 'bad.csv'), { kinds }), (thrown: Error) => {
    assert.match(spellOptions(thrown.message), /correct them, or name them with --missing <text>$/);
    return true;
  });
});

test('spellOptions leaves other messages alone', () => {
  for (const message of ['the header: trueish', 'a column "skipLines" is missing', 'names must not be empty'])
    assert.equal(spellOptions(message), message);
  for (const message of ['enlarge the part, or split at random', 'name another target, or regression'])
    assert.match(spellOptions(message), /--task regression/);
});
