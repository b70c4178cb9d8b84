// Our tar against GNU tar, in both directions, and against damage.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AmaasError } from '@amaas/core';
import { computeDigest } from '../artifacts/index.ts';
import { encodeTarHeader, paddedBytes, parseTarHeader, TAR_END } from './tar-header.ts';
import { readTar } from './tar-reader.ts';
import { TarWriter } from './tar-writer.ts';

const MTIME = new Date('2026-01-02T03:04:05.000Z');
const skip = spawnSync('tar', ['--version']).status === 0 ? false : 'needs tar';

async function createDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'amaas-tar-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const { name, sizeBytes, body } of readTar(source)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    files.set(name, Buffer.concat(pieces));
    assert.equal(files.get(name)?.length, sizeBytes);
  }
  return files;
}

const FILES: readonly [string, Buffer][] = [
  ['manifest.json', Buffer.from('{}')],
  ['empty', Buffer.alloc(0)],
  [`blobs/${'ab'.repeat(32)}`, randomBytes(511)],
  [`blobs/${'cd'.repeat(32)}`, randomBytes(512)],
  ['x'.repeat(100), randomBytes(70_001)],
];

async function writeArchive(path: string): Promise<void> {
  const tar = await TarWriter.create(path, MTIME, () => {});
  for (const [name, bytes] of FILES) {
    await tar.add({ name, sizeBytes: bytes.length, digest: computeDigest(bytes) }, inPieces(bytes, 1000));
  }
  await tar.finish();
  await tar.close();
}

test('TarWriter writes what readTar reads, however the bytes arrive', async (t) => {
  const path = join(await createDirectory(t), 'a.tar');
  await writeArchive(path);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const bytes = await readFile(path);
  for (const pieceBytes of [1, 511, 512, 4097, bytes.length]) {
    assert.deepEqual([...(await readAll(inPieces(bytes, pieceBytes)))], FILES);
  }
});

test('TarWriter writes what GNU tar reads', { skip }, async (t) => {
  const directory = await createDirectory(t);
  const path = join(directory, 'a.tar');
  await writeArchive(path);
  const listed = execFileSync('tar', ['-tvf', path, '--utc', '--full-time'], { encoding: 'utf8' });
  assert.match(listed, /^-rw------- 0\/0 +2 2026-01-02 03:04:05 manifest\.json\n/);
  execFileSync('tar', ['-xf', path, '-C', directory]);
  for (const [name, bytes] of FILES) assert(bytes.equals(await readFile(join(directory, name))));
});

test('readTar reads what GNU tar writes, in both of its formats', { skip }, async (t) => {
  const directory = await createDirectory(t);
  for (const [name, bytes] of FILES.filter(([each]) => !each.includes('/')))
    await writeFile(join(directory, name), bytes);
  for (const format of ['ustar', 'pax']) {
    const names = FILES.map(([name]) => name).filter((name) => !name.includes('/'));
    const path = join(directory, `${format}.tar`);
    execFileSync('tar', ['-cf', path, `--format=${format}`, '-C', directory, ...names]);
    const files = await readAll(createReadStream(path));
    for (const name of names)
      assert(files.get(name)?.equals(await readFile(join(directory, name))), `${format} ${name}`);
  }
});

test('encodeTarHeader announces files beyond 8 GiB in a way GNU tar and parseTarHeader understand', {
  skip,
}, async (t) => {
  const directory = await createDirectory(t);
  const path = join(directory, 'large.tar');
  const sizeBytes = 9 * 2 ** 30 + 5;
  const header = encodeTarHeader({ name: 'large', sizeBytes }, MTIME);
  const after = Buffer.concat([
    encodeTarHeader({ name: 'after', sizeBytes: 3 }, MTIME),
    Buffer.alloc(512, 'abc'),
    TAR_END,
  ]);
  await writeFile(path, header);
  await truncate(path, header.length + paddedBytes(sizeBytes)); // a hole: takes no space
  const handle = await open(path, 'a');
  await handle.write(after);
  await handle.close();
  const listed = execFileSync('tar', ['-tvf', path], { encoding: 'utf8' });
  assert.match(listed, new RegExp(` ${sizeBytes} .* large\n.* 3 .* after\n$`));
  for await (const entry of readTar(createReadStream(path))) {
    assert.deepEqual([entry.name, entry.sizeBytes], ['large', sizeBytes]);
    break;
  }
  const limit = 8 ** 11 - 1;
  assert.equal(encodeTarHeader({ name: 'x', sizeBytes: limit }, MTIME).length, 512);
  assert.equal(parseTarHeader(encodeTarHeader({ name: 'x', sizeBytes: limit }, MTIME))?.sizeBytes, limit);
  assert.equal(encodeTarHeader({ name: 'x', sizeBytes: limit + 1 }, MTIME).length, 3 * 512);
});

test('readTar lets an extended header overrule the size of the next file and no other', async () => {
  const announced = Buffer.from(encodeTarHeader({ name: 'a', sizeBytes: 8 ** 11 }, MTIME));
  announced.write('size=0000000003', announced.indexOf('size=8589934592'));
  const archive = [
    announced,
    Buffer.alloc(512, 'abc'),
    encodeTarHeader({ name: 'b', sizeBytes: 5 }, MTIME),
    Buffer.alloc(512, 'x'),
  ];
  const files = await readAll(inPieces(Buffer.concat([...archive, TAR_END]), 300));
  assert.deepEqual(
    [...files].map(([name, bytes]) => `${name} ${bytes}`),
    ['a abc', 'b xxxxx'],
  );
});

test('readTar refuses archives that are cut short, damaged or hold anything but files', async (t) => {
  const directory = await createDirectory(t);
  const path = join(directory, 'a.tar');
  await writeArchive(path);
  const bytes = await readFile(path);
  for (const length of [1, 100, 511, 513, 1023, 1025, 3000, bytes.length - TAR_END.length - 513]) {
    await assert.rejects(readAll(inPieces(bytes.subarray(0, length), 700)), /ends in the middle/, `${length} bytes`);
  }
  for (const position of [0, 99, 125, 148, 156, 300, 511]) {
    const damaged = Buffer.from(bytes);
    damaged[position] = (damaged[position] ?? 0) ^ 1;
    await assert.rejects(readAll(inPieces(damaged, 700)), AmaasError, `byte ${position}`);
  }
  await assert.rejects(readAll(inPieces(randomBytes(2000), 700)), /not a tar archive/);
  const lengthless = Buffer.concat([encodeTarHeader({ name: 'a', sizeBytes: 2 ** 40 }, MTIME), randomBytes(5000)]);
  await assert.rejects(readAll(inPieces(lengthless, 700)), /ends in the middle/);
});

test('readTar refuses links, devices and folders', { skip }, async (t) => {
  const directory = await createDirectory(t);
  execFileSync('ln', ['-s', '/etc/passwd', join(directory, 'link')]);
  execFileSync('mkdir', [join(directory, 'folder')]);
  for (const name of ['link', 'folder']) {
    const path = join(directory, 'bad.tar');
    execFileSync('tar', ['-cf', path, '-C', directory, name]);
    await assert.rejects(readAll(createReadStream(path)), /is not a plain file/);
  }
});

test('TarWriter.add refuses contents that are not what was announced', async (t) => {
  const directory = await createDirectory(t);
  const digest = computeDigest('right');
  for (const contents of ['wrong', 'right, and more', 'rig']) {
    const tar = await TarWriter.create(join(directory, `${contents}.tar`), MTIME, () => {});
    await assert.rejects(tar.add({ name: 'a', sizeBytes: 5, digest }, [Buffer.from(contents)]), /"a" does not have/);
    await tar.close();
  }
});
