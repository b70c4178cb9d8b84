// Who is calling, as the rest of the server sees it.
import { AmaasError } from '@amaas/core';
import type { KeyRecord } from './key-store.ts';
import { type KeyScope, modelMatcher, type Scope, scopesAllow } from './scopes.ts';

/** The caller of a request; made once per key, not per request. */
export interface Principal {
  /** Id of the key; null where authentication is off. */
  readonly keyId: string | null;
  /** Name of the key, for logs and messages. */
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly models: readonly string[];
  /** Whether the key's patterns cover a model; lists of models are filtered by it. */
  allowsModel(model: string): boolean;
}

/** What an operation needs. */
export interface Requirement {
  readonly scope: Scope;
  /** The model it concerns; absent for operations on the server as a whole. */
  readonly model?: string;
}

/** The caller of every request where authentication is off. */
export const UNAUTHENTICATED_PRINCIPAL: Principal = Object.freeze({
  keyId: null,
  name: 'anyone',
  scopes: Object.freeze(['admin'] as const),
  models: Object.freeze(['*']),
  allowsModel: () => true,
});

/** The principal of a key. */
export function createPrincipal(record: KeyRecord): Principal {
  return Object.freeze({
    keyId: record.id,
    name: record.name,
    scopes: record.scopes,
    models: record.models,
    allowsModel: modelMatcher(record.models),
  });
}

/** Lets an allowed operation pass. @throws FORBIDDEN naming the key, what was asked and what it may. */
export function authorize(principal: Principal, requirement: Requirement): void {
  const { scope, model } = requirement;
  if (scopesAllow(principal.scopes, scope) && (model === undefined || principal.allowsModel(model))) return;
  const target = model === undefined ? '' : ` on model ${JSON.stringify(model.slice(0, 140))}`;
  throw new AmaasError(
    'FORBIDDEN',
    `key "${principal.name}" may not ${scope === 'admin' ? 'administer the server' : scope}${target}: ` +
      `its scopes are ${principal.scopes.join(', ') || 'none'}, its models ${principal.models.join(', ') || 'none'}`,
  );
}
