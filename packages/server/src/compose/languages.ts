// Puts together what language models take: their engines, their templates (when the first one arrives: most servers of
// tensors never see one), and the memory they share.
import { totalmem } from 'node:os';
import { AmaasError, type LanguageEngine, type Manifest } from '@amaas/core';
import { LlamaEngine } from '@amaas/engine-llama';
import type { Config } from '../config/index.ts';
import { type ConversationFormatProvider, LanguageMemory } from '../dataplane/index.ts';

export interface Languages {
  readonly engineFor: (manifest: Manifest) => LanguageEngine;
  readonly formats: ConversationFormatProvider;
  readonly memory: LanguageMemory;
  dispose(): Promise<void>;
}

export function createLanguages(config: Pick<Config, 'languageMemoryBytes'>): Languages {
  const engine = new LlamaEngine();
  return {
    engineFor(manifest) {
      if ((manifest.language?.engine ?? 'llama.cpp') === 'llama.cpp') return engine;
      throw new AmaasError('ENGINE_MISSING', 'manifest: language.engine "llama-server" is not available yet');
    },
    formats: {
      async open(subject) {
        const { ConversationFormats } = await import('../conversation/index.ts');
        return new ConversationFormats().open(subject);
      },
    },
    memory: new LanguageMemory(config.languageMemoryBytes === 0 ? halfOfMemory() : config.languageMemoryBytes),
    dispose: () => engine.dispose(),
  };
}

/** Of the machine, or of what a container may take of it. */
function halfOfMemory(): number {
  const constrained = process.constrainedMemory();
  const bytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor(bytes / 2);
}
