// Makes a registered version of a language model ready to answer: its files laid out, its way of writing conversations
// opened. The model itself comes into memory when it is first asked.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AmaasError,
  type Clock,
  type LanguageEngine,
  type LanguageManifest,
  type LanguageModelSource,
  type Manifest,
} from '@amaas/core';
import type { VersionRecord } from '../registry/index.ts';
import type { LanguageMemory } from './language-memory.ts';
import type { ConversationFormatProvider, LanguageProvider } from './language-ports.ts';
import type { VersionProvider } from './ports.ts';
import { ResidentLanguageModel } from './resident-language-model.ts';
import { type LanguageRecorder, ServedLanguageModel } from './served-language-model.ts';

export interface LanguageLoaderParts {
  readonly provider: LanguageProvider & Pick<VersionProvider, 'layOut'>;
  /** The runtime a manifest asks for. @throws ENGINE_MISSING */
  readonly engineFor: (manifest: Manifest) => LanguageEngine;
  readonly formats: ConversationFormatProvider;
  readonly memory: LanguageMemory;
  readonly clock: Clock;
  readonly defaults: {
    readonly maxLoadMs: number;
    readonly maxQueueSize: number;
    readonly keepAliveMs: number;
  };
  /** Told of a model's process that ended by itself. */
  readonly onCrash: (model: string, version: number, error: AmaasError) => void;
}

export class LanguageLoader {
  readonly #parts: LanguageLoaderParts;

  constructor(parts: LanguageLoaderParts) {
    this.#parts = parts;
  }

  /** @throws INVALID_MODEL, INVALID_CONFIG, and what quarantine refuses with */
  async load<Recorder extends LanguageRecorder>(
    record: VersionRecord,
    createRecorder: () => Recorder,
  ): Promise<ServedLanguageModel<Recorder>> {
    const { provider, formats, memory, clock, defaults } = this.#parts;
    const laidOut = await provider.layOut(record);
    try {
      const { manifest } = record;
      const { language = {} } = manifest;
      const { directory, label, modelPath } = laidOut.source;
      const source = languageSource({ label, modelPath, directory, language });
      const { file, threads } = await provider.languageEvidenceFor(record, source, directory);
      const chatTemplate = await readTemplate(directory, language);
      const format = await formats.open({ label, file, manifest: language, chatTemplate });
      const { maxBytes } = memory;
      const keepAliveMs = language.keepAliveMs === null ? Number.POSITIVE_INFINITY : language.keepAliveMs;
      const resident = new ResidentLanguageModel({
        engine: this.#parts.engineFor(manifest),
        source,
        options: {
          ...(language.contextTokens === undefined ? {} : { contextTokens: language.contextTokens }),
          ...(language.parallel === undefined ? {} : { parallel: language.parallel }),
          ...(threads === null ? {} : { threads }),
          ...(language.threads === undefined ? {} : { threads: language.threads }),
          maxMemoryBytes: Math.min(maxBytes, manifest.limits?.maxMemoryBytes ?? maxBytes),
          maxLoadMs: defaults.maxLoadMs,
          maxQueueSize: manifest.limits?.maxQueueSize ?? defaults.maxQueueSize,
          onCrash: (error) => this.#parts.onCrash(record.model, record.version, error),
        },
        memory,
        clock,
        keepAliveMs: keepAliveMs ?? defaults.keepAliveMs,
      });
      return new ServedLanguageModel({ record, file, format, resident, laidOut, recorder: createRecorder() });
    } catch (thrown) {
      laidOut.release();
      throw thrown;
    }
  }
}

/** A version's files as the runtime takes them. */
export function languageSource(version: {
  readonly label: string;
  readonly modelPath: string;
  readonly directory: string;
  readonly language: LanguageManifest;
}): LanguageModelSource {
  const { label, modelPath, directory, language } = version;
  const adapters = Object.entries(language.adapters ?? {}).map(
    ([name, file]) => [name, join(directory, file)] as const,
  );
  return { label, modelPath, ...(adapters.length === 0 ? {} : { adapters: new Map(adapters) }) };
}

/** @throws INVALID_CONFIG when the file the manifest names is not there */
export async function readTemplate(directory: string, { chatTemplate }: LanguageManifest): Promise<string | null> {
  if (chatTemplate === undefined) return null;
  try {
    return await readFile(join(directory, chatTemplate), 'utf8');
  } catch (cause) {
    const message = `manifest: language.chatTemplate names ${JSON.stringify(chatTemplate)}, which is not beside the model`;
    throw new AmaasError('INVALID_CONFIG', message, { cause });
  }
}
