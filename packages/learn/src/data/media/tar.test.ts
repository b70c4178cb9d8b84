import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../../tools/test-data.ts';
import { gunzip } from './gunzip.ts';
import { readTar } from './tar.ts';

const FSDD = 'speech/fsdd_360.tar.gz';

test('readTar reads what tar writes in its three formats, long and foreign names included', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'amaas-tar-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const long = `${'long-'.repeat(30)}name.txt`; // more than the 100 bytes of a header
  const files = new Map([
    ['a/one.txt', 'one'],
    ['a/größe.txt', 'x'.repeat(1000)],
    [`a/${long}`, 'long'],
    ['empty', ''],
  ]);
  mkdirSync(join(folder, 'a'));
  for (const [path, text] of files) writeFileSync(join(folder, path), text);
  symlinkSync('one.txt', join(folder, 'a', 'link'));
  for (const format of ['ustar', 'pax', 'gnu']) {
    if (format === 'ustar')
      rmSync(join(folder, `a/${long}`)); // has no place for it
    else writeFileSync(join(folder, `a/${long}`), 'long');
    const archive = execFileSync('tar', [`--format=${format}`, '-cf', '-', '-C', folder, 'a', 'empty']);
    const found = new Map(readTar(archive, 't').map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]));
    const expected = new Map([...files].filter(([path]) => format !== 'ustar' || !path.includes(long)));
    assert.deepEqual(new Map([...found].sort()), new Map([...expected].sort()), format);
  }
});

test('readTar refuses what is damaged, cut short, or no archive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'amaas-tar-'));
  writeFileSync(join(folder, 'f'), 'x'.repeat(2000));
  const archive = new Uint8Array(execFileSync('tar', ['-cf', '-', '-C', folder, 'f']));
  rmSync(folder, { recursive: true });
  const broken = Uint8Array.from(archive);
  broken[0] = 0x67;
  for (const [bytes, message] of [
    [archive.subarray(0, 1500), 'tar: t cannot be read: "f" announces 2000 bytes and has 988'],
    [archive.subarray(0, 300), 'tar: t cannot be read: it ends within a header'],
    [broken, 'tar: t cannot be read: a header has a wrong checksum, or it is no tar archive'],
    [new Uint8Array(1024).fill(65), 'tar: t cannot be read: a header has a wrong checksum, or it is no tar archive'],
  ] as const)
    assert.throws(() => readTar(bytes, 't'), { reason: 'INVALID_DATA', message });
});

test('readTar finds the 360 recordings of spoken digits', { skip: skipWithoutSharedData(FSDD) }, async () => {
  const files = readTar(await gunzip(readFileSync(sharedDataPath(FSDD)), { name: FSDD }), FSDD);
  assert.equal(files.length, 360);
  assert.ok(files.every(({ path, bytes }) => /\d_[a-z]+_\d\.wav$/.test(path) && bytes.byteLength > 1000));
});
