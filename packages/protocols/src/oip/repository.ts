// Bodies of the model repository extension: the index, and what a load or unload carries. Loading itself is for others.
// Source: Triton protocol extension "Model Repository".
import { AmaasError } from '@amaas/core';
import { decodeBase64, type JsonObject, parseJson } from '../json/index.ts';
import { encodeJson } from './metadata.ts';
import { booleanParameter, parametersOf } from './parameters.ts';

/** State of a version, by Triton's words. */
export type RepositoryState = 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING' | 'UNKNOWN';

/** One version of a model in the index. */
export interface RepositoryIndexEntry {
  readonly model: string;
  /** null: the model is known, but no version of it. */
  readonly version: number | null;
  readonly state: RepositoryState;
  /** Why it is not READY; default empty. */
  readonly reason?: string;
}

/** What a load request carries. */
export interface LoadRequest {
  /** Model configuration as JSON text that replaces the stored one; null: keep that. */
  readonly config: string | null;
  /** Contents by path below the model's folder (`1/model.onnx`) that replace the stored files. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Reads the body of `POST /v2/repository/index`; empty means all defaults. @throws MALFORMED_REQUEST, INVALID_ARGUMENT */
export function decodeIndexRequest(body: Uint8Array): { readonly readyOnly: boolean } {
  const ready = parseObject(body, 'repository index')?.get('ready');
  return { readyOnly: ready === undefined ? false : booleanParameter('ready', ready) };
}

/** The index: an array at the top of the body. */
export function encodeRepositoryIndex(entries: readonly RepositoryIndexEntry[]): Uint8Array {
  return encodeJson(
    entries.map(({ model, version, state, reason }) => ({
      name: model,
      ...(version === null ? {} : { version: String(version) }),
      state,
      reason: reason ?? '',
    })),
  );
}

/**
 * Reads the body of `POST …/load`; empty means: load what is stored.
 * @throws MALFORMED_REQUEST, INVALID_ARGUMENT for unknown parameters, broken base64, files without a configuration, and
 *   paths that leave the model's folder.
 */
export function decodeLoadRequest(body: Uint8Array): LoadRequest {
  const root = parseObject(body, 'repository load');
  const parameters = root === null ? null : parametersOf(root, 'a load request');
  let config: string | null = null;
  const files = new Map<string, Uint8Array>();
  for (const [name, value] of parameters ?? []) {
    if (typeof value !== 'string') {
      throw new AmaasError('INVALID_ARGUMENT', `repository load: parameter '${name}' must be a string`);
    }
    if (name === 'config') config = value;
    else if (name.startsWith('file:')) files.set(assertFilePath(name), fileContents(name, value));
    else {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `repository load: unknown parameter '${name}', expected 'config' or 'file:<path>'`,
      );
    }
  }
  if (files.size > 0 && config === null) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      "repository load: parameter 'config' must be given where files are given, as the files replace the whole model",
    );
  }
  return { config, files };
}

/** Reads the body of `POST …/unload`; empty means all defaults. @throws MALFORMED_REQUEST, INVALID_ARGUMENT */
export function decodeUnloadRequest(body: Uint8Array): { readonly unloadDependents: boolean } {
  const root = parseObject(body, 'repository unload');
  const value = root === null ? undefined : parametersOf(root, 'an unload request')?.get('unload_dependents');
  return { unloadDependents: value === undefined ? false : booleanParameter('unload_dependents', value) };
}

function parseObject(body: Uint8Array, operation: string): JsonObject | null {
  if (body.byteLength === 0) return null;
  const root = parseJson(body, { maxDepth: 8 });
  if (root instanceof Map) return root;
  throw new AmaasError('MALFORMED_REQUEST', `${operation}: the body must be a JSON object`);
}

function assertFilePath(parameter: string): string {
  const path = parameter.slice('file:'.length);
  const leaves = path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..');
  if (leaves || path.includes('\\') || path.includes('\0')) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `repository load: parameter ${JSON.stringify(parameter.slice(0, 140))} must name a path below the model's folder`,
    );
  }
  return path;
}

function fileContents(parameter: string, text: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes === null) {
    throw new AmaasError('INVALID_ARGUMENT', `repository load: parameter '${parameter}' is not base64`);
  }
  return bytes;
}
