// Which version answers under a reference, as the server decides it.
import type { AmaasClient } from '@amaas/client';
import type { ModelReference } from '@amaas/core';

/** The version that answers: its number, its label, `production`, the highest READY. */
export async function answeringVersion(client: AmaasClient, reference: ModelReference): Promise<number | null> {
  if (reference.version !== undefined) return reference.version;
  const { labels, versions } = await client.models.get(reference.model);
  const labelled = labels[reference.label ?? 'production'];
  if (labelled !== undefined || reference.label !== undefined) return labelled ?? null;
  const ready = versions.filter((version) => version.state === 'READY').map((version) => version.version);
  return ready.length === 0 ? null : Math.max(...ready);
}
