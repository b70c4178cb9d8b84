// POST /v1/chat/completions and POST /v1/completions: the body read, the model found, its answers written.
import type { AnswerEvent, LanguageCall } from '@amaas/core';
import {
  ChatStream,
  choiceOf,
  CompletionStream,
  decodeChatRequest,
  decodeCompletionRequest,
  encodeChatReply,
  encodeCompletionReply,
  encodeOpenAiErrorChunk,
  type TextOrTokens,
} from '@amaas/protocols/openai';
import type { ServedLanguageModel } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { readJson } from '../json-body.ts';
import { recorded, resolveLanguageFor } from '../language/index.ts';
import { sendPieces } from '../stream-reply.ts';
import { type ChoiceEvent, collectAnswers, sideBySide } from './choices.ts';
import { type OpenAiParts, PROTOCOL, replyHead } from './openai-parts.ts';

export async function sendChat(parts: OpenAiParts, exchange: Exchange): Promise<void> {
  const request = decodeChatRequest(await readJson(exchange, parts.limits.maxRequestBytes));
  const served = resolveLanguageFor(exchange, parts.dataPlane, request.model);
  const { model, call, choices, includesUsage } = request;
  const calls = Array.from({ length: choices }, (_, index) => choiceOf(call, index));
  const events = answer(served, exchange, calls);
  const head = replyHead(parts, { prefix: 'chatcmpl', model });
  const options = { hasLogprobs: call.logProbabilities !== undefined, choices, includesUsage };
  if (request.isStream) return sendStream(exchange, events, new ChatStream(head, options));
  exchange.sendJson(200, encodeChatReply(head, await collectAnswers(events, choices), options));
}

export async function sendCompletion(parts: OpenAiParts, exchange: Exchange): Promise<void> {
  const request = decodeCompletionRequest(await readJson(exchange, parts.limits.maxRequestBytes));
  const served = resolveLanguageFor(exchange, parts.dataPlane, request.model);
  const { model, calls, choices, includesUsage } = request;
  const echoes = await echoesOf(served, request);
  const events = answer(served, exchange, calls);
  const head = replyHead(parts, { prefix: 'cmpl', model });
  const options = { topLogprobs: calls[0]?.logProbabilities?.top, echoes, choices, includesUsage };
  if (request.isStream) return sendStream(exchange, events, new CompletionStream(head, options));
  exchange.sendJson(200, encodeCompletionReply(head, await collectAnswers(events, calls.length), options));
}

function answer(
  served: ServedLanguageModel<ModelRecorder>,
  exchange: Exchange,
  calls: readonly LanguageCall[],
): AsyncGenerator<ChoiceEvent> {
  const begins = calls.map(
    (call) => (signal: typeof exchange.gone) =>
      recorded(served.generate(call, { signal }), { served, exchange, protocol: PROTOCOL }),
  );
  return sideBySide(begins, exchange.gone);
}

/** What each answer's text begins with. */
async function echoesOf(
  served: ServedLanguageModel,
  request: { readonly prompts: readonly TextOrTokens[]; readonly choices: number; readonly echo: boolean },
): Promise<readonly string[]> {
  const { prompts, choices, echo } = request;
  const texts: string[] = [];
  for (const prompt of prompts) {
    if (!echo) texts.push('');
    else if (typeof prompt === 'string') texts.push(prompt);
    else texts.push(await served.use((model) => model.detokenize(prompt)));
  }
  return texts.flatMap((text) => Array.from({ length: choices }, () => text));
}

interface StreamEncoder {
  encode(index: number, event: AnswerEvent): string;
  end(): string;
}

function sendStream(exchange: Exchange, events: AsyncIterable<ChoiceEvent>, encoder: StreamEncoder): Promise<void> {
  return sendPieces(exchange, {
    contentType: 'text/event-stream; charset=utf-8',
    pieces: piecesOf(events, encoder),
    errorPiece: encodeOpenAiErrorChunk,
  });
}

async function* piecesOf(events: AsyncIterable<ChoiceEvent>, encoder: StreamEncoder): AsyncGenerator<string> {
  for await (const { index, event } of events) {
    const piece = encoder.encode(index, event);
    if (piece !== '') yield piece;
  }
  yield encoder.end();
}
