// Deploying: digest every file, upload those the server does not have, then ask for the new version. The server answers
// when quarantine has admitted or refused it.
import { AmaasError } from '@amaas/core';
import type { DeployRequest, VersionDetail } from '@amaas/protocols/admin';
import type { AdminCall, CallOptions } from './admin-call.ts';
import { modelPath } from './models.ts';
import { Sha256 } from './sha256.ts';
import type { Transport } from './transport.ts';
import { type FileContent, uploadBody } from './upload-body.ts';

export interface DeployFile {
  /** Path inside the version, `/` between folders: `model.onnx`, `weights/part-1.bin`. */
  readonly path: string;
  readonly content: FileContent;
  /** Bytes of a stream, for progress; Blobs and arrays know theirs. */
  readonly sizeBytes?: number;
  /** `sha256:` and 64 hexadecimal digits, when already known. */
  readonly digest?: string;
}

/** How far a deployment has come. */
export interface DeployProgress {
  /** `digest` and `upload` count bytes; `admit` is the wait for quarantine. */
  readonly phase: 'digest' | 'upload' | 'admit';
  /** The file at hand; null while waiting for quarantine. */
  readonly path: string | null;
  /** Bytes of all files that are through this phase; files the server has already count as uploaded. */
  readonly doneBytes: number;
  /** Bytes of all files; null when a stream did not say. */
  readonly totalBytes: number | null;
}

interface DeployOptions extends CallOptions {
  readonly name: string;
  /** Beside the model file an `amaas.json` may do the same; this one wins. */
  readonly manifest?: DeployRequest['manifest'];
  /** Labels that move to the version once it is admitted. */
  readonly labels?: readonly string[];
  /** Free-form origin of the version. */
  readonly lineage?: Readonly<Record<string, unknown>>;
  /**
   * Longest the wait for quarantine may take, in milliseconds; default 15 minutes, as long as the server's own default
   * limit for fetching from a URL. Uploads have no limit but `signal`.
   */
  readonly timeoutMs?: number;
}

export interface DeployFilesOptions extends DeployOptions {
  readonly files: readonly DeployFile[];
  readonly onProgress?: (progress: DeployProgress) => void;
}

export interface DeployUrlOptions extends DeployOptions {
  /** Where the server fetches the model from; its policy decides which addresses are allowed. */
  readonly url: string;
}

const ADMIT_TIMEOUT_MS = 15 * 60_000;

/** Uploads the files and deploys them as the next version. */
export async function deployFiles(
  transport: Transport,
  admin: AdminCall,
  options: DeployFilesOptions,
): Promise<VersionDetail> {
  const { files, signal } = options;
  if (files.length === 0) throw new AmaasError('INVALID_ARGUMENT', 'deploy: expected at least one file, got none');
  const sizes = files.map(sizeOf);
  const totalBytes = sizes.includes(null) ? null : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const report = (phase: DeployProgress['phase'], path: string | null, doneBytes: number) =>
    options.onProgress?.({ phase, path, doneBytes, totalBytes });

  let doneBytes = 0;
  const digested: { readonly file: DeployFile; readonly digest: string }[] = [];
  for (const file of files) {
    const counted = (bytes: number) => {
      doneBytes += bytes;
      report('digest', file.path, doneBytes);
    };
    const digest = file.digest ?? (await digestOf(file.content, counted, signal));
    digested.push({ file, digest });
  }

  doneBytes = 0;
  for (const [index, { file, digest }] of digested.entries()) {
    const before = doneBytes;
    const counted = (sentBytes: number) => {
      doneBytes = before + sentBytes;
      report('upload', file.path, doneBytes);
    };
    await uploadUnlessThere(transport, { file, digest, signal, counted });
    counted(sizes[index] ?? doneBytes - before);
  }

  report('admit', null, doneBytes);
  return requestVersion(admin, options, { files: digested.map(({ file, digest }) => ({ path: file.path, digest })) });
}

/** Has the server fetch a model and deploy it as the next version. */
export function deployUrl(admin: AdminCall, options: DeployUrlOptions): Promise<VersionDetail> {
  return requestVersion(admin, options, { url: options.url });
}

/**
 * Whether the key may deploy versions of a model: asks for one of nothing, which the server refuses last of all.
 * @throws FORBIDDEN, INVALID_KEY, NAME_TAKEN and the like
 */
export async function checkDeploy(admin: AdminCall, model: string, options: CallOptions = {}): Promise<void> {
  try {
    await admin({ operation: 'deploy', method: 'POST', path: `${modelPath(model)}/versions`, json: {}, ...options });
  } catch (thrown) {
    if (thrown instanceof AmaasError && thrown.reason === 'MALFORMED_REQUEST') return;
    throw thrown;
  }
}

async function requestVersion(
  admin: AdminCall,
  options: DeployOptions,
  source: Pick<DeployRequest, 'files' | 'url'>,
): Promise<VersionDetail> {
  const request: DeployRequest = {
    ...source,
    ...(options.manifest === undefined ? {} : { manifest: options.manifest }),
    ...(options.labels === undefined ? {} : { labels: [...options.labels] }),
    ...(options.lineage === undefined ? {} : { lineage: options.lineage }),
  };
  const detail = await admin({
    operation: 'deploy',
    method: 'POST',
    path: `${modelPath(options.name)}/versions`,
    json: request,
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? ADMIT_TIMEOUT_MS,
  });
  return detail as VersionDetail; // the route's schema
}

/** Puts one file into the server's store, unless it is there; returns its digest. */
export async function storeFile(
  transport: Transport,
  file: DeployFile,
  signal: AbortSignal | undefined,
): Promise<string> {
  const digest = file.digest ?? (await digestOf(file.content, () => {}, signal));
  await uploadUnlessThere(transport, { file, digest, signal, counted: () => {} });
  return digest;
}

interface Upload {
  readonly file: DeployFile;
  readonly digest: string;
  readonly signal: AbortSignal | undefined;
  /** Called with the bytes of this file sent so far; starts again when the upload does. */
  readonly counted: (sentBytes: number) => void;
}

async function uploadUnlessThere(transport: Transport, { file, digest, signal, counted }: Upload): Promise<void> {
  const blob = { path: `/admin/v1/blobs/${encodeURIComponent(digest)}`, repeatable: true, signal } as const;
  const head = await transport
    .request({ operation: 'deploy', method: 'HEAD', ...blob, alsoAccept: [404] })
    .catch((thrown: unknown) => explainRefusal(transport, { thrown, signal }));
  if (head.status !== 404) return;
  await transport.request({
    operation: `upload of ${file.path}`,
    method: 'PUT',
    ...blob,
    headers: { 'content-type': 'application/octet-stream' },
    body: uploadBody(file.content, counted),
    timeoutMs: Number.POSITIVE_INFINITY, // large files over slow lines take what they take; the server watches for stalls
  });
}

const NOTHING_DIGEST = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** The reply to HEAD has no body and so no reason: asks again, with an upload of nothing, what the key may not do. */
async function explainRefusal(
  transport: Transport,
  { thrown, signal }: { readonly thrown: unknown; readonly signal: AbortSignal | undefined },
): Promise<never> {
  const code = thrown instanceof AmaasError ? thrown.code : undefined;
  if (code !== 'PERMISSION_DENIED' && code !== 'UNAUTHENTICATED') throw thrown;
  await transport.request({
    operation: 'deploy',
    method: 'PUT',
    path: `/admin/v1/blobs/${encodeURIComponent(NOTHING_DIGEST)}`,
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(0),
    repeatable: true,
    signal,
  });
  throw thrown;
}

function sizeOf({ content, sizeBytes }: DeployFile): number | null {
  if (typeof content === 'function') return sizeBytes ?? null;
  return content instanceof Blob ? content.size : content.byteLength;
}

/** The content address of a file. */
async function digestOf(
  content: FileContent,
  counted: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (content instanceof Uint8Array && globalThis.crypto?.subtle !== undefined) {
    // One buffer in memory: WebCrypto digests it off this thread.
    const hash = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', content));
    counted(content.byteLength);
    return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  }
  const hash = new Sha256();
  const stream = typeof content === 'function' ? content() : new Blob([content]).stream();
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (signal?.aborted) {
      await reader.cancel();
      throw new AmaasError('CANCELLED', 'deploy: cancelled by the caller');
    }
    if (done) return `sha256:${hash.hex()}`;
    hash.update(value);
    counted(value.byteLength);
  }
}
