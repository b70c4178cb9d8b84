import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnswerEvent, type LanguageManifest, systemClock } from '@amaas/core';
import { LanguageMemory } from './language-memory.ts';
import type { AnswerReader, ConversationFormat } from './language-ports.ts';
import { ResidentLanguageModel } from './resident-language-model.ts';
import { ServedLanguageModel } from './served-language-model.ts';
import { FAKE_FILE, FakeLanguageEngine } from './testing/fake-language.ts';
import { versionRecord } from './testing/fake-parts.ts';

function served(language: LanguageManifest = {}, reader: () => AnswerReader = plainReader) {
  const engine = new FakeLanguageEngine();
  const generations: unknown[] = [];
  let releases = 0;
  const format: ConversationFormat = {
    abilities: { chat: true, tools: false, thinking: true },
    prepare: () => ({
      prompt: [{ text: 'p', special: true }],
      grammar: 'root ::= "x"',
      stop: ['<end>'],
      createReader: reader,
    }),
    render: () => [{ text: 'four', special: true }],
  };
  const resident = new ResidentLanguageModel({
    engine,
    source: { label: 'm@1', modelPath: '/m' },
    options: { maxMemoryBytes: 1000, maxLoadMs: 1000, maxQueueSize: 3 },
    memory: new LanguageMemory(1000),
    clock: systemClock,
    keepAliveMs: Number.POSITIVE_INFINITY,
  });
  const model = new ServedLanguageModel({
    record: { ...versionRecord('m', 1), format: 'gguf', manifest: { language } },
    file: FAKE_FILE,
    format,
    resident,
    laidOut: { release: () => void releases++ },
    recorder: { recordGeneration: (generation) => void generations.push(generation), dispose: () => {} },
  });
  return { engine, model, resident, generations, releases: () => releases };
}

function plainReader(): AnswerReader {
  return { read: ({ text, tokens }) => [{ type: 'text', text, tokens }], finish: () => [] };
}

const INPUT = { kind: 'prompt', prompt: 'p' } as const;

async function all(events: AsyncIterable<AnswerEvent>): Promise<readonly AnswerEvent[]> {
  const found: AnswerEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

test('ServedLanguageModel.generate gives the events of one answer, and tells the recorder', async () => {
  const { model, generations } = served();
  const events = await all(model.generate({ input: INPUT }));
  assert.deepEqual(
    events.map((event) => (event.type === 'text' ? event.text : event.type)),
    ['started', 'one', ' two', 'ended'],
  );
  const end = events.at(-1);
  assert(end?.type === 'ended');
  assert.equal(end.reason, 'stop');
  assert.equal(end.usage.reasoningTokens, 0);
  assert.equal(generations.length, 1);
});

test('ServedLanguageModel.generate fills what the request leaves open from the manifest', async () => {
  const { engine, model } = served({ maxTokens: 9, sampling: { temperature: 0.1, topK: 3 }, stop: ['<m>'] });
  await all(model.generate({ input: INPUT, sampling: { topK: 4, seed: 1 }, stop: ['<r>'] }));
  assert.deepEqual(engine.requests[0], {
    prompt: [{ text: 'p', special: true }],
    sampling: { temperature: 0.1, topK: 4, seed: 1 },
    maxTokens: 9,
    stop: ['<r>', '<m>', '<end>'],
    grammar: 'root ::= "x"',
  });
  await all(model.generate({ input: INPUT, maxTokens: 2 }));
  assert.equal(engine.requests[1]?.maxTokens, 2);
});

test('ServedLanguageModel.generate counts thoughts, gives what the reader held back, and ends with calls', async () => {
  const reader = (): AnswerReader => ({
    read: ({ text }) => [{ type: 'reasoning', text, tokens: [] }],
    finish: () => [{ type: 'tool-call', index: 0, id: 'c', name: 'f' }],
  });
  const { model } = served({}, reader);
  const events = await all(model.generate({ input: INPUT }));
  assert.deepEqual(
    events.map(({ type }) => type),
    ['started', 'reasoning', 'reasoning', 'tool-call', 'ended'],
  );
  const end = events.at(-1);
  assert(end?.type === 'ended');
  assert.deepEqual([end.reason, end.usage.reasoningTokens], ['tool-calls', 'one two'.length]);
});

test('ServedLanguageModel gives the model back when a caller leaves early, and when the reader fails', async () => {
  const { model, resident } = served();
  for await (const event of model.generate({ input: INPUT })) if (event.type === 'text') break;
  assert.equal(resident.isIdle, true);
  const broken = served({}, () => ({
    read: () => {
      throw new Error('broken');
    },
    finish: () => [],
  }));
  await assert.rejects(all(broken.model.generate({ input: INPUT })), /broken/);
  assert.equal(broken.resident.isIdle, true);
});

test('ServedLanguageModel.unload answers what was accepted, then lets the files go', async () => {
  const { engine, model, releases } = served();
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.gate = promise;
  const answering = all(model.generate({ input: INPUT }));
  while (engine.requests.length === 0) await new Promise(setImmediate);
  const unloading = model.unload();
  await new Promise(setImmediate);
  assert.equal(releases(), 0);
  resolve();
  assert.equal((await answering).length, 4);
  await unloading;
  assert.equal(releases(), 1);
  assert.deepEqual(engine.present, []);
});

test('ServedLanguageModel says what it holds', async () => {
  const { model } = served();
  assert.deepEqual(model.residency, { isLoaded: false, facts: null, memoryBytes: 0, expiresAtMs: null });
  assert.equal(await model.countPromptTokens(INPUT), 4);
  assert.equal(model.residency.isLoaded, true);
  assert.equal(model.memoryBytes, 7);
  await model.evict();
  assert.equal(model.residency.isLoaded, false);
});

test('ServedLanguageModel.generate and use end with their caller while the model loads', async () => {
  const { engine, model } = served();
  const gate = Promise.withResolvers<void>();
  engine.loading = gate.promise;
  const leaving = new AbortController();
  const { signal } = leaving;
  const waiting = [all(model.generate({ input: INPUT }, { signal })), model.use(async () => 1, { signal })];
  leaving.abort();
  for (const one of waiting) await assert.rejects(one, { reason: 'CANCELLED' });
  gate.resolve();
  assert.equal(await model.use(async () => 2), 2);
});
