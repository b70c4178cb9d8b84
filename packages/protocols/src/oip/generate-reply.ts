// Generated text as replies of `generate` and server-sent events of `generate_stream`.
// Source: as of generate-request.ts. Triton has no `details`, the Open Inference Protocol has them where they were asked for.
import type { AmaasError, AnswerEnd, AnswerEvent, GeneratedToken } from '@amaas/core';
import { encodeSse, type WholeAnswer } from '../answers/index.ts';
import { inGenerateNames } from './errors.ts';

/** What every reply to a request says of it. */
export interface GenerateSubject {
  readonly model: string;
  readonly version: number;
  readonly id: string | null;
  readonly wantsDetails: boolean;
}

export function encodeGenerateReply(
  { text, tokens, end }: Pick<WholeAnswer, 'text' | 'tokens' | 'end'>,
  subject: GenerateSubject,
): object {
  return reply(subject, text, { finish_reason: finishReason(end), logprobs: tokens.map(encodeToken) });
}

/**
 * The text as `text/event-stream`, one event per piece. With details a last one without text says why it ended; without, it
 * comes only where there was no text at all.
 */
export async function* encodeGenerateStream(
  events: AsyncIterable<AnswerEvent>,
  subject: GenerateSubject,
): AsyncGenerator<string> {
  let isEmpty = true;
  for await (const event of events) {
    if (event.type === 'text' && event.text !== '') {
      isEmpty = false;
      yield encodeSse(reply(subject, event.text, { finish_reason: null, logprobs: event.tokens.map(encodeToken) }));
    } else if (event.type === 'ended' && (isEmpty || subject.wantsDetails)) {
      yield encodeSse(reply(subject, '', { finish_reason: finishReason(event), logprobs: [] }));
    }
  }
}

/** An error in a stream that has begun. */
export function encodeGenerateErrorEvent(error: AmaasError): string {
  return encodeSse({ error: inGenerateNames(error).publicMessage });
}

function reply({ id, model, version, wantsDetails }: GenerateSubject, text: string, details: object): object {
  return {
    ...(id === null ? {} : { id }),
    model_name: model,
    model_version: String(version),
    text_output: text,
    ...(wantsDetails ? { details } : {}),
  };
}

function encodeToken({ token, text, logProbability }: GeneratedToken): object {
  return { id: token, text, logprob: logProbability, special: false };
}

function finishReason({ reason, stopText }: AnswerEnd): 'length' | 'stop_sequence' | 'eos_token' {
  if (reason === 'length') return 'length';
  return stopText === null ? 'eos_token' : 'stop_sequence';
}
