// Decides which versions of a model are to be served. Pure.
import { AmaasError, MAX_VERSION } from '@amaas/core';
import type { VersionPolicy } from './types.ts';

/** What the decision needs to know of a model; a ModelRecord has it. */
export interface SelectableModel {
  readonly policy: VersionPolicy;
  readonly versions: readonly { readonly version: number }[];
  readonly labels: ReadonlyMap<string, number>;
}

/** The versions to serve, ascending: what the policy chooses, and every labelled one. Only versions that exist. */
export function selectVersions(model: SelectableModel): readonly number[] {
  if (model.policy.kind === 'none') return [];
  const existing = model.versions.map(({ version }) => version).sort((a, b) => a - b);
  const labelled = new Set(model.labels.values());
  const chosen = new Set(chooseByPolicy(model.policy, existing));
  return existing.filter((version) => chosen.has(version) || labelled.has(version));
}

function chooseByPolicy(
  policy: Exclude<VersionPolicy, { readonly kind: 'none' }>,
  ascending: readonly number[],
): readonly number[] {
  switch (policy.kind) {
    case 'latest':
      return ascending.slice(-policy.count);
    case 'all':
      return ascending;
    case 'specific':
      return policy.versions;
    default:
      throw new TypeError(`version policy: unknown kind ${String(policy satisfies never)}`);
  }
}

/** Returns the policy when its numbers make sense. @throws INVALID_ARGUMENT */
export function assertPolicy(policy: VersionPolicy): VersionPolicy {
  const isVersion = (value: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= MAX_VERSION;
  if (policy.kind === 'latest' && !isVersion(policy.count)) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `version policy: latest.count must be a whole number ≥ 1, got ${policy.count}`,
    );
  }
  if (policy.kind === 'specific' && !(policy.versions.length > 0 && policy.versions.every(isVersion))) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `version policy: specific.versions must be one or more whole numbers ≥ 1, got [${policy.versions.slice(0, 20).join(', ')}]`,
    );
  }
  return policy;
}
