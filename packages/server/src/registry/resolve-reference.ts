// Decides which version answers for a reference. Pure; asked for every request, so it looks at nothing it need not.
import { AmaasError, type ModelReference } from '@amaas/core';

/** The label a bare name prefers. */
export const PRODUCTION_LABEL = 'production';

/** What the decision needs to know of a model; a ModelRecord has it. */
export interface ResolvableModel {
  readonly versions: readonly { readonly version: number }[];
  readonly labels: ReadonlyMap<string, number>;
}

/**
 * The version that answers: the one asked for by number or label; else the one labelled `production`; else the highest
 * that is ready. A label never falls back to another version.
 * `model` is undefined or null when the name is unknown; `ready` holds the versions that can answer now.
 * @throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, LABEL_NOT_FOUND, MODEL_NOT_READY, INVALID_ARGUMENT for both number and label.
 */
export function resolveReference(
  reference: ModelReference,
  model: ResolvableModel | null | undefined,
  ready: ReadonlySet<number>,
): number {
  const { model: name, version, label } = reference;
  if (model === null || model === undefined) {
    throw new AmaasError('MODEL_NOT_FOUND', `model "${name}" is not known to this server`, {
      details: { model: name },
    });
  }
  if (version !== undefined) {
    if (label !== undefined) {
      throw new AmaasError('INVALID_ARGUMENT', `model "${name}": give a version or a label, not both`);
    }
    if (ready.has(version)) return version;
    if (!model.versions.some((known) => known.version === version)) throw versionNotFound(name, version, model);
    throw notReady(name, version, `version ${version} of model "${name}" is not ready`);
  }
  const labelled = model.labels.get(label ?? PRODUCTION_LABEL);
  if (labelled !== undefined) {
    if (ready.has(labelled)) return labelled;
    throw notReady(
      name,
      labelled,
      `version ${labelled} of model "${name}", to which label "${label ?? PRODUCTION_LABEL}" points, is not ready`,
    );
  }
  if (label !== undefined) throw labelNotFound(name, label, model.labels);
  let highest = 0;
  for (const candidate of ready) if (candidate > highest) highest = candidate;
  if (highest === 0) throw notReady(name, undefined, `model "${name}" has no version that is ready`);
  return highest;
}

export function versionNotFound(name: string, version: number, model: ResolvableModel): AmaasError {
  const known = model.versions.map((candidate) => candidate.version);
  return new AmaasError('VERSION_NOT_FOUND', `model "${name}" has no version ${version}; ${listed('version', known)}`, {
    details: { model: name, version },
  });
}

export function labelNotFound(name: string, label: string, labels: ReadonlyMap<string, number>): AmaasError {
  const known = [...labels.keys()].map((text) => `"${text}"`);
  return new AmaasError('LABEL_NOT_FOUND', `model "${name}" has no label "${label}"; ${listed('label', known)}`, {
    details: { model: name, label },
  });
}

/** `its versions are 1, 2, 5`, the last ten at most. */
function listed(what: string, items: readonly (number | string)[]): string {
  if (items.length === 0) return `it has no ${what}s`;
  const shown = items.slice(-10).join(', ');
  return `its ${what}s are ${items.length > 10 ? '…, ' : ''}${shown}`;
}

function notReady(name: string, version: number | undefined, message: string): AmaasError {
  return new AmaasError('MODEL_NOT_READY', message, {
    details: version === undefined ? { model: name } : { model: name, version },
  });
}
