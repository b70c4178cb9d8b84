// The two routes where OpenAI's and TensorFlow Serving's worlds meet: the list of models and one model. The answers are
// the union of both, so that either client finds what it looks for; errors have OpenAI's form. More of OpenAI's protocol
// comes with the language models.
import { AmaasError, parseModelReference } from '@amaas/core';
import { describeVersionStatuses } from '@amaas/protocols/tfs';
import Type from 'typebox';
import type { DataPlane } from '../../dataplane/index.ts';
import type { Registry } from '../../registry/index.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteDescription, RouteFamily } from '../family.ts';
import { PathTable } from '../path-table.ts';
import { VersionStatusListSchema } from '../tfs/tfs-schemas.ts';
import { versionStates } from '../tfs/version-states.ts';
import { OpenAiError, sendOpenAiError } from './errors.ts';

const Model = Type.Object({
  id: Type.String(),
  object: Type.Literal('model'),
  created: Type.Integer({ description: 'Seconds since 1970.' }),
  owned_by: Type.String(),
});

const OPENAI_SCHEMAS = {
  OpenAiModel: Model,
  OpenAiError,
};

const ROUTES = {
  list: {
    method: 'GET',
    path: '/v1/models',
    access: 'read',
    summary: 'Models in the form of OpenAI (data) and KServe v1 (models)',
    tag: 'OpenAI',
    reply: Type.Object({
      object: Type.Literal('list'),
      data: Type.Array(Model),
      models: Type.Array(Type.String()),
    }),
  },
  model: {
    method: 'GET',
    path: '/v1/models/{model}',
    access: 'read',
    summary: "One model: OpenAI's object and TensorFlow Serving's version status",
    tag: 'OpenAI',
    reply: Type.Object({ ...Model.properties, ...VersionStatusListSchema.properties }),
  },
} as const satisfies Record<string, RouteDescription>;

export function createOpenAiFamily(parts: { readonly dataPlane: DataPlane; readonly registry: Registry }): RouteFamily {
  const table = new PathTable<keyof typeof ROUTES>(ROUTES);
  return {
    name: 'openai',
    routes: Object.values(ROUTES),
    schemas: OPENAI_SCHEMAS,
    errorSchema: 'OpenAiError',
    owns: (path) =>
      path === '/v1/models' || (path.startsWith('/v1/models/') && !/[/:]/.test(path.slice('/v1/models/'.length))),
    match(method, path): MatchedRoute {
      const { name, parameters } = table.match(method, path);
      const text = parameters.get('model');
      if (name === 'list' || text === undefined)
        return { access: 'read', run: (exchange) => sendList(parts, exchange) };
      const { model } = parseModelReference(text);
      return { access: 'read', model, run: (exchange) => sendModel(parts, exchange, model) };
    },
    sendError: sendOpenAiError,
  };
}

async function sendList(
  parts: { readonly dataPlane: DataPlane; readonly registry: Registry },
  exchange: Exchange,
): Promise<void> {
  const records = (await parts.registry.listModels()).filter(
    (record) => exchange.principal?.allowsModel(record.name) ?? false,
  );
  exchange.sendJson(200, {
    object: 'list',
    data: records.map((record) => openAiModel(record.name, record.createdAt)),
    models: records.map((record) => record.name),
  });
}

async function sendModel(
  parts: { readonly dataPlane: DataPlane; readonly registry: Registry },
  exchange: Exchange,
  model: string,
): Promise<void> {
  const record = await parts.registry.getModel(model);
  const statuses = parts.dataPlane.versionsOf(model);
  if (record === null || statuses === undefined) {
    throw new AmaasError('MODEL_NOT_FOUND', `The model '${model}' does not exist`);
  }
  exchange.sendJson(200, {
    ...openAiModel(model, record.createdAt),
    model_version_status: describeVersionStatuses(versionStates(statuses)),
  });
}

function openAiModel(id: string, createdAt: string): object {
  return { id, object: 'model', created: Math.floor(Date.parse(createdAt) / 1000), owned_by: 'amaas' };
}
