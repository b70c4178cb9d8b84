// What every protocol does with the stream of an answer: tell the recorder how it ended.
import { AmaasError, type AnswerEvent } from '@amaas/core';
import type { ServedLanguageModel } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';

/** The same events; how they ended is told to the version's recorder. */
export async function* recorded(
  events: AsyncIterable<AnswerEvent>,
  subject: {
    readonly served: ServedLanguageModel<ModelRecorder>;
    readonly exchange: Exchange;
    /** A word of our own, `openai`. */
    readonly protocol: string;
  },
): AsyncGenerator<AnswerEvent> {
  const { served, exchange, protocol } = subject;
  let isTold = false;
  try {
    for await (const event of events) {
      if (event.type === 'ended') {
        isTold = true;
        const { queueMs, promptMs, generationMs } = event.usage;
        const timing = { queueMs, computeMs: promptMs + generationMs, batchRows: 1 };
        recordSuccess(served.recorder, exchange, { protocol, timing });
      }
      yield event;
    }
  } catch (thrown) {
    isTold = true;
    recordFailure(served.recorder, exchange, { protocol, thrown });
    throw thrown;
  } finally {
    // Left early, by a caller who has gone.
    const thrown = new AmaasError('CANCELLED', 'generate: the caller went away');
    if (!isTold) recordFailure(served.recorder, exchange, { protocol, thrown });
  }
}
