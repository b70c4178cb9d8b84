import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { GenerationEvent } from '@amaas/core';
import { Outbox } from './outbox.ts';

const text: GenerationEvent = { type: 'text', text: 'x', tokens: [] };
const started: GenerationEvent = { type: 'started', promptTokens: 1, cachedTokens: 0 };
const ended: GenerationEvent = {
  ...{ type: 'ended', reason: 'stop', stopText: null, seed: 0 },
  usage: { promptTokens: 0, cachedTokens: 0, completionTokens: 0, queueMs: 0, promptMs: 0, generationMs: 0 },
};

/** What was sent when: `12 1:text 2:ended`. */
function createOutbox() {
  mock.timers.enable({ apis: ['setTimeout'] });
  const sent: string[] = [];
  let nowMs = 0;
  const outbox = new Outbox(
    (events) => void sent.push([nowMs, ...events.map(({ id, event }) => `${id}:${event.type}`)].join(' ')),
    () => nowMs,
  );
  return {
    outbox,
    sent,
    wait(ms: number): void {
      for (let passed = 0; passed < ms; passed++) {
        nowMs++;
        mock.timers.tick(1);
      }
    },
  };
}

test('Outbox sends first texts and ends soon, and texts that go on once in a frame', (context) => {
  context.after(() => mock.timers.reset());
  const { outbox, sent, wait } = createOutbox();
  outbox.push({ id: 1, event: started });
  outbox.push({ id: 1, event: text });
  for (let token = 0; token < 4; token++) {
    wait(5);
    outbox.push({ id: 1, event: text });
  }
  assert.deepEqual(sent, ['2 1:started 1:text', '18 1:text 1:text 1:text']);
  // Another one's first text takes along what waits, and so does an end.
  outbox.push({ id: 2, event: text });
  wait(3);
  outbox.push({ id: 1, event: text });
  outbox.push({ id: 2, event: ended });
  wait(20);
  assert.deepEqual(sent.slice(2), ['22 1:text 2:text', '25 1:text 2:ended']);
});

test('Outbox.flush sends at once, and nothing twice', (context) => {
  context.after(() => mock.timers.reset());
  const { outbox, sent, wait } = createOutbox();
  outbox.flush();
  outbox.push({ id: 1, event: text });
  outbox.flush();
  wait(50);
  assert.deepEqual(sent, ['0 1:text']);
});
