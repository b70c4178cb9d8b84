// Puts together what language models take: their engines, their templates (when the first one arrives: most servers of
// tensors never see one), and the memory they share.
import { accessSync, constants } from 'node:fs';
import { totalmem } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { AmaasError, type LanguageEngine, type Manifest } from '@amaas/core';
import { LlamaEngine, LlamaServerEngine } from '@amaas/engine-llama';
import type { Config } from '../config/index.ts';
import { type ConversationFormatProvider, LanguageMemory } from '../dataplane/index.ts';

export interface Languages {
  readonly engineFor: (manifest: Manifest) => LanguageEngine;
  readonly formats: ConversationFormatProvider;
  readonly memory: LanguageMemory;
  dispose(): Promise<void>;
}

export function createLanguages(config: Pick<Config, 'languageMemoryBytes' | 'llamaServerPath'>): Languages {
  const engine = new LlamaEngine();
  let server: LlamaServerEngine | null = null;
  return {
    engineFor(manifest) {
      if ((manifest.language?.engine ?? 'llama.cpp') === 'llama.cpp') return engine;
      // It is looked for when it is first asked for, and again until it is found: it may be installed meanwhile.
      server ??= new LlamaServerEngine(findLlamaServer(config.llamaServerPath));
      return server;
    },
    formats: {
      async open(subject) {
        const { ConversationFormats } = await import('../conversation/index.ts');
        return new ConversationFormats().open(subject);
      },
    },
    memory: new LanguageMemory(config.languageMemoryBytes === 0 ? halfOfMemory() : config.languageMemoryBytes),
    async dispose() {
      await Promise.all([engine.dispose(), server?.dispose()]);
    },
  };
}

function findLlamaServer(given: string | undefined): string {
  if (given !== undefined) return resolve(given);
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = folders.map((folder) => join(folder, 'llama-server')).find(canRun);
  if (found !== undefined) return found;
  const message =
    'manifest: language.engine is "llama-server", which is not on the PATH; the setting llamaServerPath names it elsewhere';
  throw new AmaasError('ENGINE_MISSING', message);
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Of the machine, or of what a container may take of it. */
function halfOfMemory(): number {
  const constrained = process.constrainedMemory();
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor(bytes / 2);
}
