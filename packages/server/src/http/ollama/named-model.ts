// From the name in a body to the version that answers, in the words that Ollama's clients look for.
import { AmaasError, formatModelReference } from '@amaas/core';
import type { OllamaTarget } from '@amaas/protocols/ollama';
import type { DataPlane, ServedLanguageModel } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { resolveLanguageFor } from '../language/index.ts';

/** @throws FORBIDDEN, MODEL_NOT_FOUND and the like, UNSUPPORTED_FEATURE for a model of tensors */
export function resolveNamed(
  dataPlane: DataPlane<ModelRecorder>,
  exchange: Exchange,
  { model, reference }: Pick<OllamaTarget, 'model' | 'reference'>,
): ServedLanguageModel<ModelRecorder> {
  try {
    return resolveLanguageFor(exchange, dataPlane, formatModelReference(reference));
  } catch (thrown) {
    throw asNotFound(thrown, model);
  }
}

/** What is thrown for a name that nothing stands for; anything else as it was. */
export function asNotFound(thrown: unknown, model: string): unknown {
  if (!(thrown instanceof AmaasError) || thrown.code !== 'NOT_FOUND') return thrown;
  const { reason, details } = thrown;
  return new AmaasError(reason, `model '${model.slice(0, 140)}' not found, try pulling it first`, { details });
}

/**
 * Holds the context that the caller counts on against the one there is, which is decided when a model is loaded.
 * @throws INVALID_ARGUMENT with both
 */
export async function assertContext(
  served: ServedLanguageModel,
  { contextTokens, model }: Pick<OllamaTarget, 'contextTokens' | 'model'>,
): Promise<void> {
  if (contextTokens === undefined) return;
  const { facts } = served.residency;
  const there = facts?.contextTokens ?? (await served.use(async (loaded) => loaded.facts.contextTokens));
  if (contextTokens <= there) return;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `options.num_ctx: the context of model ${JSON.stringify(model)} has ${there} tokens, got ${contextTokens}; a request cannot change it, language.contextTokens in its manifest can`,
    { details: { field: 'options.num_ctx', contextTokens: there } },
  );
}
