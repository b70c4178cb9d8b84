import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerEvent, Cancellation } from '@amaas/core';
import { type BeginAnswer, type ChoiceEvent, collectAnswers, sideBySide } from './choices.ts';

const ENDED: AnswerEvent = {
  type: 'ended',
  reason: 'stop',
  stopText: null,
  seed: 1,
  usage: {
    ...{ promptTokens: 1, cachedTokens: 0, completionTokens: 2, reasoningTokens: 0 },
    ...{ queueMs: 0, promptMs: 0, generationMs: 0, loadMs: 0 },
  },
};

/** Answers that count what of them is open. */
class Answers {
  begun = 0;
  open = 0;
  mostOpen = 0;
  readonly signals: Cancellation[] = [];
  /** Whether the signal alone ends an answer. */
  listens = true;

  of(texts: readonly string[]): BeginAnswer {
    return (signal) => this.#write(texts, signal);
  }

  async *#write(texts: readonly string[], signal: Cancellation): AsyncGenerator<AnswerEvent> {
    this.begun++;
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    this.signals.push(signal);
    try {
      for (const text of texts) {
        await new Promise((resolve) => setImmediate(resolve));
        if (this.listens && signal.aborted) throw new Error('cancelled');
        if (text === 'fail') throw new RangeError('no more');
        yield { type: 'text', text, tokens: [] };
      }
      yield ENDED;
    } finally {
      this.open--;
    }
  }
}

async function all(choices: AsyncIterable<ChoiceEvent>): Promise<readonly ChoiceEvent[]> {
  const events: ChoiceEvent[] = [];
  for await (const event of choices) events.push(event);
  return events;
}

const NOBODY_LEAVES = new AbortController().signal;

test('sideBySide gives the events of answers as they come, with their numbers', async () => {
  const answers = new Answers();
  const events = await all(sideBySide([answers.of(['a', 'b']), answers.of(['c'])], NOBODY_LEAVES));
  const texts = events.map(({ index, event }) => `${index}${event.type === 'text' ? event.text : '.'}`);
  assert.deepEqual([...texts].sort(), ['0.', '0a', '0b', '1.', '1c']);
  assert.ok(texts.indexOf('1c') < texts.indexOf('0b'), 'neither waits for the other to end');
  assert.ok(texts.indexOf('0a') < texts.indexOf('0b') && texts.indexOf('0b') < texts.indexOf('0.'));
});

test('collectAnswers puts together what came mixed, many answers a few at a time', async () => {
  const answers = new Answers();
  const begins = Array.from({ length: 30 }, (_, index) => answers.of([`a${index}`, `b${index}`]));
  const whole = await collectAnswers(sideBySide(begins, NOBODY_LEAVES), 30);
  assert.deepEqual(
    whole.map(({ text }) => text),
    Array.from({ length: 30 }, (_, index) => `a${index}b${index}`),
  );
  assert.deepEqual([answers.begun, answers.open, answers.mostOpen], [30, 0, 8]);
});

test('sideBySide ends all answers when one fails', async () => {
  const answers = new Answers();
  const long = answers.of(Array.from({ length: 1000 }, () => 'x'));
  await assert.rejects(all(sideBySide([long, answers.of(['a', 'fail']), long], NOBODY_LEAVES)), RangeError);
  assert.deepEqual([answers.begun, answers.open], [3, 0]);
});

test('sideBySide ends all answers when it is left, and when the caller goes', async () => {
  const answers = new Answers();
  const long = answers.of(Array.from({ length: 1000 }, () => 'x'));
  for await (const _ of sideBySide([long, long], NOBODY_LEAVES)) break;
  assert.deepEqual([answers.begun, answers.open], [2, 0]);
  answers.listens = false;
  for await (const _ of sideBySide([long, long], NOBODY_LEAVES)) break;
  assert.deepEqual([answers.begun, answers.open], [4, 0]);
  answers.listens = true;
  const caller = new AbortController();
  const events = sideBySide([long, long], caller.signal);
  await events.next();
  caller.abort();
  await assert.rejects(all(events), /cancelled/);
  assert.equal(answers.open, 0);
  assert.ok(answers.signals.every((signal) => signal.aborted));
});

test('sideBySide hands a single answer on as it is', async () => {
  const answers = new Answers();
  const events = await all(sideBySide([answers.of(['a'])], NOBODY_LEAVES));
  assert.deepEqual([events.length, answers.signals[0]], [2, NOBODY_LEAVES]);
});
