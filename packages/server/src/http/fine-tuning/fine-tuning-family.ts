// OpenAI's fine-tuning: language models that go on learning from examples, as jobs.
import { AmaasError } from '@amaas/core';
import {
  encodeFineTuning,
  encodeFineTuningCheckpoint,
  encodeFineTuningEvent,
  readFineTuningRequest,
} from '@amaas/protocols/fine-tuning';
import { encodePage } from '@amaas/protocols/openai-files';
import type { FineTuningPage, FineTuningPageRequest, FineTunings } from '../../fine-tuning/index.ts';
import type { Principal } from '../../gateway/index.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { readJson } from '../json-body.ts';
import { OpenAiError, sendOpenAiError } from '../openai/errors.ts';
import { PathTable } from '../path-table.ts';
import { FINE_TUNING_ROUTES } from './fine-tuning-routes.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

export function createFineTuningFamily({ fineTunings }: { readonly fineTunings: FineTunings }): RouteFamily {
  const table = new PathTable<keyof typeof FINE_TUNING_ROUTES>(FINE_TUNING_ROUTES);
  const actions = createActions(fineTunings);
  return {
    name: 'openai-fine-tuning',
    routes: Object.values(FINE_TUNING_ROUTES),
    schemas: { OpenAiFineTuningError: OpenAiError },
    errorSchema: 'OpenAiFineTuningError',
    owns: (path) => path === '/v1/fine_tuning' || path.startsWith('/v1/fine_tuning/'),
    match(method, path): MatchedRoute {
      const { name, parameters } = table.match(method, path);
      const id = parameters.get('fine_tuning') ?? '';
      return { access: FINE_TUNING_ROUTES[name].access, run: (exchange) => actions[name](exchange, id) };
    },
    sendError: sendOpenAiError,
  };
}

type Action = (exchange: Exchange, id: string) => Promise<void>;

function createActions(fineTunings: FineTunings): Readonly<Record<keyof typeof FINE_TUNING_ROUTES, Action>> {
  const change =
    (name: 'get' | 'cancel' | 'pause' | 'resume'): Action =>
    async (exchange, id) =>
      exchange.sendJson(200, encodeFineTuning(await fineTunings[name](id, callerOf(exchange))));
  return {
    async create(exchange) {
      const request = readFineTuningRequest(await readJson(exchange));
      exchange.sendJson(200, encodeFineTuning(await fineTunings.create(request, callerOf(exchange))));
    },
    async list(exchange) {
      const metadata = [...exchange.query].flatMap(([name, value]) => {
        const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
        return key === undefined ? [] : [[key, value] as const];
      });
      const page = { ...pageRequest(exchange, (name) => /^metadata\[.+\]$/.test(name)), metadata };
      sendPage(exchange, await fineTunings.list(page, callerOf(exchange)), encodeFineTuning);
    },
    get: change('get'),
    cancel: change('cancel'),
    pause: change('pause'),
    resume: change('resume'),
    async events(exchange, id) {
      const page = await fineTunings.events(id, pageRequest(exchange), callerOf(exchange));
      sendPage(exchange, page, encodeFineTuningEvent);
    },
    async checkpoints(exchange, id) {
      const page = await fineTunings.checkpoints(id, pageRequest(exchange), callerOf(exchange));
      sendPage(exchange, page, encodeFineTuningCheckpoint);
    },
  };
}

function callerOf({ principal }: Exchange): Principal {
  if (principal !== null) return principal;
  throw new AmaasError('INTERNAL', 'fine-tuning: nobody was let in');
}

function sendPage<Item extends { readonly id: string }>(
  exchange: Exchange,
  { items, hasMore }: FineTuningPage<Item>,
  encode: (item: Item) => object,
): void {
  exchange.sendJson(200, encodePage(items, items.map(encode), hasMore));
}

/** @throws INVALID_ARGUMENT for a limit that is none, and for parameters that would be lost */
function pageRequest(exchange: Exchange, isOther: (name: string) => boolean = () => false): FineTuningPageRequest {
  const { query } = exchange;
  const unknown = [...query.keys()].find((name) => name !== 'after' && name !== 'limit' && !isOther(name));
  if (unknown !== undefined) throw invalid(unknown.slice(0, 60), 'is not supported');
  const text = query.get('limit');
  const limit = text === null ? DEFAULT_LIMIT : /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return { after: query.get('after'), limit };
  throw invalid('limit', `expected a whole number from 1 to ${MAX_LIMIT}, got ${JSON.stringify(text?.slice(0, 40))}`);
}

function invalid(field: string, problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `${field}: ${problem}`, { details: { field } });
}
