// The management calls about runs.
import type { RecordRunRequest, Run, RunState } from '@amaas/protocols/admin';
import type { AdminCall, CallOptions } from './admin-call.ts';
import { storeFile } from './deploy.ts';
import type { Transport } from './transport.ts';
import type { FileContent } from './upload-body.ts';

export interface ListRunsOptions extends CallOptions {
  readonly kind?: string;
  readonly state?: RunState;
  /** Only for this model. */
  readonly model?: string;
  /** Only those that read this dataset. */
  readonly dataset?: string;
  readonly job?: string;
  /** Only runs older than the one with this id. */
  readonly before?: string;
  /** Most runs given; default 100. */
  readonly limit?: number;
}

/** A run that was done elsewhere. */
export interface RecordedRun extends Omit<RecordRunRequest, 'files'> {
  /** `report.html` and `report.json` are its report. Uploaded first. */
  readonly files?: readonly { readonly name: string; readonly mediaType: string; readonly content: FileContent }[];
}

/** What was trained, on which data, with what outcome. Needs a key with scope `admin` or `deploy`. */
export interface RunsApi {
  /** Newest first. */
  list(options?: ListRunsOptions): Promise<readonly Run[]>;
  /** @throws RUN_NOT_FOUND */
  get(id: string, options?: CallOptions): Promise<Run>;
  /**
   * Records a run that was done elsewhere, such as on this machine, under an id of the caller's (`run_` and up to 63 letters,
   * digits and dashes); again replaces it.
   * @throws DATASET_NOT_FOUND, ARTIFACT_NOT_FOUND, NAME_TAKEN for the id of a job's run
   */
  record(id: string, run: RecordedRun, options?: CallOptions): Promise<Run>;
  /** Its report: `html` is one self-contained page. @throws RUN_NOT_FOUND, ARTIFACT_NOT_FOUND where there is none */
  report(id: string, format: 'html' | 'json', options?: CallOptions): Promise<string>;
  /** Forgets a run that has ended. @throws RUN_NOT_FOUND, INVALID_ARGUMENT while it runs */
  remove(id: string, options?: CallOptions): Promise<void>;
}

export function createRunsApi(transport: Transport, admin: AdminCall): RunsApi {
  const path = '/admin/v1/runs';
  const one = (id: string): string => `${path}/${encodeURIComponent(id)}`;
  // The `as` below name the schema of each route's reply; the server's tests hold it to them.
  return {
    async list({ signal, timeoutMs, ...filter } = {}) {
      const query = new URLSearchParams(
        Object.entries(filter).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
      );
      const target = query.size === 0 ? path : `${path}?${query}`;
      const body = await admin({ operation: 'runs list', method: 'GET', path: target, signal, timeoutMs });
      return (body as unknown as { runs: Run[] }).runs;
    },
    async get(id, options) {
      return (await admin({ operation: 'runs get', method: 'GET', path: one(id), ...options })) as Run;
    },
    async record(id, { files = [], ...run }, options) {
      const stored: NonNullable<RecordRunRequest['files']> = [];
      for (const { name, mediaType, content } of files) {
        stored.push({ name, mediaType, digest: await storeFile(transport, { path: name, content }, options?.signal) });
      }
      const json: RecordRunRequest = { ...run, files: stored };
      return (await admin({ operation: 'runs record', method: 'PUT', path: one(id), json, ...options })) as Run;
    },
    async report(id, format, options) {
      const reply = await transport.request({
        operation: 'runs report',
        method: 'GET',
        path: `${one(id)}/report`,
        headers: { accept: format === 'json' ? 'application/json' : 'text/html' },
        repeatable: true,
        ...options,
      });
      return new TextDecoder().decode(reply.bytes);
    },
    async remove(id, options) {
      await admin({ operation: 'runs remove', method: 'DELETE', path: one(id), ...options });
    },
  };
}
