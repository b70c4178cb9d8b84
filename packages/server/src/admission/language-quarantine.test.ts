import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type LanguageLoadOptions, type LanguageModel, type LanguageModelSource } from '@amaas/core';
import { LanguageMemory, type MemoryHolder } from '../dataplane/index.ts';
import { FakeLanguageEngine } from '../dataplane/testing/fake-language.ts';
import type { QuarantineVerdict, Registry, VerdictKey } from '../registry/index.ts';
import { type LanguageCase, LanguageQuarantine } from './language-quarantine.ts';

function quarantineOf(engine: FakeLanguageEngine, maxBytes: number) {
  const memory = new LanguageMemory(maxBytes);
  const verdicts = new Map<string, QuarantineVerdict>();
  const told: string[] = [];
  const registry = {
    getVerdict: async (key: VerdictKey) => verdicts.get(JSON.stringify(key)) ?? null,
    putVerdict: async (key: VerdictKey, verdict: QuarantineVerdict) => {
      verdicts.set(JSON.stringify(key), verdict);
    },
  } as unknown as Registry; // quarantine calls nothing else of it
  const quarantine = new LanguageQuarantine({
    ...{ registry, memory, maxLoadMs: 1000, engineFor: () => engine, onVerdict: (verdict) => told.push(verdict) },
    formats: {
      async open() {
        return {
          abilities: { chat: false, tools: false, thinking: false },
          prepare: () => assert.fail('nothing is asked here'),
          render: () => [],
        };
      },
    },
  });
  return { quarantine, memory, told };
}

function subject(label: string): LanguageCase {
  const digest = `sha256:${label.charCodeAt(0).toString(16).padStart(64, '0')}` as const;
  return { digest, source: { label, modelPath: `/${label}` }, directory: '/', manifest: {} };
}

function busy(label: string): MemoryHolder {
  return { label, isIdle: false, lastUsedMs: 0, evict: () => Promise.resolve() };
}

test('LanguageQuarantine sets memory aside while it tries a model out, for one sequence, and gives it back', async () => {
  const engine = new FakeLanguageEngine();
  const { quarantine, memory, told } = quarantineOf(engine, 100);
  const { promise, resolve } = Promise.withResolvers<void>();
  engine.loading = promise;
  const examined = quarantine.examine(subject('a'));
  while (!engine.options.has('a')) await new Promise((next) => setImmediate(next));
  assert.equal(memory.heldBytes, 100);
  assert.equal(engine.options.get('a')?.parallel, 1);
  resolve();
  await examined;
  assert.equal(memory.heldBytes, 0);
  assert.deepEqual([engine.present, told], [[], ['admitted']]);
});

test('LanguageQuarantine gives memory back when the model does not load', async () => {
  const engine = new FakeLanguageEngine();
  const { quarantine, memory } = quarantineOf(engine, 100);
  engine.failLoads = true;
  await assert.rejects(quarantine.examine(subject('a')), { reason: 'MODEL_REJECTED' });
  assert.equal(memory.heldBytes, 0);
});

test('LanguageQuarantine makes idle models leave, and is refused for the moment while they are busy', async () => {
  const engine = new FakeLanguageEngine();
  const { quarantine, memory, told } = quarantineOf(engine, 150);
  const serving = { ...busy('serving@1'), isIdle: false, evictions: 0 };
  serving.evict = async () => void serving.evictions++;
  await memory.claim(serving, 90);
  await assert.rejects(quarantine.examine(subject('a')), {
    reason: 'MEMORY_LIMIT',
    retryable: true,
    message:
      'load: model "a" needs 1 MB, and language models may take 1 MB together; serving@1 1 MB are busy: deliver the model again when they are idle (in the models folder: touch a file of it), or raise languageMemoryBytes',
  });
  assert.deepEqual([engine.loads, memory.heldBytes, told], [0, 90, []]);
  serving.isIdle = true;
  await quarantine.examine(subject('a')); // no verdict stands in the way
  assert.deepEqual([engine.loads, memory.heldBytes, serving.evictions], [1, 0, 1]);
});

test('LanguageQuarantine remembers the refusal of a model that can never fit', async () => {
  const engine = new FakeLanguageEngine();
  const { quarantine, told } = quarantineOf(engine, 99);
  await assert.rejects(quarantine.examine(subject('a')), { reason: 'MEMORY_LIMIT', retryable: false });
  assert.deepEqual(told, ['rejected']);
});

test('LanguageQuarantine tries models that do not fit together one after the other', async () => {
  const engine = new FakeLanguageEngine();
  const { quarantine, memory } = quarantineOf(engine, 250);
  let most = 0;
  const { load } = engine;
  engine.load = async (source, options) => {
    most = Math.max(most, memory.heldBytes);
    await new Promise((next) => setImmediate(next));
    return load.call(engine, source, options);
  };
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((label) => quarantine.examine(subject(label))));
  assert.deepEqual([engine.loads, most, memory.heldBytes], [5, 200, 0]);
});

/** Takes memory for an adapter, as the model of a real engine does when the adapter is first asked for. */
class GrowingEngine extends FakeLanguageEngine {
  readonly grownTo: number[] = [];
  readonly heldBytes: () => number;

  constructor(heldBytes: () => number) {
    super();
    this.heldBytes = heldBytes;
  }

  override async load(source: LanguageModelSource, options: LanguageLoadOptions): Promise<LanguageModel> {
    const model = await super.load(source, options);
    const { heldBytes, grownTo } = this;
    return {
      ...model,
      async *generate(request, signal) {
        if (request.adapter !== undefined) await options.extraMemory?.claim(`adapter "${request.adapter}"`, 30);
        grownTo.push(heldBytes());
        yield* model.generate(request, signal);
      },
    };
  }
}

test('LanguageQuarantine sets memory aside for adapters, too, or is refused for the moment', async () => {
  const engine = new GrowingEngine(() => memory.heldBytes);
  const { quarantine, memory, told } = quarantineOf(engine, 200);
  const source = {
    label: 'a',
    modelPath: '/a',
    adapters: new Map([
      ['x', '/x'],
      ['y', '/y'],
    ]),
  };
  const serving = busy('serving@1');
  await memory.claim(serving, 50);
  await assert.rejects(
    quarantine.examine({ ...subject('a'), source }),
    (thrown) =>
      thrown instanceof AmaasError &&
      thrown.retryable &&
      /^adapter "y": model "a" needs .* are busy: deliver the model again/.test(thrown.message),
  );
  assert.deepEqual([engine.grownTo, memory.heldBytes, told], [[150, 180], 50, []]);
  memory.release(serving);
  await quarantine.examine({ ...subject('a'), source });
  assert.deepEqual([engine.grownTo.slice(2), memory.heldBytes], [[100, 130, 160], 0]);
});
