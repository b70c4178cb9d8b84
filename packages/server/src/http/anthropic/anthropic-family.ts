// Anthropic's Messages over HTTP: thin glue between the codec in protocols/anthropic and the data plane. Whatever
// `anthropic-version` and `anthropic-beta` say, bodies are read as the codec has them.
import {
  decodeCountTokensRequest,
  decodeMessagesRequest,
  encodeAnthropicError,
  encodeErrorEvent,
  encodeMessage,
  encodeMessageStream,
} from '@amaas/protocols/anthropic';
import { collectAnswer } from '@amaas/protocols/answers';
import type { DataPlane } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteDescription, RouteFamily } from '../family.ts';
import { readJson } from '../json-body.ts';
import { newId, recorded, resolveLanguageFor } from '../language/index.ts';
import { PathTable } from '../path-table.ts';
import { sendPieces } from '../stream-reply.ts';
import { ANTHROPIC_SCHEMAS, TokenCountSchema } from './anthropic-schemas.ts';

export interface AnthropicParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly maxRequestBytes: number;
}

const ROUTES = {
  messages: {
    method: 'POST',
    path: '/v1/messages',
    access: 'infer',
    summary: 'Answer a conversation, whole or as server-sent events',
    tag: 'Anthropic',
    requestBody: ANTHROPIC_SCHEMAS.AnthropicMessagesRequest,
    example: { model: 'chat', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] },
    reply: ANTHROPIC_SCHEMAS.AnthropicMessage,
  },
  countTokens: {
    method: 'POST',
    path: '/v1/messages/count_tokens',
    access: 'infer',
    summary: 'How many tokens a conversation is as a prompt',
    tag: 'Anthropic',
    requestBody: ANTHROPIC_SCHEMAS.AnthropicCountTokensRequest,
    example: { model: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
    reply: TokenCountSchema,
  },
} as const satisfies Record<string, RouteDescription>;

export function createAnthropicFamily(parts: AnthropicParts): RouteFamily {
  const table = new PathTable<keyof typeof ROUTES>(ROUTES);
  return {
    name: 'anthropic',
    routes: Object.values(ROUTES),
    schemas: ANTHROPIC_SCHEMAS,
    errorSchema: 'AnthropicError',
    owns: (path) => path === '/v1/messages' || path.startsWith('/v1/messages/'),
    match(method, path): MatchedRoute {
      const { name } = table.match(method, path);
      const run = name === 'messages' ? sendMessage : sendTokenCount;
      return { access: ROUTES[name].access, run: (exchange) => run(parts, exchange) };
    },
    sendError(exchange, error) {
      const { status, body } = encodeAnthropicError(error, exchange.requestId);
      // Without a word the SDK repeats whatever has a status of 409, 429, or 500 and more.
      exchange.response.setHeader('x-should-retry', String(error.retryable));
      send(exchange, status, body);
    },
  };
}

async function sendMessage(parts: AnthropicParts, exchange: Exchange): Promise<void> {
  const request = decodeMessagesRequest(await readJson(exchange, parts.maxRequestBytes));
  const served = resolveLanguageFor(exchange, parts.dataPlane, request.model);
  const { call } = request;
  const identity = { id: newId('msg_', 16), model: request.model, stopSequences: call.stop };
  const answer = served.generate(call, { signal: exchange.gone });
  const events = recorded(answer, { served, exchange, protocol: 'anthropic' });
  if (!request.isStream) {
    send(exchange, 200, encodeMessage(await collectAnswer(events), identity));
    return;
  }
  await sendPieces(exchange, {
    contentType: 'text/event-stream; charset=utf-8',
    pieces: encodeMessageStream(events, identity),
    errorPiece: (error) => encodeErrorEvent(error, exchange.requestId),
    headers: requestIdOf(exchange),
  });
}

async function sendTokenCount(parts: AnthropicParts, exchange: Exchange): Promise<void> {
  const { model, input } = decodeCountTokensRequest(await readJson(exchange, parts.maxRequestBytes));
  const served = resolveLanguageFor(exchange, parts.dataPlane, model);
  send(exchange, 200, { input_tokens: await served.countPromptTokens(input) });
}

function send(exchange: Exchange, status: number, body: object): void {
  exchange.send(status, 'application/json', [Buffer.from(JSON.stringify(body))], requestIdOf(exchange));
}

/** What Anthropic's SDK reads the request's id from. */
function requestIdOf(exchange: Exchange): Readonly<Record<string, string>> {
  return { 'request-id': exchange.requestId };
}
