// The routes where OpenAI's and TensorFlow Serving's worlds meet: the list of models and one model. The answers are
// the union of both, so that either client finds what it looks for.
import { AmaasError, parseModelReference } from '@amaas/core';
import { describeVersionStatuses } from '@amaas/protocols/tfs';
import { deleteModel } from '../delete-model.ts';
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

/** @param id - a name, or `name@version`; labels are no models */
export async function removeModel(
  { registry, dataPlane }: Pick<OpenAiParts, 'registry' | 'dataPlane'>,
  exchange: Exchange,
  id: string,
): Promise<void> {
  const { label, ...reference } = parseModelReference(id);
  if (label !== undefined) {
    const message = `model: expected a name or name@version to delete, got ${JSON.stringify(id)}`;
    throw new AmaasError('INVALID_ARGUMENT', message, { details: { field: 'model' } });
  }
  await deleteModel({ registry, dataPlane }, reference);
  exchange.sendJson(200, { id, object: 'model', deleted: true });
}

function openAiModel(id: string, createdAt: string): object {
  return { id, object: 'model', created: Math.floor(Date.parse(createdAt) / 1000), owned_by: 'amaas' };
}
