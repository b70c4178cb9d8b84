// Who is calling, what they may do, and which URLs the server may fetch for them.
export { KEY_MARK } from './api-key.ts';
export { type FetchedUrl, type FetchUrlOptions, fetchUrl } from './fetch-url.ts';
export {
  ADMIN_KEY_NAME,
  type CreateKeyOptions,
  type CredentialHeaders,
  Gateway,
  type GatewayOptions,
  type KeySummary,
} from './gateway.ts';
export type { KeyRecord, KeyStore } from './key-store.ts';
export { authorize, type Principal, type Requirement, UNAUTHENTICATED_PRINCIPAL } from './principal.ts';
export { isKeyScope, KEY_SCOPES, type KeyScope, type Scope } from './scopes.ts';
export { createSqlKeyStore } from './sql-key-store.ts';
export { type OpenedUrl, type OpenUrlOptions, openUrl } from './open-url.ts';
export { showUrl, type UrlPolicy } from './url-policy.ts';
