// OpenAI's Responses: one answer per request, written from items, kept if wanted so that the next can go on from it.
import { type AmaasError as Failure, AmaasError, type ChatMessage, type LanguageCall } from '@amaas/core';
import {
  decodeResponsesRequest,
  inResponsesNames,
  itemsOfInput,
  messagesOfItems,
  type ResponsesRequest,
  responseEventText,
  ResponseWriter,
} from '@amaas/protocols/openai-responses';
import type { Clock } from '@amaas/core';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { ResponseStore } from '../../responses/index.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { readJson } from '../json-body.ts';
import { newId, recorded, resolveLanguageFor } from '../language/index.ts';
import { OpenAiError, sendOpenAiError } from '../openai/errors.ts';
import { PathTable } from '../path-table.ts';
import { sendPieces } from '../stream-reply.ts';
import { RESPONSES_ROUTES } from './responses-routes.ts';

export interface ResponsesParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly responses: ResponseStore;
  readonly clock: Clock;
  readonly maxRequestBytes: number;
}

/** Everything a request comes to before the model is asked. */
interface Prepared {
  readonly request: ResponsesRequest;
  readonly served: ServedLanguageModel<ModelRecorder>;
  readonly input: readonly Readonly<Record<string, unknown>>[];
  /** Without instructions. */
  readonly conversation: readonly ChatMessage[];
  readonly call: LanguageCall;
}

export function createResponsesFamily(parts: ResponsesParts): RouteFamily {
  const table = new PathTable<keyof typeof RESPONSES_ROUTES>(RESPONSES_ROUTES);
  const actions = createActions(parts);
  return {
    name: 'openai-responses',
    routes: Object.values(RESPONSES_ROUTES),
    schemas: { OpenAiResponsesError: OpenAiError },
    errorSchema: 'OpenAiResponsesError',
    owns: (path) => path === '/v1/responses' || path.startsWith('/v1/responses/'),
    match(method, path): MatchedRoute {
      const { name, parameters } = table.match(method, path);
      const id = parameters.get('response_id') ?? '';
      return { access: RESPONSES_ROUTES[name].access, run: (exchange) => actions[name](exchange, id) };
    },
    sendError: (exchange, error) => sendOpenAiError(exchange, inResponsesNames(error)),
  };
}

type Action = (exchange: Exchange, id: string) => Promise<void>;

function createActions(parts: ResponsesParts): Readonly<Record<keyof typeof RESPONSES_ROUTES, Action>> {
  const { responses, clock } = parts;

  async function prepare(exchange: Exchange): Promise<Prepared> {
    const request = decodeResponsesRequest(await readJson(exchange, parts.maxRequestBytes));
    const served = resolveLanguageFor(exchange, parts.dataPlane, request.model);
    const input = itemsOfInput(request.input, makeId);
    const before =
      request.previousResponseId === null
        ? []
        : (await responses.get(request.previousResponseId, ownerOf(exchange))).conversation;
    const conversation = [...before, ...messagesOfItems(input)];
    return { request, served, input, conversation, call: callOf(request, conversation) };
  }

  async function keep(exchange: Exchange, prepared: Prepared, writer: ResponseWriter, response: Kept): Promise<void> {
    if (!prepared.request.store) return;
    // A call that was cut off is none that anybody could answer.
    const whole = writer.output.filter((item) => item['type'] !== 'function_call' || item['status'] === 'completed');
    const answered = messagesOfItems(whole, 'output');
    await responses.put({
      id: response.id,
      owner: ownerOf(exchange),
      response: response.body,
      input: prepared.input,
      conversation: [...prepared.conversation, ...answered],
    });
  }

  async function create(exchange: Exchange): Promise<void> {
    const prepared = await prepare(exchange);
    const { request, served } = prepared;
    const writer = new ResponseWriter({
      id: makeId('resp_'),
      model: request.model,
      createdAt: seconds(clock),
      now: () => seconds(clock),
      ids: makeId,
      store: request.store,
      withLogProbabilities: request.call.logProbabilities !== undefined,
      echo: request.echo,
    });
    const events = recorded(served.generate(prepared.call, { signal: exchange.gone }), {
      served,
      exchange,
      protocol: 'openai-responses',
    });
    /** Kept before the last event goes out: what it names can be asked for at once. */
    const written = async function* () {
      for await (const event of events) {
        for (const said of writer.write(event)) {
          const response = keptOf(said['response']);
          if (event.type === 'ended' && response !== null) await keep(exchange, prepared, writer, response);
          yield said;
        }
      }
    };
    if (request.stream) {
      const pieces = async function* () {
        for await (const said of written()) yield responseEventText(said);
      };
      const errorPiece = (error: Failure): string => writer.fail(error).map(responseEventText).join('');
      await sendPieces(exchange, { contentType: 'text/event-stream', pieces: pieces(), errorPiece });
      return;
    }
    let last: unknown = null;
    for await (const said of written()) last = said['response'];
    exchange.sendJson(200, last);
  }

  return {
    create,
    async countTokens(exchange) {
      const { served, call } = await prepare(exchange);
      if (call.input.kind !== 'chat') throw new TypeError('responses: a call is a chat');
      const input_tokens = await served.countPromptTokens(call.input);
      exchange.sendJson(200, { object: 'response.input_tokens', input_tokens });
    },
    async get(exchange, id) {
      if (exchange.query.get('stream') === 'true') {
        throw new AmaasError(
          'UNSUPPORTED_FEATURE',
          'stream: answers are written while their caller waits, not in the background',
        );
      }
      exchange.sendJson(200, (await responses.get(id, ownerOf(exchange))).response);
    },
    async delete(exchange, id) {
      await responses.delete(id, ownerOf(exchange));
      exchange.sendJson(200, { id, object: 'response', deleted: true });
    },
    async cancel(exchange, id) {
      await responses.get(id, ownerOf(exchange));
      throw new AmaasError('INVALID_ARGUMENT', `response ${id} has ended; answers end early when their caller leaves`);
    },
    async inputItems(exchange, id) {
      const { input } = await responses.get(id, ownerOf(exchange));
      const data = exchange.query.get('order') === 'asc' ? input : [...input].reverse();
      const idAt = (index: number): unknown => data.at(index)?.['id'] ?? null;
      exchange.sendJson(200, { object: 'list', data, first_id: idAt(0), last_id: idAt(-1), has_more: false });
    },
  };
}

interface Kept {
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The response in an event of the writer. */
function keptOf(response: unknown): Kept | null {
  if (typeof response !== 'object' || response === null) return null;
  const body = Object.fromEntries(Object.entries(response));
  return { id: String(body['id']), body };
}

function callOf(request: ResponsesRequest, conversation: readonly ChatMessage[]): LanguageCall {
  const { instructions, tools, toolChoice, parallelToolCalls, thinking } = request;
  const first: readonly ChatMessage[] = instructions === null ? [] : [{ role: 'system', content: instructions }];
  return {
    ...request.call,
    input: {
      kind: 'chat',
      messages: [...first, ...conversation],
      ...(tools.length === 0 ? {} : { tools, toolChoice, parallelToolCalls }),
      ...(thinking === null ? {} : { thinking }),
    },
  };
}

function ownerOf(exchange: Exchange): string | null {
  return exchange.principal?.keyId ?? null;
}

function makeId(prefix: string): string {
  return newId(prefix, 24);
}

function seconds(clock: Clock): number {
  return Math.floor(clock.wallTime().getTime() / 1000);
}
