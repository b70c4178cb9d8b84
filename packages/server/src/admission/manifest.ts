// The manifest of a version: put together from what the caller gave, from `amaas.json` and from Triton's `config.pbtxt`
// beside the model (in that order of precedence, field by field), checked, and its labels file read.
import { AmaasError, type Manifest } from '@amaas/core';
import { checkAgainst, ManifestSchema } from '@amaas/protocols/admin';
import { decodeTritonConfig } from '@amaas/protocols/triton-config';

export const MANIFEST_FILE = 'amaas.json';
export const TRITON_CONFIG_FILE = 'config.pbtxt';

/** Class names beyond this are a mistake, not a label list; ImageNet-21k has 21,843. */
const MAX_LABELS = 1_000_000;

/** Reads a file of the version by its path in it; null where there is none. */
export type ReadVersionFile = (path: string) => Promise<Uint8Array | null>;

/**
 * The manifest of a version with label names in place.
 * @throws INVALID_CONFIG naming the file, the field, what was expected and what came.
 */
export async function readManifest(read: ReadVersionFile, given: Manifest = {}): Promise<Manifest> {
  const fromFile = await readAmaasJson(read);
  const fromTriton = await readTritonConfig(read);
  const merged: Manifest = { ...fromTriton, ...fromFile, ...given };
  if (typeof merged.labels !== 'string') return merged;
  return { ...merged, labels: await readLabels(read, merged.labels) };
}

async function readAmaasJson(read: ReadVersionFile): Promise<Manifest> {
  const bytes = await read(MANIFEST_FILE);
  if (bytes === null) return {};
  return checkAgainst(ManifestSchema, parseJsonFile(bytes), {
    what: MANIFEST_FILE,
    reason: 'INVALID_CONFIG',
  }) as Manifest; // the schema describes exactly core's Manifest
}

function parseJsonFile(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable';
    throw new AmaasError('INVALID_CONFIG', `${MANIFEST_FILE}: not valid JSON: ${why}`, { cause });
  }
}

async function readTritonConfig(read: ReadVersionFile): Promise<Manifest> {
  const bytes = await read(TRITON_CONFIG_FILE);
  return bytes === null ? {} : decodeTritonConfig(new TextDecoder().decode(bytes)).manifest;
}

async function readLabels(read: ReadVersionFile, path: string): Promise<readonly string[]> {
  const bytes = await read(path);
  if (bytes === null)
    throw new AmaasError(
      'INVALID_CONFIG',
      `${MANIFEST_FILE}: labels names the file ${JSON.stringify(path)}, which is not beside the model`,
    );
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length > MAX_LABELS)
    throw new AmaasError('INVALID_CONFIG', `${path}: at most ${MAX_LABELS} labels, got ${lines.length}`);
  return lines;
}
