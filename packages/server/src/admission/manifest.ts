// The manifest of a version: put together from what the caller gave, from `amaas.json` and from Triton's `config.pbtxt`
// beside the model (in that order of precedence, field by field), checked, and its labels file read.
import { AmaasError, type Manifest } from '@amaas/core';
import { checkAgainst, ManifestSchema } from '@amaas/protocols/admin';
import { decodeTritonConfig, type TritonConfig } from '@amaas/protocols/triton-config';
import type { VersionPolicy } from '../registry/index.ts';

export const MANIFEST_FILE = 'amaas.json';
export const TRITON_CONFIG_FILE = 'config.pbtxt';

/** Class names beyond this are a mistake, not a label list; ImageNet-21k has 21,843. */
const MAX_LABELS = 1_000_000;

/** Reads a file of the version by its path in it; null where there is none. */
export type ReadVersionFile = (path: string) => Promise<Uint8Array | null>;

/** What lies beside a model file, put together. */
export interface VersionSettings {
  /** With label names in place. */
  readonly manifest: Manifest;
  /** From Triton's configuration; null where it says nothing. */
  readonly policy: VersionPolicy | null;
  readonly modelFile: string | null;
  /** Fields of Triton's configuration that have no effect here. */
  readonly ignored: readonly string[];
}

/**
 * Reads what lies beside the model file of `model`; `given` wins over files.
 * @throws INVALID_CONFIG, UNSUPPORTED_FEATURE naming the file, the field, what was expected and what came.
 */
export async function readVersionSettings(
  model: string,
  read: ReadVersionFile,
  given: Manifest = {},
): Promise<VersionSettings> {
  const fromFile = await readAmaasJson(read);
  const triton = await readTritonConfig(model, read);
  const merged: Manifest = { ...triton?.manifest, ...fromFile, ...given };
  const manifest =
    typeof merged.labels === 'string' ? { ...merged, labels: await readLabels(read, merged.labels) } : merged;
  return {
    manifest,
    policy: triton?.versionPolicy ?? null,
    modelFile: triton?.modelFilename ?? null,
    ignored: triton?.ignored ?? [],
  };
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

async function readTritonConfig(model: string, read: ReadVersionFile): Promise<TritonConfig | null> {
  const bytes = await read(TRITON_CONFIG_FILE);
  if (bytes === null) return null;
  const config = decodeTritonConfig(new TextDecoder().decode(bytes));
  if (config.name !== null && config.name !== model) {
    throw new AmaasError(
      'INVALID_CONFIG',
      `${TRITON_CONFIG_FILE}: name is ${JSON.stringify(config.name)}, but the model is called "${model}"`,
    );
  }
  return config;
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
