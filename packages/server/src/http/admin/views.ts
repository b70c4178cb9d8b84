// How the management API shows models, versions and keys: from domain records to the bodies of the schemas.
import type { Key, ModelSummary, VersionDetail, VersionSummary } from '@amaas/protocols/admin';
import type { AnyServed, DataPlane, ServedLanguageModel, ServedVersion, VersionStatus } from '../../dataplane/index.ts';
import type { KeySummary } from '../../gateway/index.ts';
import { DEFAULT_POLICY, type ModelRecord, type VersionPolicy, type VersionRecord } from '../../registry/index.ts';

/** One version for a list; `record` null for a version that quarantine refused. */
export function versionSummary(
  model: string,
  status: VersionStatus,
  labels: ReadonlyMap<string, number>,
): VersionSummary {
  const { record } = status;
  return {
    model,
    version: status.version,
    state: status.state,
    reason: status.reason,
    digest: record?.digest ?? null,
    sizeBytes: record?.sizeBytes ?? 0,
    labels: [...labels].filter(([, version]) => version === status.version).map(([label]) => label),
    createdAt: record?.createdAt ?? new Date(0).toISOString(),
  };
}

export function modelSummary(record: ModelRecord | null, name: string, dataPlane: DataPlane): ModelSummary {
  const statuses = dataPlane.versionsOf(name) ?? [];
  const labels: ReadonlyMap<string, number> = record?.labels ?? new Map<string, number>();
  return {
    name,
    owner: record?.owner ?? 'folder',
    description: record?.versions.at(-1)?.manifest.description ?? null,
    policy: policyView(record?.policy ?? DEFAULT_POLICY),
    labels: Object.fromEntries(labels),
    versions: statuses.map((status) => versionSummary(name, status, labels)),
  };
}

function policyView(policy: VersionPolicy): ModelSummary['policy'] {
  if (policy.kind === 'none') return { kind: 'none' };
  return policy.kind === 'specific' ? { kind: 'specific', versions: [...policy.versions] } : policy;
}

export function versionDetail(
  record: VersionRecord,
  status: VersionStatus,
  context: { readonly labels: ReadonlyMap<string, number>; readonly served: AnyServed | null },
): VersionDetail {
  return {
    ...versionSummary(record.model, { ...status, record }, context.labels),
    format: record.format,
    // The schemas describe core's types; only `readonly` differs.
    signatures: Object.fromEntries(record.signatures) as VersionDetail['signatures'],
    manifest: record.manifest as VersionDetail['manifest'],
    lineage: { ...record.lineage },
    files: record.files.map((file) => ({ ...file })),
    serving: context.served?.kind === 'tensors' ? servingView(context.served) : null,
    ...(context.served?.kind === 'language' ? { language: languageView(context.served) } : {}),
  };
}

function languageView(served: ServedLanguageModel): NonNullable<VersionDetail['language']> {
  const { isLoaded, facts, memoryBytes } = served.residency;
  const threads = facts?.threads ?? null;
  return {
    isLoaded,
    memoryBytes,
    contextTokens: facts?.contextTokens ?? null,
    parallel: facts?.parallel ?? null,
    threads: threads === null ? null : { ...threads, measured: threads.measured.map((each) => ({ ...each })) },
    abilities: Object.entries(served.abilities).flatMap(([name, has]) => (has ? [name] : [])),
  };
}

function servingView(served: ServedVersion): NonNullable<VersionDetail['serving']> {
  const { plan } = served;
  return {
    isolation: plan.isolation,
    instances: plan.instances,
    batching:
      plan.batchingOff === null
        ? { maxSize: plan.batch.maxRows, maxDelayMs: plan.batch.maxDelayMs }
        : { off: plan.batchingOff },
    memoryBytes: served.memoryBytes,
    cost: { ...served.cost },
    ...(served.paddingOff === null ? {} : { paddingOff: served.paddingOff }),
  };
}

export function keyView(key: KeySummary): Key {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: [...key.scopes],
    models: [...key.models],
    createdAt: new Date(key.createdAtMs).toISOString(),
    expiresAt: key.expiresAtMs === null ? null : new Date(key.expiresAtMs).toISOString(),
    revokedAt: key.revokedAtMs === null ? null : new Date(key.revokedAtMs).toISOString(),
  };
}
