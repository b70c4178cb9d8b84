// The management calls about models, versions and labels. Bodies are those of `@amaas/protocols/admin`, whose types the
// server is held to; the client does not check them again.
import type { ModelSummary, VersionDetail, VersionPolicy } from '@amaas/protocols/admin';
import type { AdminCall, CallOptions } from './admin-call.ts';

/** Management of what is served. Needs a key with scope `admin` or `deploy`. */
export interface ModelsApi {
  /** Every model the key may see. */
  list(options?: CallOptions): Promise<readonly ModelSummary[]>;
  /** @throws MODEL_NOT_FOUND */
  get(model: string, options?: CallOptions): Promise<ModelSummary>;
  /** Loads what the policy and the labels ask for, again where it failed. @throws MODEL_NOT_FOUND */
  load(model: string, options?: CallOptions): Promise<ModelSummary>;
  /** Takes all versions out of memory; nothing is deleted. @throws MODEL_NOT_FOUND */
  unload(model: string, options?: CallOptions): Promise<ModelSummary>;
  /** Deletes the model and all its versions. @throws MODEL_NOT_FOUND, NAME_TAKEN when the watched folder owns it */
  remove(model: string, options?: CallOptions): Promise<void>;
  /** Decides which versions are served besides the labelled ones. @throws MODEL_NOT_FOUND */
  setPolicy(model: string, policy: VersionPolicy, options?: CallOptions): Promise<ModelSummary>;
  /** Points a label at a version; the next request with the label gets it. @throws VERSION_NOT_FOUND, INVALID_NAME */
  setLabel(model: string, target: LabelTarget, options?: CallOptions): Promise<ModelSummary>;
  /** @throws LABEL_NOT_FOUND */
  removeLabel(model: string, label: string, options?: CallOptions): Promise<void>;
  /** Everything known about one version. @throws VERSION_NOT_FOUND */
  getVersion(model: string, version: number, options?: CallOptions): Promise<VersionDetail>;
  /** Deletes one version. @throws VERSION_NOT_FOUND, LABEL_IN_USE while a label points at it */
  removeVersion(model: string, version: number, options?: CallOptions): Promise<void>;
}

export interface LabelTarget {
  readonly label: string;
  readonly version: number;
}

/** Address of a model below `/admin/v1`. */
export function modelPath(model: string): string {
  return `/admin/v1/models/${encodeURIComponent(model)}`;
}

export function createModelsApi(admin: AdminCall): ModelsApi {
  const one = (model: string, label: string) => `${modelPath(model)}/labels/${encodeURIComponent(label)}`;
  // The `as` below name the schema of each route's reply; the server's tests hold it to them.
  return {
    async list(options) {
      const body = await admin({ operation: 'models list', method: 'GET', path: '/admin/v1/models', ...options });
      return (body as unknown as { models: ModelSummary[] }).models;
    },
    async get(model, options) {
      const call = { operation: 'models get', method: 'GET', path: modelPath(model) } as const;
      return (await admin({ ...call, ...options })) as ModelSummary;
    },
    async load(model, options) {
      const call = { operation: 'models load', method: 'POST', path: `${modelPath(model)}/load` } as const;
      return (await admin({ ...call, repeatable: true, ...options })) as ModelSummary;
    },
    async unload(model, options) {
      const call = { operation: 'models unload', method: 'POST', path: `${modelPath(model)}/unload` } as const;
      return (await admin({ ...call, repeatable: true, ...options })) as ModelSummary;
    },
    async remove(model, options) {
      await admin({ operation: 'models remove', method: 'DELETE', path: modelPath(model), ...options });
    },
    async setPolicy(model, policy, options) {
      const call = { operation: 'models setPolicy', method: 'PATCH', path: modelPath(model) } as const;
      return (await admin({ ...call, json: { policy }, repeatable: true, ...options })) as ModelSummary;
    },
    async setLabel(model, { label, version }, options) {
      const call = { operation: 'models setLabel', method: 'PUT', path: one(model, label) } as const;
      return (await admin({ ...call, json: { version }, ...options })) as ModelSummary;
    },
    async removeLabel(model, label, options) {
      await admin({ operation: 'models removeLabel', method: 'DELETE', path: one(model, label), ...options });
    },
    async getVersion(model, version, options) {
      const call = { operation: 'models getVersion', method: 'GET' } as const;
      return (await admin({ ...call, path: `${modelPath(model)}/versions/${version}`, ...options })) as VersionDetail;
    },
    async removeVersion(model, version, options) {
      const call = { operation: 'models removeVersion', method: 'DELETE' } as const;
      await admin({ ...call, path: `${modelPath(model)}/versions/${version}`, ...options });
    },
  };
}
