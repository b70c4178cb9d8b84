// The management calls about API keys.
import type { CreatedKey, CreateKeyRequest, Key } from '@amaas/protocols/admin';
import type { AdminCall, CallOptions } from './admin-call.ts';

/** Management of API keys. Needs a key with scope `admin`. */
export interface KeysApi {
  /** Every key, revoked ones included; never the secrets. */
  list(options?: CallOptions): Promise<readonly Key[]>;
  /** Makes a key; the reply is the only place its secret ever appears. @throws INVALID_ARGUMENT, INVALID_NAME */
  create(request: CreateKeyRequest, options?: CallOptions): Promise<CreatedKey>;
  /** Ends a key at once. @throws KEY_NOT_FOUND */
  revoke(id: string, options?: CallOptions): Promise<void>;
}

export function createKeysApi(admin: AdminCall): KeysApi {
  const path = '/admin/v1/keys';
  // The `as` below name the schema of each route's reply; the server's tests hold it to them.
  return {
    async list(options) {
      const body = await admin({ operation: 'keys list', method: 'GET', path, ...options });
      return (body as unknown as { keys: Key[] }).keys;
    },
    async create(request, options) {
      const call = { operation: 'keys create', method: 'POST', path, json: request } as const;
      return (await admin({ ...call, ...options })) as CreatedKey;
    },
    async revoke(id, options) {
      const call = { operation: 'keys revoke', method: 'DELETE' } as const;
      await admin({ ...call, path: `${path}/${encodeURIComponent(id)}`, ...options });
    },
  };
}
