// llama.cpp as the engine of language models: every model in a child process of its own, so that what crashes or hangs there
// takes nothing else with it.
import type { LanguageLoadOptions, LanguageModel, LanguageModelSource } from '@amaas/core';
import { LoadedLanguageModel } from './loaded-language-model.ts';

export class LlamaEngine {
  readonly name = 'llama.cpp';
  readonly #models = new Set<LoadedLanguageModel>();

  /**
   * Loads a model in a new child process.
   * @throws INVALID_MODEL when the file is malformed or llama.cpp does not take it, MEMORY_LIMIT with numbers, MODEL_REJECTED
   *   when the process ended or was not ready in time, ENGINE_MISSING where llama.cpp is not installed, CANCELLED
   */
  async load(source: LanguageModelSource, options: LanguageLoadOptions): Promise<LanguageModel> {
    const model = await LoadedLanguageModel.start(source, options);
    this.#models.add(model);
    return model;
  }

  /** Ends every process it started. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#models].map((model) => model.dispose()));
  }
}
