import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { runCommand } from '../testing/run-command.ts';

const heart = resolve(import.meta.dirname, '..', '..', '..', '..', 'models', 'heart-disease', '1');

test('compare takes the target of the first candidate, and names the candidate that a file does not fit', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'amaas-cli-'));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  await writeFile(join(cwd, 'other.csv'), 'age,y\n1,2\n3,4\n');
  const { code, stderr } = await runCommand(['compare', heart, '--data', 'other.csv'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /^amaas: candidate \S*heart-disease\S*: openTable other\.csv: there is no column "/);
  const none = await runCommand(['compare', 'absent/', '--data', 'other.csv'], { cwd });
  assert.match(none.stderr, /^amaas: candidate absent\/: .*there is no .*absent\//);
});
