// /api/chat and /api/generate: one answer, whole or line by line.
import { AmaasError, type AnswerEvent, type ChatInput, type Clock, type PromptInput } from '@amaas/core';
import { collectAnswer, encodeLine } from '@amaas/protocols/answers';
import {
  callOf,
  decodeChat,
  decodeGenerate,
  encodeAnswer,
  encodeNoAnswer,
  encodeOllamaError,
  generateInput,
  type OllamaAnswerHead,
  type OllamaAnswerSettings,
  OllamaAnswerStream,
} from '@amaas/protocols/ollama';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { readJson } from '../json-body.ts';
import { recorded } from '../language/index.ts';
import { sendPieces } from '../stream-reply.ts';
import { assertContext, resolveNamed } from './named-model.ts';

export interface AnsweringParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly clock: Clock;
  readonly maxRequestBytes: number;
}

/** The word in metrics. */
const PROTOCOL = 'ollama';

export async function answerChat(parts: AnsweringParts, exchange: Exchange): Promise<void> {
  const { input, ...settings } = decodeChat(await readJson(exchange, parts.maxRequestBytes));
  const served = resolveNamed(parts.dataPlane, exchange, settings.model);
  await answer(parts, exchange, { served, settings, input, form: 'chat' });
}

export async function answerGenerate(parts: AnsweringParts, exchange: Exchange): Promise<void> {
  const { prompt, ...settings } = decodeGenerate(await readJson(exchange, parts.maxRequestBytes));
  const served = resolveNamed(parts.dataPlane, exchange, settings.model);
  const { thinking } = settings;
  const input = prompt && generateInput(prompt, { hasChatTemplate: served.abilities.chat, thinking });
  await answer(parts, exchange, { served, settings, input, form: 'generate' });
}

interface Asked {
  readonly served: ServedLanguageModel<ModelRecorder>;
  readonly settings: OllamaAnswerSettings;
  readonly input: ChatInput | PromptInput | null;
  readonly form: OllamaAnswerHead['form'];
}

async function answer(parts: AnsweringParts, exchange: Exchange, { served, settings, input, form }: Asked) {
  const { clock } = parts;
  const head = { model: settings.model, form };
  await assertContext(served, settings);
  if (input === null) {
    await sendNoAnswer(clock, exchange, { served, settings, head });
    return;
  }
  if (settings.thinking === true && !served.abilities.thinking) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `think: model ${JSON.stringify(settings.model)} does not support thinking`,
    );
  }
  const generation = served.generate(callOf(settings, input), { signal: exchange.gone });
  const events = recorded(generation, { served, exchange, protocol: PROTOCOL });
  if (settings.stream) {
    await sendPieces(exchange, {
      contentType: 'application/x-ndjson',
      pieces: linesOf(events, new OllamaAnswerStream(head), { clock, exchange }),
      errorPiece: (error) => encodeLine(encodeOllamaError(error)),
    });
    return;
  }
  const whole = await collectAnswer(events);
  exchange.sendJson(200, encodeAnswer(head, whole, { at: clock.wallTime(), elapsedMs: exchange.elapsedMs() }));
}

async function* linesOf(
  events: AsyncIterable<AnswerEvent>,
  stream: OllamaAnswerStream,
  { clock, exchange }: { readonly clock: Clock; readonly exchange: Exchange },
): AsyncGenerator<string> {
  for await (const event of events) {
    const lines = stream.write(event, { at: clock.wallTime(), elapsedMs: exchange.elapsedMs() });
    if (lines.length > 0) yield lines.map(encodeLine).join('');
  }
}

/** Brings the model into memory, or has it leave, which is all that was asked. */
async function sendNoAnswer(
  clock: Clock,
  exchange: Exchange,
  { served, settings, head }: Pick<Asked, 'served' | 'settings'> & { readonly head: OllamaAnswerHead },
): Promise<void> {
  const isLeaving = settings.keepAliveMs === 0;
  if (isLeaving) await served.evict();
  else await served.use(async () => undefined, { keepAliveMs: settings.keepAliveMs, signal: exchange.gone });
  const reply = encodeNoAnswer(head, isLeaving ? 'unload' : 'load', clock.wallTime());
  if (settings.stream) exchange.sendText(200, 'application/x-ndjson', encodeLine(reply));
  else exchange.sendJson(200, reply);
}
