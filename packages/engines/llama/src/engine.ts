// llama.cpp as the engine of language models: every model in a child process of its own, so that what crashes or hangs there
// takes nothing else with it. The child computes by itself, or has a llama-server compute that is found on the machine.
import {
  AmaasError,
  type LanguageEngine,
  type LanguageLoadOptions,
  type LanguageMemoryPlan,
  type LanguageModel,
  type LanguageModelFile,
  type LanguageModelSource,
} from '@amaas/core';
import { accessSync, constants, statSync } from 'node:fs';
import { LLAMA_VERSION } from './binding.ts';
import { LoadedLanguageModel } from './loaded-language-model.ts';
import { readLanguageModelFile } from './model-file.ts';
import { planMemory, readFileFacts } from './plan-memory.ts';

/** What engines that run GGUF files in children have in common. */
abstract class GgufEngine implements LanguageEngine {
  abstract readonly name: string;
  abstract readonly version: string;
  /** Path of llama-server; null: llama.cpp inside the children. */
  protected abstract readonly serverPath: string | null;
  readonly #models = new Set<LoadedLanguageModel>();

  inspect(modelPath: string): Promise<LanguageModelFile> {
    return readLanguageModelFile(modelPath);
  }

  async plan(
    source: LanguageModelSource,
    wish: Pick<LanguageLoadOptions, 'contextTokens' | 'parallel' | 'maxMemoryBytes'>,
  ): Promise<LanguageMemoryPlan> {
    const { contextTokens = null, parallel = null, maxMemoryBytes } = wish;
    return planMemory(source.label, await readFileFacts(source.modelPath), {
      contextTokens,
      parallel,
      maxMemoryBytes,
    });
  }

  async load(source: LanguageModelSource, options: LanguageLoadOptions): Promise<LanguageModel> {
    const { serverPath } = this;
    const onDispose = (): void => void this.#models.delete(model);
    const model = await LoadedLanguageModel.start(source, options, { serverPath, onDispose });
    this.#models.add(model);
    return model;
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#models].map((model) => model.dispose()));
  }
}

export class LlamaEngine extends GgufEngine {
  readonly name = 'llama.cpp';
  readonly version = LLAMA_VERSION;
  protected readonly serverPath = null;
}

/** The llama-server of this machine, started anew for each model. */
export class LlamaServerEngine extends GgufEngine {
  readonly name = 'llama-server';
  /** What tells one build from another without running it: its size, and when it was written. */
  readonly version: string;
  protected readonly serverPath: string;

  /** @param binary - absolute path @throws ENGINE_MISSING where there is none that can be run */
  constructor(binary: string) {
    super();
    this.serverPath = binary;
    try {
      accessSync(binary, constants.X_OK);
      const { size, mtime } = statSync(binary);
      this.version = `${size} bytes of ${mtime.toISOString()}`;
    } catch (cause) {
      throw new AmaasError('ENGINE_MISSING', `llama-server: ${binary} is no program that can be run`, { cause });
    }
  }
}
