// llama.cpp as the engine of language models: every model in a child process of its own, so that what crashes or hangs there
// takes nothing else with it.
import type {
  LanguageEngine,
  LanguageLoadOptions,
  LanguageMemoryPlan,
  LanguageModel,
  LanguageModelFile,
  LanguageModelSource,
} from '@amaas/core';
import { LLAMA_VERSION } from './binding.ts';
import { LoadedLanguageModel } from './loaded-language-model.ts';
import { readLanguageModelFile } from './model-file.ts';
import { planMemory, readMemoryFacts } from './plan-memory.ts';

export class LlamaEngine implements LanguageEngine {
  readonly name = 'llama.cpp';
  readonly version = LLAMA_VERSION;
  readonly #models = new Set<LoadedLanguageModel>();

  inspect(modelPath: string): Promise<LanguageModelFile> {
    return readLanguageModelFile(modelPath);
  }

  async plan(
    source: LanguageModelSource,
    wish: Pick<LanguageLoadOptions, 'contextTokens' | 'parallel' | 'maxMemoryBytes'>,
  ): Promise<LanguageMemoryPlan> {
    const { contextTokens = null, parallel = null, maxMemoryBytes } = wish;
    return planMemory(source.label, await readMemoryFacts(source.modelPath), {
      contextTokens,
      parallel,
      maxMemoryBytes,
    });
  }

  async load(source: LanguageModelSource, options: LanguageLoadOptions): Promise<LanguageModel> {
    const model = await LoadedLanguageModel.start(source, options, () => this.#models.delete(model));
    this.#models.add(model);
    return model;
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.#models].map((model) => model.dispose()));
  }
}
