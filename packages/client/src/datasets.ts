// The management calls about datasets.
import { AmaasError } from '@amaas/core';
import type { Dataset, DatasetVersion } from '@amaas/protocols/admin';
import type { AdminCall, CallOptions } from './admin-call.ts';
import { jsonOf } from './replies.ts';
import type { Transport } from './transport.ts';
import { type FileContent, uploadBody } from './upload-body.ts';

export interface UploadDatasetOptions extends CallOptions {
  readonly name: string;
  readonly content: FileContent;
  /** Default `text/csv` for a `.csv` file, else `application/octet-stream`. */
  readonly mediaType?: string;
  /** What the file is called, without folders. */
  readonly fileName?: string;
  /** A number of your own instead of the next. */
  readonly version?: number;
  /** Called with the bytes of a stream sent so far; starts again when the upload does. */
  readonly onProgress?: (sentBytes: number) => void;
}

export interface RemoveDatasetOptions extends CallOptions {
  /** One version; left out: all of them. */
  readonly version?: number;
  /** Also while runs refer to it. */
  readonly force?: boolean;
}

/** Management of datasets. Needs a key with scope `admin` or `deploy`. */
export interface DatasetsApi {
  list(options?: CallOptions): Promise<readonly Dataset[]>;
  /** All versions of one. @throws DATASET_NOT_FOUND */
  get(name: string, options?: CallOptions): Promise<Dataset>;
  /** One version, with the summary of its columns when there is one. @throws DATASET_NOT_FOUND */
  getVersion(name: string, version: number, options?: CallOptions): Promise<DatasetVersion>;
  /**
   * Uploads a file as the next version; the newest one's contents again give that one. No limit of time but `signal`.
   * @throws INVALID_NAME, DATASET_EXISTS when `version` has other contents, REQUEST_TOO_LARGE, STORAGE_FULL
   */
  upload(options: UploadDatasetOptions): Promise<DatasetVersion>;
  /** The file itself, as it comes. @throws DATASET_NOT_FOUND, ARTIFACT_NOT_FOUND */
  download(name: string, version: number, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** @throws DATASET_NOT_FOUND, DATASET_IN_USE while a run refers to it, unless forced */
  remove(name: string, options?: RemoveDatasetOptions): Promise<void>;
}

export function createDatasetsApi(transport: Transport, admin: AdminCall): DatasetsApi {
  const path = '/admin/v1/datasets';
  const one = (name: string): string => `${path}/${encodeURIComponent(name)}`;
  const versionPath = (name: string, version: number): string => `${one(name)}/versions/${version}`;
  // The `as` below name the schema of each route's reply; the server's tests hold it to them.
  return {
    async list(options) {
      const body = await admin({ operation: 'datasets list', method: 'GET', path, ...options });
      return (body as unknown as { datasets: Dataset[] }).datasets;
    },
    async get(name, options) {
      return (await admin({ operation: 'datasets get', method: 'GET', path: one(name), ...options })) as Dataset;
    },
    async getVersion(name, version, options) {
      const call = { operation: 'datasets getVersion', method: 'GET' } as const;
      return (await admin({ ...call, path: versionPath(name, version), ...options })) as DatasetVersion;
    },
    async upload(options) {
      const { name, content, fileName, version, signal } = options;
      const query = new URLSearchParams({
        ...(fileName === undefined ? {} : { fileName }),
        ...(version === undefined ? {} : { version: String(version) }),
      });
      const isCsv = fileName?.toLowerCase().endsWith('.csv') === true;
      const operation = 'datasets upload';
      const reply = await transport.request({
        operation,
        method: 'POST',
        path: `${one(name)}/versions${query.size === 0 ? '' : `?${query}`}`,
        headers: { 'content-type': options.mediaType ?? (isCsv ? 'text/csv' : 'application/octet-stream') },
        body: uploadBody(content, options.onProgress ?? (() => {})),
        repeatable: true, // the same contents again are the same version
        signal,
        timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY,
      });
      return jsonOf(operation, reply) as unknown as DatasetVersion;
    },
    async download(name, version, options) {
      const response = await transport.open({
        operation: 'datasets download',
        method: 'GET',
        path: `${versionPath(name, version)}/content`,
        repeatable: true,
        ...options,
      });
      if (response.body === null) throw new AmaasError('TRANSPORT_FAILED', 'datasets download: the reply has no body');
      return response.body;
    },
    async remove(name, { version, force = false, ...options } = {}) {
      const target = version === undefined ? one(name) : versionPath(name, version);
      await admin({
        operation: 'datasets remove',
        method: 'DELETE',
        path: `${target}${force ? '?force=true' : ''}`,
        ...options,
      });
    },
  };
}
