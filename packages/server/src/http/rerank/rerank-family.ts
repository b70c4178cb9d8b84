// Texts judged by a query, by a model that is made for it.
import { encodeRerank, readRerankOrder } from '@amaas/protocols/openai-files';
import type { DataPlane } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { readJson } from '../json-body.ts';
import { newId, resolveLanguageFor } from '../language/index.ts';
import { OpenAiError, sendOpenAiError } from '../openai/errors.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';
import { PathTable } from '../path-table.ts';
import { RERANK_ROUTES } from './rerank-routes.ts';

export interface RerankParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly maxRequestBytes: number;
}

export function createRerankFamily(parts: RerankParts): RouteFamily {
  const table = new PathTable<keyof typeof RERANK_ROUTES>(RERANK_ROUTES);
  return {
    name: 'openai-rerank',
    routes: Object.values(RERANK_ROUTES),
    schemas: { OpenAiError },
    errorSchema: 'OpenAiError',
    owns: (path) => path === RERANK_ROUTES.rerank.path,
    match(method, path): MatchedRoute {
      const { name } = table.match(method, path);
      return { access: RERANK_ROUTES[name].access, run: (exchange) => sendRerank(parts, exchange) };
    },
    sendError: sendOpenAiError,
  };
}

async function sendRerank(parts: RerankParts, exchange: Exchange): Promise<void> {
  const order = readRerankOrder(await readJson(exchange, parts.maxRequestBytes));
  const served = resolveLanguageFor(exchange, parts.dataPlane, order.model);
  const { query, documents } = order;
  const beganMs = exchange.elapsedMs();
  try {
    const signal = exchange.gone;
    const relevances = await served.use((model) => model.rank(query, documents, signal), { signal });
    const timing = { queueMs: 0, computeMs: exchange.elapsedMs() - beganMs, batchRows: documents.length };
    recordSuccess(served.recorder, exchange, { protocol: 'openai', timing });
    exchange.sendJson(200, encodeRerank(order, relevances, newId('rerank-', 12)));
  } catch (thrown) {
    recordFailure(served.recorder, exchange, { protocol: 'openai', thrown });
    throw thrown;
  }
}
