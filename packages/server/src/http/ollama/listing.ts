// What language models there are, which are in memory, what is known of one; and taking one away.
import { readFile } from 'node:fs/promises';
import { AmaasError, type ModelReference } from '@amaas/core';
import {
  decodeDelete,
  decodeShow,
  encodeListed,
  encodeRunning,
  encodeShown,
  type OllamaModel,
} from '@amaas/protocols/ollama';
import type { BlobStore } from '../../artifacts/index.ts';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import { authorize } from '../../gateway/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Registry } from '../../registry/index.ts';
import type { Exchange } from '../exchange.ts';
import { readJson } from '../json-body.ts';
import { asNotFound, referenceOf } from './named-model.ts';

export interface ListingParts {
  readonly dataPlane: DataPlane<ModelRecorder>;
  readonly registry: Registry;
  readonly blobs: BlobStore;
}

/** Every language model by its bare name and by each of its labels. */
export async function sendTags({ dataPlane, registry }: ListingParts, exchange: Exchange): Promise<void> {
  const records = await registry.listModels();
  const visible = records.filter(({ name }) => exchange.principal?.allowsModel(name) ?? false);
  const models = visible.flatMap(({ name, labels }) => {
    const references = [{ model: name }, ...[...labels.keys()].sort().map((label) => ({ model: name, label }))];
    return references.flatMap((reference) => {
      const served = answering(dataPlane, reference);
      return served === null ? [] : [encodeListed(describe(served, reference))];
    });
  });
  exchange.sendJson(200, { models });
}

export function sendRunning({ dataPlane }: ListingParts, exchange: Exchange): void {
  const running = dataPlane.servedLanguage().flatMap((served) => {
    const { name, version, residency } = served;
    const { isLoaded, memoryBytes, expiresAtMs, facts } = residency;
    if (!isLoaded || !(exchange.principal?.allowsModel(name) ?? false)) return [];
    const isUsual = answering(dataPlane, { model: name })?.version === version;
    const entry = {
      ...describe(served, isUsual ? { model: name } : { model: name, version }),
      memoryBytes,
      expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs),
      contextTokens: facts?.contextTokens ?? null,
    };
    return [encodeRunning(entry)];
  });
  exchange.sendJson(200, { models: running });
}

export async function sendShown(parts: ListingParts, exchange: Exchange): Promise<void> {
  const { model } = decodeShow(await readJson(exchange));
  const reference = referenceOf(parts.dataPlane, exchange, model);
  if (exchange.principal !== null) authorize(exchange.principal, { scope: 'read', model: reference.model });
  const served = known(parts.dataPlane, { model, reference });
  const { manifest } = served.record;
  const shown = {
    ...describe(served, reference),
    version: { model: served.name, version: served.version },
    manifest: manifest.language ?? {},
    licence: manifest.licence ?? null,
    template: await templateOf(parts, served),
  };
  exchange.sendJson(200, encodeShown(shown));
}

/** A bare name takes the model away, `name@version` a version, `name:label` the label alone. */
export async function removeNamed(parts: ListingParts, exchange: Exchange): Promise<void> {
  const { registry, dataPlane } = parts;
  const { model } = decodeDelete(await readJson(exchange));
  const reference = referenceOf(dataPlane, exchange, model);
  const { model: name, version, label } = reference;
  if (exchange.principal !== null) authorize(exchange.principal, { scope: 'deploy', model: name });
  known(dataPlane, { model, reference });
  if (label !== undefined) await registry.removeLabel(name, label);
  else {
    const owner = (await registry.getModel(name))?.owner;
    if (owner !== undefined && owner !== 'api') {
      const where = owner === 'folder' ? 'belongs to the watched models folder' : 'comes with amaas';
      const message = `model ${JSON.stringify(name)} ${where} and cannot be deleted here`;
      throw new AmaasError('NAME_TAKEN', message, { details: { model: name, owner } });
    }
    if (version === undefined) await registry.deleteModel(name, { owner: 'api' });
    else await registry.deleteVersion(name, version, { owner: 'api' });
  }
  await dataPlane.settle(name);
  exchange.sendEmpty(200);
}

function known(
  dataPlane: DataPlane<ModelRecorder>,
  { model, reference }: { readonly model: string; readonly reference: ModelReference },
): ServedLanguageModel<ModelRecorder> {
  try {
    return dataPlane.resolveLanguage(reference);
  } catch (thrown) {
    throw asNotFound(thrown, model);
  }
}

/** null: no language model, or none of its versions is ready. */
function answering(
  dataPlane: DataPlane<ModelRecorder>,
  reference: ModelReference,
): ServedLanguageModel<ModelRecorder> | null {
  try {
    return dataPlane.resolveLanguage(reference);
  } catch (thrown) {
    if (thrown instanceof AmaasError) return null;
    throw thrown;
  }
}

function describe(served: ServedLanguageModel<ModelRecorder>, reference: ModelReference): OllamaModel {
  const { record, file, abilities } = served;
  return {
    reference,
    digest: record.digest,
    sizeBytes: record.sizeBytes,
    createdAt: record.createdAt,
    file,
    abilities,
  };
}

/** The template that counts: the file the manifest names, else the one in the model file. */
async function templateOf(parts: ListingParts, { record, file }: ServedLanguageModel): Promise<string | null> {
  const named = record.manifest.language?.chatTemplate;
  const digest = record.files.find(({ path }) => path === named)?.digest;
  return digest === undefined ? file.chatTemplate : readFile(await parts.blobs.path(digest), 'utf8');
}
