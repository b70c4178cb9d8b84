// A model's process asks for memory before it takes more than was planned, and what refuses it fails one request only.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { AmaasError, type ExtraMemory, type GenerationEvent, type LanguageModel } from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { LlamaEngine } from './index.ts';
import { embeddingBytes, readFileFacts } from './plan-memory.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const engine = new LlamaEngine();
after(() => engine.dispose());

const once = [{ text: 'Once', special: false }];

/** Grants what it is told to, and keeps account. */
class Account implements ExtraMemory {
  isFull = false;
  readonly asked: string[] = [];
  bytes = 0;
  onChange = (): void => {};

  async claim(operation: string, bytes: number): Promise<void> {
    this.asked.push(operation);
    if (this.isFull) {
      const options = { retryable: true, details: { neededBytes: bytes } };
      throw new AmaasError('MEMORY_LIMIT', `${operation}: others are busy`, options);
    }
    this.bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.bytes -= bytes;
    this.onChange();
  }
}

function load(extraMemory: ExtraMemory): Promise<LanguageModel> {
  return engine.load(
    { label: 'stories', modelPath: sharedDataPath(MODEL) },
    {
      ...{ maxMemoryBytes: 1e9, maxLoadMs: 60_000, maxQueueSize: 100, extraMemory },
      ...{ contextTokens: 512, parallel: 2, threads: 1 },
    },
  );
}

test('embed that is refused memory fails alone while the model writes on, and goes well once there is some', {
  skip,
}, async () => {
  const account = new Account();
  const model = await load(account);
  const events: GenerationEvent[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const written = (async () => {
    for await (const event of model.generate({ prompt: once, maxTokens: 200 })) {
      events.push(event);
      begin();
    }
  })();
  await begun;
  const wanted = await wantedBytes(model);
  account.isFull = true;
  await assert.rejects(model.embed([once]), {
    reason: 'MEMORY_LIMIT',
    message: 'embed: others are busy',
    retryable: true,
    details: { neededBytes: wanted },
  });
  await assert.rejects(model.score(once, once), { reason: 'MEMORY_LIMIT', message: 'score: others are busy' });
  await written;
  assert.equal(events.at(-1)?.type, 'ended');
  assert.equal(account.bytes, 0);
  account.isFull = false;
  assert.equal((await model.embed([once, once])).vectors.length, 2);
  assert.equal((await model.embed([once])).vectors.length, 1);
  assert.deepEqual(account.asked, ['embed', 'score', 'embed']); // the context is kept for a while
  assert.equal(account.bytes, wanted);
  await model.dispose();
});

async function wantedBytes({ facts }: LanguageModel): Promise<number> {
  return embeddingBytes(await readFileFacts(sharedDataPath(MODEL)), facts.contextTokens, facts.stepTokens);
}

test('a process that crashes gives back what it took beyond its plan, and the next one begins without', {
  ...{ skip, timeout: 60_000 },
}, async () => {
  const childrenOf = (): readonly string[] =>
    execFileSync('pgrep', ['-P', String(process.pid), '-f', 'child-main'])
      .toString()
      .trim()
      .split('\n');
  const account = new Account();
  const model = await load(account);
  await model.embed([once]);
  await model.score(once, once);
  assert(account.bytes > (await wantedBytes(model)));
  const givenBack = new Promise<void>((resolve) => (account.onChange = resolve));
  const [pid] = childrenOf();
  process.kill(Number(pid), 'SIGKILL');
  await givenBack;
  assert.equal(account.bytes, 0);
  for (let vectors = 0; vectors === 0; ) {
    vectors = await model.embed([once]).then(
      (found) => found.vectors.length,
      (error: AmaasError) => {
        assert(error.retryable, error.message);
        return new Promise<number>((resolve) => setTimeout(() => resolve(0), 50));
      },
    );
  }
  assert.equal(account.bytes, await wantedBytes(model));
  await model.dispose();
});
