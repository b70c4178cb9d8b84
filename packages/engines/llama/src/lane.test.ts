import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GenerationEnd } from '@amaas/core';
import { AnswerText } from './answer-text.ts';
import { Lane, type LaneWriting } from './lane.ts';
import { createMadeContext } from './testing/made-context.ts';
import { Turns } from './turns.ts';

/** Writes token 7 until it has as many as it may. */
function writing(id: number, prompt: readonly number[], maxTokens: number): LaneWriting {
  return {
    ...{ id, maxTokens, prompt: Uint32Array.from(prompt), written: 0, cachedTokens: 0, startedMs: 0 },
    text: new AnswerText({ detokenize: (tokens) => 'x'.repeat(tokens.length), before: null, stop: [] }),
    async draw() {
      this.written++;
      return { id: 7, said: null };
    },
    end(reason, stopText): GenerationEnd {
      const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, queueMs: 0, promptMs: 0, generationMs: 0 };
      return { type: 'ended', reason, stopText, seed: 0, usage };
    },
    dispose() {},
  };
}

function createLane(parallel: number) {
  const steps: number[][] = [];
  const log: string[] = [];
  const { context } = createMadeContext();
  const failures: string[] = [];
  let left = 0;
  let whenDone = (): void => {};
  const lane = new Lane({
    ...{ turns: new Turns(), parallel, contextTokens: 3000, stepTokens: 64, threads: { generation: 1, prompt: 1 } },
    context: {
      ...context,
      initBatch: () => void steps.push([]),
      addToBatch(sequence, from, tokens, wanted) {
        steps.at(-1)?.push(sequence);
        log.push(`${sequence}: ${from}+${tokens.length}`);
        return wanted;
      },
      async copySequenceStateFromOtherSequence(target, source) {
        log.push(`${target} = ${source}`);
        return 0;
      },
    },
    isEnd: () => false,
    onEvents(events) {
      left -= events.filter(({ event }) => event.type === 'ended').length;
      if (left === 0) whenDone();
    },
    onFailure: (_id, error) => void failures.push(error.message),
  });
  return {
    steps,
    log,
    failures,
    async run(writings: readonly LaneWriting[]): Promise<void> {
      left = writings.length;
      const done = new Promise<void>((resolve) => (whenDone = resolve));
      for (const each of writings) lane.submit(each);
      await done;
    },
  };
}

test('Lane puts sequences into a batch in their order, however requests came by them', async () => {
  const { steps, failures, run } = createLane(4);
  // The sequences end one after the other, and not in their order: the next requests find them used in another one.
  await run([9, 3, 7, 5].map((length, index) => writing(index, [index, 1, 2], length)));
  await run([2, 0, 3, 1].map((known, index) => writing(10 + index, [known, 1, 2, 3], 4)));
  assert.deepEqual(failures, []);
  assert.deepEqual(
    steps.filter((step) => step.length === 4),
    Array.from({ length: 3 + 4 }, () => [0, 1, 2, 3]),
  );
  for (const step of steps) assert.deepEqual(step, step.toSorted(), 'increasing');
});

test('Lane computes once what prompts that come together begin with', async () => {
  const { log, failures, run } = createLane(3);
  // More than any step has room for.
  const long = Array.from({ length: 2000 }, (_, index) => index);
  const writings = [0, 1, 2].map((id) => writing(id, [...long, 9000 + id, 5], 1));
  await run(writings);
  assert.deepEqual(failures, []);
  assert.deepEqual(
    log.filter((line) => !line.startsWith('0: ')),
    ['1 = 0', '1: 2000+2', '2 = 0', '2: 2000+2'],
  );
  assert.ok(log.indexOf('1 = 0') > log.findLastIndex((line) => line.startsWith('0: ')));
  assert.deepEqual(
    writings.map(({ cachedTokens }) => cachedTokens),
    [0, 2000, 2000],
  );
});
