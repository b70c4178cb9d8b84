// The registry's words for a version or label that is not there: they say what is.
import { AmaasError } from '@amaas/core';

export function versionNotFound(
  name: string,
  version: number,
  model: { readonly versions: readonly { readonly version: number }[] },
): AmaasError {
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
