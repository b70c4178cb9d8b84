import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CancelTimer, Clock } from '@amaas/core';
import { trainBpe } from '@amaas/learn/tokenize';
import { TokenizerThreads } from './tokenizer-threads.ts';

const tokenizer = trainBpe(['some words of some length'], { vocabularySize: 280 });
const task = { pair: false, maxTokens: 1e6, truncate: 'refuse', addSpecialTokens: true, what: 'x' } as const;

/** A clock whose timers the test lets go off. */
class Timers implements Clock {
  readonly waiting = new Set<() => void>();
  nowMs = () => 0;
  wallTime = () => new Date(0);
  schedule(_delayMs: number, action: () => void): CancelTimer {
    const entry = () => action();
    this.waiting.add(entry);
    return () => void this.waiting.delete(entry);
  }
  fire(): void {
    for (const entry of [...this.waiting]) {
      this.waiting.delete(entry);
      entry();
    }
  }
}

let directory: string;
let path: string;
const timers = new Timers();
const threads = new TokenizerThreads({ clock: timers, lingerMs: 1000, maxTaskMs: 5000 });

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'amaas-tokenizers-'));
  path = join(directory, 'tokenizer.json');
  await writeFile(path, JSON.stringify(tokenizer.toJson()));
});

after(async () => {
  await threads.dispose();
  await rm(directory, { recursive: true, force: true });
});

test('TokenizerThreads encode and decode as the tokenizer does, many calls at once, short and long', async () => {
  const opened = await threads.open({ key: 'a', path });
  assert.equal(opened.facts.vocabularySize, tokenizer.vocabularySize);
  const texts = Array.from({ length: 20 }, (_, index) => 'some words '.repeat(index === 7 ? 5000 : index));
  const encoded = await Promise.all(texts.map((text) => opened.encode({ ...task, texts: [text] })));
  for (const [index, { ids }] of encoded.entries()) assert.deepEqual(ids, tokenizer.encode(texts[index] ?? '').ids);
  const ids = encoded[3]?.ids ?? new Int32Array();
  const decoding = { ids, rowTokens: ids.length, rows: 1, skipSpecialTokens: true, endIds: [] };
  assert.deepEqual(await opened.decode(decoding), [texts[3]]);
  assert.deepEqual(await opened.idsOf(['some', '?!']), [tokenizer.tokenToId('some'), null]);
  opened.close();
});

test('TokenizerThreads let short texts pass a long one, and the event loop turn meanwhile', async () => {
  const opened = await threads.open({ key: 'a', path });
  const order: string[] = [];
  await opened.encode({ ...task, texts: ['some words '.repeat(3000)] }); // both threads have it now
  const long = opened.encode({ ...task, texts: ['東京'.repeat(120_000)] }).then(() => order.push('long'));
  let turns = 0;
  for (let index = 0; index < 5; index++) {
    await opened.encode({ ...task, texts: ['short'] }).then(() => order.push('short'));
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  await long;
  assert.deepEqual([order, turns], [['short', 'short', 'short', 'short', 'short', 'long'], 5]);
  opened.close();
});

test('TokenizerThreads.open shares a tokenizer among its users and keeps it for a while after the last', async () => {
  const own = join(directory, 'own.json');
  await writeFile(own, JSON.stringify(tokenizer.toJson()));
  const [first, second] = await Promise.all([
    threads.open({ key: 'own', path: own }),
    threads.open({ key: 'own', path: own }),
  ]);
  await rm(own);
  first.close();
  first.close(); // the other one still needs it
  timers.fire();
  assert.equal((await second.encode({ ...task, texts: ['some'] })).ids.length, 1);
  second.close();
  const third = await threads.open({ key: 'own', path: own }); // within the while: not read again
  timers.fire();
  assert.equal((await third.encode({ ...task, texts: ['some'] })).ids.length, 1);
  third.close();
  timers.fire();
  await assert.rejects(threads.open({ key: 'own', path: own }), 'it is gone by now, and so is the file');
});

test('TokenizerThreads.open refuses what is no tokenizer, and tries again when asked again', async () => {
  const bad = join(directory, 'bad.json');
  await writeFile(bad, '{"model": 5}');
  const open = () => threads.open({ key: 'bad', path: bad });
  await assert.rejects(open, { reason: 'INVALID_MODEL', message: 'tokenizer.json: model expects an object, got 5' });
  await writeFile(bad, JSON.stringify(tokenizer.toJson()));
  (await open()).close();
});

test('TokenizerThreads give up a text that still waits when its caller goes away', async () => {
  const opened = await threads.open({ key: 'a', path });
  const gone = new AbortController();
  const first = opened.encode({ ...task, texts: ['東京'.repeat(50_000)] });
  const waiting = opened.encode({ ...task, texts: ['東京'.repeat(50_000)] }, gone.signal);
  gone.abort();
  await assert.rejects(waiting, { reason: 'CANCELLED' });
  assert.ok((await first).ids.length > 0);
  opened.close();
});

test('TokenizerThreads replace a thread that takes too long over a text', async () => {
  const opened = await threads.open({ key: 'a', path });
  await opened.encode({ ...task, texts: ['some words '.repeat(3000)] });
  const stuck = opened.encode({ ...task, texts: ['東京'.repeat(120_000)] });
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  timers.fire();
  await assert.rejects(stuck, { reason: 'INVALID_ARGUMENT', message: 'text: tokenizing takes longer than 5 s' });
  const { ids } = await opened.encode({ ...task, texts: ['some words '.repeat(3000)] });
  assert.deepEqual(ids, tokenizer.encode('some words '.repeat(3000)).ids);
  opened.close();
});

test('TokenizerThreads.dispose rejects what is under way and what comes later', async () => {
  const other = new TokenizerThreads({ clock: timers, lingerMs: 1000, maxTaskMs: 5000 });
  const opened = await other.open({ key: 'a', path });
  const under = opened.encode({ ...task, texts: ['東京'.repeat(60_000)] });
  const refused = assert.rejects(under, { reason: 'SHUTTING_DOWN' });
  await new Promise((resolve) => setImmediate(resolve));
  await other.dispose();
  await refused;
  await assert.rejects(opened.encode({ ...task, texts: ['a'] }), { reason: 'SHUTTING_DOWN' });
});
