// Takes a model or a version away for a caller of any protocol. Who may is decided before.
import { AmaasError, type ModelReference } from '@amaas/core';
import type { DataPlane } from '../dataplane/index.ts';
import type { Registry } from '../registry/index.ts';

export interface DeletingParts {
  readonly registry: Pick<Registry, 'getModel' | 'deleteModel' | 'deleteVersion'>;
  readonly dataPlane: Pick<DataPlane, 'versionsOf' | 'forgetRejected' | 'settle'>;
}

/**
 * Resolves when it is out of service. Of versions that were refused there is only a note, which goes: what lies in the models
 * folder is tried again when it changes.
 * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_IN_USE; NAME_TAKEN for models that would be back at the next start
 */
export async function deleteModel(
  { registry, dataPlane }: DeletingParts,
  { model, version }: Omit<ModelReference, 'label'>,
): Promise<void> {
  const known = await registry.getModel(model);
  const refused = (dataPlane.versionsOf(model) ?? []).filter(
    (status) => status.state === 'REJECTED' && (version === undefined ? known === null : status.version === version),
  );
  for (const status of refused) dataPlane.forgetRejected(model, status.version);
  if (refused.length > 0) return;
  if (known === null)
    throw new AmaasError('MODEL_NOT_FOUND', `there is no model ${JSON.stringify(model.slice(0, 140))}`);
  if (known.owner !== 'api') {
    const where =
      known.owner === 'folder'
        ? 'belongs to the watched models folder: remove its files there'
        : 'comes with amaas: start the server without the bundled models';
    throw new AmaasError('NAME_TAKEN', `model "${model}" ${where}, or stop serving it with unload`, {
      details: { model, owner: known.owner },
    });
  }
  if (version === undefined) await registry.deleteModel(model);
  else await registry.deleteVersion(model, version);
  await dataPlane.settle(model);
}
