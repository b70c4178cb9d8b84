// OpenAI's protocol: models, chat, completions, embeddings. Thin: the codec in protocols/openai knows what bodies say.
import { parseModelReference } from '@amaas/core';
import type { MatchedRoute, RouteFamily } from '../family.ts';
import { PathTable } from '../path-table.ts';
import { sendChat, sendCompletion } from './completions.ts';
import { sendEmbeddings } from './embeddings.ts';
import { sendOpenAiError } from './errors.ts';
import { removeModel, sendModel, sendModels } from './models.ts';
import type { OpenAiParts } from './openai-parts.ts';
import { OPENAI_ROUTES } from './openai-routes.ts';
import { OPENAI_SCHEMAS } from './openai-schemas.ts';

const BELOW_MODELS = '/v1/models/';
/** Below the models lies TensorFlow Serving's world, too: its paths have a verb, or more segments. */
const PATHS: ReadonlySet<string> = new Set(Object.values(OPENAI_ROUTES).map(({ path }) => path));

export function createOpenAiFamily(parts: OpenAiParts): RouteFamily {
  const table = new PathTable<keyof typeof OPENAI_ROUTES>(OPENAI_ROUTES);
  return {
    name: 'openai',
    routes: Object.values(OPENAI_ROUTES),
    schemas: OPENAI_SCHEMAS,
    errorSchema: 'OpenAiError',
    owns: (path) => PATHS.has(path) || (path.startsWith(BELOW_MODELS) && !/[/:]/.test(path.slice(BELOW_MODELS.length))),
    match(method, path): MatchedRoute {
      const { name, parameters } = table.match(method, path);
      const { access } = OPENAI_ROUTES[name];
      switch (name) {
        case 'list':
          return { access, run: (exchange) => sendModels(parts, exchange) };
        case 'model': {
          const { model } = parseModelReference(parameters.get('model') ?? '');
          return { access, model, run: (exchange) => sendModel(parts, exchange, model) };
        }
        case 'delete': {
          const id = parameters.get('model') ?? '';
          const { model } = parseModelReference(id);
          return { access, model, run: (exchange) => removeModel(parts, exchange, id) };
        }
        case 'chat':
          return { access, run: (exchange) => sendChat(parts, exchange) };
        case 'completion':
          return { access, run: (exchange) => sendCompletion(parts, exchange) };
        case 'embedding':
          return { access, run: (exchange) => sendEmbeddings(parts, exchange) };
        default:
          return name satisfies never;
      }
    },
    sendError: sendOpenAiError,
  };
}
