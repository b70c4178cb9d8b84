// Several answers to one request, written side by side: their events as they come, each with the number of its answer. When
// one fails, or the caller goes, the others end, too.
import type { AnswerEvent, Cancellation } from '@amaas/core';
import { collectAnswer, type WholeAnswer } from '@amaas/protocols/answers';

/** Begins one answer. */
export type BeginAnswer = (signal: Cancellation) => AsyncIterable<AnswerEvent>;

export interface ChoiceEvent {
  readonly index: number;
  readonly event: AnswerEvent;
}

/** More would only wait in the model's queue, which others share. */
const MOST_AT_ONCE = 8;

interface Running {
  readonly events: AsyncIterator<AnswerEvent>;
  next: Promise<{ readonly index: number; readonly result: IteratorResult<AnswerEvent> }>;
}

/** @throws what the first answer that fails throws */
export async function* sideBySide(answers: readonly BeginAnswer[], gone: Cancellation): AsyncGenerator<ChoiceEvent> {
  const [only] = answers;
  if (only !== undefined && answers.length === 1) {
    for await (const event of only(gone)) yield { index: 0, event };
    return;
  }
  const ending = new AbortController();
  const end = (): void => ending.abort();
  gone.addEventListener('abort', end);
  if (gone.aborted) end();
  const running = new Map<number, Running>();
  const waiting = answers.entries();
  const beginNext = (): void => {
    const { done, value } = waiting.next();
    if (done) return;
    const [index, begin] = value;
    const events = begin(ending.signal)[Symbol.asyncIterator]();
    running.set(index, { events, next: nextOf(index, events) });
  };
  try {
    for (let count = 0; count < MOST_AT_ONCE; count++) beginNext();
    while (running.size > 0) {
      const { index, result } = await Promise.race([...running.values()].map(({ next }) => next));
      const answer = running.get(index);
      if (answer === undefined) throw new TypeError(`choices: event of answer ${index}, which has ended`);
      if (result.done) {
        running.delete(index);
        beginNext();
        continue;
      }
      answer.next = nextOf(index, answer.events);
      yield { index, event: result.value };
    }
  } finally {
    end();
    gone.removeEventListener('abort', end);
    await Promise.allSettled([...running.values()].map(({ next }) => next));
    await Promise.allSettled([...running.values()].map(({ events }) => events.return?.()));
  }
}

/** All answers whole, in their order. @throws as {@link sideBySide} */
export async function collectAnswers(
  choices: AsyncIterable<ChoiceEvent>,
  count: number,
): Promise<readonly WholeAnswer[]> {
  const events = Array.from({ length: count }, (): AnswerEvent[] => []);
  for await (const { index, event } of choices) events[index]?.push(event);
  return Promise.all(events.map((each) => collectAnswer(replay(each))));
}

function nextOf(index: number, events: AsyncIterator<AnswerEvent>): Running['next'] {
  const next = events.next().then((result) => ({ index, result }));
  next.catch(() => {}); // a slow reader may not have come to it yet when it fails; whoever awaits it is told all the same
  return next;
}

async function* replay(events: readonly AnswerEvent[]): AsyncGenerator<AnswerEvent> {
  yield* events;
}
