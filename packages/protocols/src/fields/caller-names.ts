// Errors of the engines name the settings of a call as core has them. Callers know other names: a protocol says which.
import { AmaasError } from '@amaas/core';

/** Names of fields in a protocol by the names that core has for them; those not here are the same in both. */
export type CallerNames = ReadonlyMap<string, string>;

/** The same error with the name that the protocol has for the field that `details.field` names. */
export function inCallerNames(error: AmaasError, names: CallerNames): AmaasError {
  const { field } = error.details;
  const name = typeof field === 'string' ? names.get(field) : undefined;
  if (typeof field !== 'string' || name === undefined || name === field) return error;
  const { reason, details, retryable, cause } = error;
  // Our own texts name the field before they quote anything of a caller, so the first place is the right one.
  const message = error.message.replace(new RegExp(`(?<![\\w.])${field.replaceAll('.', '\\.')}(?!\\w)`), () => name);
  return new AmaasError(reason, message, { details: { ...details, field: name }, retryable, cause });
}
