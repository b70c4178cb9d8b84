// A runtime of language models that writes what it is told to, and counts who is in memory.
import {
  AmaasError,
  type GenerationEvent,
  type GenerationRequest,
  type LanguageEngine,
  type LanguageLoadOptions,
  type LanguageModel,
  type LanguageModelFile,
  type LanguageModelSource,
} from '@amaas/core';

export const FAKE_FILE: LanguageModelFile = {
  architecture: 'llama',
  name: 'fake',
  quantization: 'F32',
  parameters: 10,
  fileBytes: 40,
  vocabularySize: 3,
  embeddingSize: 2,
  layers: 1,
  trainedContextTokens: 128,
  chatTemplate: null,
  beginToken: '<s>',
  endToken: '</s>',
  beginsTexts: true,
  specialTokens: ['<s>', '</s>'],
  pooling: null,
};

/** A token is a character of the text; `gate` holds back what comes after the first piece. */
export class FakeLanguageEngine implements LanguageEngine {
  readonly name = 'fake';
  readonly version = '1';
  /** Labels of the models in memory, in the order in which they came. */
  readonly present: string[] = [];
  readonly requests: GenerationRequest[] = [];
  /** What each model was last loaded with, by its label. */
  readonly options = new Map<string, LanguageLoadOptions>();
  loads = 0;
  bytes = 100;
  pieces: readonly string[] = ['one', ' two'];
  gate: Promise<void> = Promise.resolve();
  loading: Promise<void> = Promise.resolve();
  failLoads = false;

  async inspect(): Promise<LanguageModelFile> {
    return FAKE_FILE;
  }

  async plan() {
    return { contextTokens: 64, parallel: 2, bytes: this.bytes };
  }

  async load(source: LanguageModelSource, options: LanguageLoadOptions): Promise<LanguageModel> {
    this.options.set(source.label, options);
    await this.loading;
    if (this.failLoads) throw new AmaasError('MODEL_REJECTED', 'load: it fails');
    this.loads++;
    this.present.push(source.label);
    return this.#model(source.label);
  }

  async dispose(): Promise<void> {}

  #model(label: string): LanguageModel {
    const gone = (): Promise<never> => Promise.reject(new AmaasError('UNSUPPORTED_FEATURE', 'not here'));
    return {
      facts: {
        description: 'fake',
        parameters: 10,
        modelBytes: 40,
        vocabularySize: 3,
        embeddingSize: 2,
        trainedContextTokens: 128,
        contextTokens: 64,
        parallel: 2,
        threads: { generation: 1, prompt: 1, measured: [] },
        stepTokens: 8,
      },
      load: { active: 0, waiting: 0 },
      generate: (request) => this.#generate(request),
      embed: gone,
      rank: gone,
      score: gone,
      tokenize: async (pieces) =>
        pieces.flatMap((piece) => ('tokens' in piece ? piece.tokens : [...piece.text].map((_, index) => index))),
      detokenize: async () => '',
      measureMemoryBytes: () => 7,
      dispose: async () => void this.present.splice(this.present.indexOf(label), 1),
    };
  }

  async *#generate(request: GenerationRequest): AsyncGenerator<GenerationEvent> {
    this.requests.push(request);
    yield { type: 'started', promptTokens: 4, cachedTokens: 1 };
    for (const text of this.pieces) {
      yield { type: 'text', text, tokens: [] };
      await this.gate;
    }
    const usage = { promptTokens: 4, cachedTokens: 1, completionTokens: 2, queueMs: 1, promptMs: 2, generationMs: 3 };
    yield { type: 'ended', reason: 'stop', stopText: null, usage, seed: 5 };
  }
}
