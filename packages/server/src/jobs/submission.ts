// What is looked at before a job is acknowledged, and the words for what cannot be.
import { AmaasError } from '@amaas/core';
import { checkAgainst } from '@amaas/protocols/admin';
import type { JobKind } from './job-kind.ts';
import type { JobRecord } from './types.ts';

/** A job waits with its configuration in memory; what is larger belongs into a dataset. */
const MAX_CONFIGURATION_LENGTH = 256 * 1024;

/** The kind of this name. @throws UNSUPPORTED_FEATURE */
export function kindNamed(kinds: ReadonlyMap<string, JobKind>, name: string): JobKind {
  const kind = kinds.get(name);
  if (kind !== undefined) return kind;
  const known = kinds.size === 0 ? 'none' : [...kinds.keys()].join(', ');
  const shown = JSON.stringify(name.slice(0, 80));
  throw new AmaasError('UNSUPPORTED_FEATURE', `submit job: there is no kind ${shown}; this server has ${known}`);
}

/** Returns the configuration when the kind takes it. @throws MALFORMED_REQUEST naming the first place that does not fit. */
export function checkConfiguration(kind: JobKind, configuration: unknown): JobRecord['configuration'] {
  const what = `submit job: configuration of kind ${kind.kind}`;
  const checked = checkAgainst(kind.configuration, configuration, { what });
  if (typeof checked !== 'object' || checked === null || Array.isArray(checked)) {
    throw new AmaasError('MALFORMED_REQUEST', `${what}: expected an object`);
  }
  const { length } = JSON.stringify(checked);
  if (length <= MAX_CONFIGURATION_LENGTH) return checked as JobRecord['configuration']; // just checked
  throw new AmaasError(
    'REQUEST_TOO_LARGE',
    `${what}: at most ${MAX_CONFIGURATION_LENGTH} characters of JSON are taken, got ${length}; upload what is large as a dataset`,
  );
}

/** Stands for a kind that another server had: its jobs fail with a word about why. */
export function missingKind(name: string): JobKind {
  return {
    kind: name,
    configuration: {},
    entry: '',
    begin() {
      throw new AmaasError('UNSUPPORTED_FEATURE', `this server has no jobs of kind ${name}`);
    },
  };
}
