// The two routes where OpenAI's and TensorFlow Serving's worlds meet: the list of models and one model. The answers are
// the union of both, so that either client finds what it looks for.
import { AmaasError } from '@amaas/core';
import { describeVersionStatuses } from '@amaas/protocols/tfs';
import type { Exchange } from '../exchange.ts';
import { versionStates } from '../tfs/version-states.ts';
import type { OpenAiParts } from './openai-parts.ts';

export async function sendModels({ registry }: Pick<OpenAiParts, 'registry'>, exchange: Exchange): Promise<void> {
  const records = (await registry.listModels()).filter(
    (record) => exchange.principal?.allowsModel(record.name) ?? false,
  );
  exchange.sendJson(200, {
    object: 'list',
    data: records.map((record) => openAiModel(record.name, record.createdAt)),
    models: records.map((record) => record.name),
  });
}

export async function sendModel(
  { registry, dataPlane }: Pick<OpenAiParts, 'registry' | 'dataPlane'>,
  exchange: Exchange,
  model: string,
): Promise<void> {
  const record = await registry.getModel(model);
  const statuses = dataPlane.versionsOf(model);
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
