// What fails while a file is judged says where in the file that was.
import { AmaasError } from '@amaas/core';

/** @param place - `questions.jsonl, line 3` @throws the same failure with the place before it; whoever cancelled knows */
export function rethrowAt(place: string, thrown: unknown): never {
  if (!(thrown instanceof AmaasError) || thrown.reason === 'CANCELLED') throw thrown;
  const { reason, message, details, retryable } = thrown;
  // The reader of questions does not know the name of the file.
  const text = message.startsWith('questions') ? message.slice('questions'.length) : `: ${message}`;
  throw new AmaasError(reason, `${place}${text}`, { details, retryable, cause: thrown });
}
