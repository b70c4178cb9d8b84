// One request of a batch from its line to its result, tried again where that may help.
import { randomBytes } from 'node:crypto';
import { AmaasError, type Clock } from '@amaas/core';
import { type BatchLineResult, isLineProblem, readBatchLine } from '@amaas/protocols/openai-files';
import type { LineReply, RunLine } from './ports.ts';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

/** With these delays a model has about two minutes to come back; a request that crashes it is not tried for ever. */
const MOST_ATTEMPTS = 10;

/** Nothing is wrong with the request or the model: others are first. */
const UNCOUNTED_REASONS: readonly (string | null)[] = ['QUEUE_FULL', 'SHUTTING_DOWN'];

export interface RequestSubject {
  /** A line that was checked. */
  readonly text: string;
  readonly owner: string | null;
  readonly run: RunLine;
  readonly clock: Pick<Clock, 'schedule'>;
  readonly signal: AbortSignal;
}

export interface RequestResult {
  readonly isSuccess: boolean;
  readonly result: BatchLineResult;
}

/** @throws CANCELLED when the signal fires before there is a result */
export async function runRequest(subject: RequestSubject): Promise<RequestResult> {
  const { text, owner, run, clock, signal } = subject;
  const line = readBatchLine(text);
  if (isLineProblem(line)) throw new AmaasError('INTERNAL', 'batch: its input has changed since it was checked');
  const { customId, url, body } = line;
  const id = newRequestId();
  let delayMs = FIRST_DELAY_MS;
  for (let attempt = 1; ; ) {
    const reply = await attemptCall(() => run({ owner, path: url, body: JSON.stringify(body), signal }), signal);
    const counts = reply === null || !UNCOUNTED_REASONS.includes(reply.reason);
    const mayRetry = reply === null || reply.isRetryable;
    if (!mayRetry || (counts && attempt >= MOST_ATTEMPTS)) {
      if (reply !== null) return resultOf(reply, { id, customId });
      const error = { code: 'request_failed', message: 'The server failed in the middle of the reply.' };
      return { isSuccess: false, result: { id, customId, response: null, error } };
    }
    if (counts) attempt++;
    await pause(clock, delayMs, signal);
    delayMs = Math.min(LONGEST_DELAY_MS, delayMs * 2);
  }
}

/** `batch_req_…`, the id of a result. */
export function newRequestId(): string {
  return `batch_req_${randomBytes(12).toString('hex')}`;
}

/** null when the reply was cut off. @throws CANCELLED */
async function attemptCall(call: () => Promise<LineReply>, signal: AbortSignal): Promise<LineReply | null> {
  let reply: LineReply | null = null;
  try {
    if (!signal.aborted) reply = await call();
  } catch {
    // the handler has logged why
  }
  // Even with a reply: what was asked for may have ended because of the signal.
  if (signal.aborted && reply?.status !== 200) throw stopped();
  return reply;
}

function resultOf(
  { status, requestId, body }: LineReply,
  { id, customId }: { readonly id: string; readonly customId: string },
): RequestResult {
  const response = { statusCode: status, requestId, body: parseBody(body) };
  return { isSuccess: status >= 200 && status < 300, result: { id, customId, response, error: null } };
}

function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function pause(clock: Pick<Clock, 'schedule'>, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      reject(stopped());
    };
    const cancel = clock.schedule(delayMs, () => {
      signal.removeEventListener('abort', leave);
      resolve();
    });
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}

function stopped(): AmaasError {
  return new AmaasError('CANCELLED', 'batch: stopped before the request was answered');
}
