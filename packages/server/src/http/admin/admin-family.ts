// The management API: models, versions, labels, files, keys, status; training-actions.ts has the rest. Thin: reads the request, calls the one who knows,
// shows the result.
import { stat } from 'node:fs/promises';
import { AmaasError, assertName, type Manifest, parseVersion } from '@amaas/core';
import {
  CreateKeyRequestSchema,
  type DeployRequest,
  DeployRequestSchema,
  encodeAdminError,
  SetLabelRequestSchema,
  type ServerStatus,
  UpdateModelRequestSchema,
  type VersionDetail,
} from '@amaas/protocols/admin';
import type { Admission, AdmissionRequest } from '../../admission/index.ts';
import { parseDigest, type TreeFile } from '../../artifacts/index.ts';
import type { DataPlane } from '../../dataplane/index.ts';
import type { FetchedUrl, Gateway } from '../../gateway/index.ts';
import type { ModelRecord, VersionRecord } from '../../registry/index.ts';
import { streamBody } from '../body.ts';
import { deleteModel } from '../delete-model.ts';
import type { Exchange } from '../exchange.ts';
import type { MatchedRoute, RouteDescription, RouteFamily } from '../family.ts';
import { mediaType, readJsonBody } from '../json-body.ts';
import { PathTable } from '../path-table.ts';
import { type Action, assertQuery, type Parameters, required } from './parameters.ts';
import { ADMIN_ROUTES, ADMIN_SCHEMAS, type AdminRouteName } from './routes.ts';
import { createPullActions, type PullParts } from './pull-actions.ts';
import { createTrainingActions, type TrainingParts } from './training-actions.ts';
import { keyView, modelSummary, versionDetail } from './views.ts';

export interface AdminParts extends TrainingParts, PullParts {
  readonly admission: Admission;
  readonly dataPlane: DataPlane;
  readonly gateway: Gateway;
  readonly fetchUrl: (url: string, signal: AbortSignal) => Promise<FetchedUrl>;
  readonly maxModelBytes: number;
  readonly status: () => Promise<ServerStatus>;
}

const PREFIX = '/admin/v1/';
/** The type of a body that is a model file itself. */
const MODEL_TYPE = 'application/octet-stream';

export function createAdminFamily(parts: AdminParts): RouteFamily {
  const table = new PathTable<AdminRouteName>(ADMIN_ROUTES);
  const actions = createActions(parts);
  return {
    name: 'admin',
    routes: Object.values(ADMIN_ROUTES),
    schemas: ADMIN_SCHEMAS,
    errorSchema: 'Error',
    owns: (path) => path.startsWith(PREFIX) || path === '/admin/v1' || path === '/admin',
    match(method, path): MatchedRoute {
      const { name, parameters } = table.match(method, path);
      const model = parameters.get('model');
      return {
        access: ADMIN_ROUTES[name].access,
        ...(model === undefined ? {} : { model }),
        run(exchange) {
          const isJsonDeployment = name === 'deploy' && mediaType(exchange) !== MODEL_TYPE;
          assertQuery(exchange, isJsonDeployment ? [] : queryNames(ADMIN_ROUTES[name]));
          return actions[name](exchange, parameters);
        },
      };
    },
    sendError(exchange, error) {
      const { status, body } = encodeAdminError(error, exchange.requestId);
      exchange.sendJson(status, body);
    },
  };
}

function createActions(parts: AdminParts): Readonly<Record<AdminRouteName, Action>> {
  const { registry, blobs, admission, dataPlane, gateway } = parts;

  async function sendModel(exchange: Exchange, name: string): Promise<void> {
    exchange.sendJson(200, modelSummary(await registry.getModel(name), name, dataPlane));
  }

  async function knownModel(name: string): Promise<ModelRecord> {
    const record = await registry.getModel(name);
    if (record === null)
      throw new AmaasError('MODEL_NOT_FOUND', `there is no model ${JSON.stringify(name.slice(0, 140))}`);
    return record;
  }

  async function viewVersion(version: VersionRecord): Promise<VersionDetail> {
    const { labels } = await knownModel(version.model);
    const found = dataPlane.versionsOf(version.model)?.find((candidate) => candidate.version === version.version);
    const state = found ?? { version: version.version, state: 'UNLOADED', reason: null, record: version };
    const served = dataPlane.servedVersion(version.model, version.version);
    return versionDetail(version, state, { labels, served });
  }

  async function sendVersion(exchange: Exchange, status: number, version: VersionRecord): Promise<void> {
    exchange.sendJson(status, await viewVersion(version));
  }

  async function setServing(name: string, change: () => Promise<unknown>): Promise<void> {
    await change();
    await dataPlane.settle(name);
  }

  /** Puts the files of a deployment into the store and lists them. */
  async function collectFiles(exchange: Exchange, request: DeployRequest): Promise<readonly TreeFile[]> {
    if ((request.files === undefined) === (request.url === undefined)) {
      throw new AmaasError('MALFORMED_REQUEST', 'deploy: expected exactly one of "files" and "url"');
    }
    if (request.url !== undefined) {
      const fetched = await parts.fetchUrl(request.url, exchange.signal);
      const stored = await blobs.put(fetched.body, { maxBytes: parts.maxModelBytes, signal: exchange.signal });
      return [{ path: await admission.modelFileName(stored.digest), ...stored }];
    }
    return Promise.all(
      (request.files ?? []).map(async ({ path, digest }) => {
        const known = parseDigest(digest);
        if (!(await blobs.touch(known)))
          throw new AmaasError(
            'ARTIFACT_NOT_FOUND',
            `deploy: ${path}: ${digest} has not been uploaded; PUT it to /admin/v1/blobs/${digest} first`,
          );
        return { path, digest: known, sizeBytes: (await stat(await blobs.path(known))).size };
      }),
    );
  }

  async function admit(
    exchange: Exchange,
    request: Pick<AdmissionRequest, 'model' | 'files' | 'manifest' | 'labels' | 'lineage'>,
  ): Promise<void> {
    for (const label of request.labels ?? []) assertName('label', label);
    const version = await admission.admit({
      ...request,
      owner: 'api',
      lineage: { ...request.lineage, deployedBy: exchange.principal?.name ?? 'nobody' },
      retryRejected: true, // whoever deploys again by hand wants it tried again
      signal: exchange.signal,
    });
    await dataPlane.settle(request.model);
    await sendVersion(exchange, 201, version);
  }

  return {
    ...createTrainingActions(parts),
    ...createPullActions(parts, viewVersion),
    async status(exchange) {
      exchange.sendJson(200, await parts.status());
    },
    async listModels(exchange) {
      const records = new Map((await registry.listModels()).map((record) => [record.name, record]));
      const names = [...new Set([...records.keys(), ...dataPlane.modelNames()])].sort();
      const visible = names.filter((name) => exchange.principal?.allowsModel(name) ?? false);
      exchange.sendJson(200, {
        models: visible.map((name) => modelSummary(records.get(name) ?? null, name, dataPlane)),
      });
    },
    async getModel(exchange, parameters) {
      const name = required(parameters, 'model');
      if (dataPlane.versionsOf(name) === undefined) await knownModel(name);
      await sendModel(exchange, name);
    },
    async updateModel(exchange, parameters) {
      const name = required(parameters, 'model');
      const { policy } = await readJsonBody(exchange, UpdateModelRequestSchema);
      await setServing(name, () =>
        policy.kind === 'none' ? registry.suspend(name) : registry.setPolicy(name, policy),
      );
      await sendModel(exchange, name);
    },
    async deleteModel(exchange, parameters) {
      const name = required(parameters, 'model');
      await deleteModel(parts, { model: name });
      exchange.sendEmpty(204);
    },
    async loadModel(exchange, parameters) {
      const name = required(parameters, 'model');
      await registry.resume(name);
      await dataPlane.settle(name, { retryFailed: true });
      await sendModel(exchange, name);
    },
    async unloadModel(exchange, parameters) {
      const name = required(parameters, 'model');
      await setServing(name, () => registry.suspend(name));
      await sendModel(exchange, name);
    },
    async deploy(exchange, parameters) {
      const model = assertName('model', required(parameters, 'model'));
      await registry.assertOwner(model, 'api');
      if (mediaType(exchange) === MODEL_TYPE) {
        const stored = await blobs.put(streamBody(exchange.request, parts.maxModelBytes), {
          maxBytes: parts.maxModelBytes,
        });
        await admit(exchange, {
          model,
          files: [{ path: await admission.modelFileName(stored.digest), ...stored }],
          labels: exchange.query.getAll('label'),
        });
        return;
      }
      const request = await readJsonBody(exchange, DeployRequestSchema);
      const { manifest, labels, lineage } = request;
      await admit(exchange, {
        model,
        files: await collectFiles(exchange, request),
        ...(manifest === undefined ? {} : { manifest: manifest as Manifest }), // the schema describes core's Manifest
        ...(labels === undefined ? {} : { labels }),
        lineage: { ...(request.url === undefined ? {} : { source: withoutQuery(request.url) }), ...lineage },
      });
    },
    async getVersion(exchange, parameters) {
      const version = await registry.getVersion(required(parameters, 'model'), versionParameter(parameters));
      await sendVersion(exchange, 200, version);
    },
    async deleteVersion(exchange, parameters) {
      const name = required(parameters, 'model');
      const version = versionParameter(parameters);
      await deleteModel(parts, { model: name, version });
      exchange.sendEmpty(204);
    },
    async setLabel(exchange, parameters) {
      const name = required(parameters, 'model');
      const label = assertName('label', required(parameters, 'label'));
      const { version } = await readJsonBody(exchange, SetLabelRequestSchema);
      await setServing(name, () => registry.setLabel({ model: name, label, version }));
      await sendModel(exchange, name);
    },
    async removeLabel(exchange, parameters) {
      const name = required(parameters, 'model');
      await setServing(name, () => registry.removeLabel(name, required(parameters, 'label')));
      exchange.sendEmpty(204);
    },
    async headBlob(exchange, parameters) {
      const isThere = await blobs.has(parseDigest(required(parameters, 'digest')));
      exchange.sendEmpty(isThere ? 200 : 404);
    },
    async putBlob(exchange, parameters) {
      const expectedDigest = parseDigest(required(parameters, 'digest'));
      const stored = await blobs.put(streamBody(exchange.request, parts.maxModelBytes), {
        expectedDigest,
        maxBytes: parts.maxModelBytes,
        signal: exchange.signal,
      });
      exchange.sendJson(201, stored);
    },
    async listKeys(exchange) {
      exchange.sendJson(200, { keys: gateway.listKeys().map(keyView) });
    },
    async createKey(exchange) {
      const { expiresAt, ...request } = await readJsonBody(exchange, CreateKeyRequestSchema);
      const { key, summary } = await gateway.createKey({
        ...request,
        ...(expiresAt === undefined ? {} : { expiresAtMs: parseTime(expiresAt) }),
      });
      exchange.sendJson(201, { key, ...keyView(summary) });
    },
    async revokeKey(exchange, parameters) {
      await gateway.revokeKey(required(parameters, 'key'));
      exchange.sendEmpty(204);
    },
  };
}

function queryNames(route: RouteDescription): readonly string[] {
  return (route.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name);
}

function versionParameter(parameters: Parameters): number {
  return parseVersion(required(parameters, 'model'), required(parameters, 'version'));
}

/** A date alone, or a time with its zone; what Date.parse takes beyond that is guesswork. */
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

function parseTime(text: string): number {
  const time = ISO_TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `expiresAt must be an ISO 8601 time such as 2027-01-31T00:00:00Z, got ${JSON.stringify(text.slice(0, 60))}`,
    );
  return time;
}

/** Without the part that may hold a signature: lineage is shown to every key that may read. */
function withoutQuery(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? '';
}
