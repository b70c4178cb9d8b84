// Several steps at once, from states to states: a loop inside the graph chooses tokens itself, so that the way in and out of
// the runtime is paid for once in a while and texts can still be streamed.
import { AmaasError } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { input } from '../graph/index.ts';
import { createScope } from '../layers/index.ts';
import { type GeneratorSampling, sampleTokens } from './generation-sampling.ts';
import { continueGeneration } from './generation-start.ts';
import { pickLikeliest, writeTexts } from './generation-texts.ts';
import { STEP_METADATA } from './step-description.ts';
import { bindWeights, describeSteps, nextNames, type StepModelParts } from './step-export.ts';

export interface WriterOptions {
  /** Tokens that end a text; default none. */
  readonly endTokens?: readonly number[];
  /** How tokens are drawn, by numbers that are then an input; default: the likeliest each time. */
  readonly sampling?: GeneratorSampling;
  readonly metadata?: ReadonlyMap<string, string>;
}

export const MOST_INPUT = 'most';

/**
 * The `write` model of {@link StepModelFiles}: `ids` int64 [N, 1], states and `most` (int64 scalar) → `tokens` int64
 * [N, time ≤ most], `lengths` int64 [N] and `ended` bool [N], `log probabilities` float32 [N], and the states with all tokens
 * but the last taken in. With `sampling` it has an input `uniforms` float32 [N, most or more] in [0, 1).
 * @throws INVALID_ARGUMENT on options out of range; INVALID_CHECKPOINT when weights are missing
 */
export function exportWriter({ decoder, weights }: StepModelParts, options: WriterOptions = {}): Uint8Array {
  const { endTokens = [], sampling, metadata = new Map() } = options;
  const { vocabularySize } = decoder;
  const unknown = endTokens.find((token) => !Number.isSafeInteger(token) || token < 0 || token >= vocabularySize);
  if (unknown !== undefined) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `generation: end token ${unknown} is none of the model's ${vocabularySize} tokens`,
    );
  }
  const { scope, record } = createScope(false);
  const start = continueGeneration(decoder, scope);
  const most = input(MOST_INPUT, 'int64', []);
  const drawn = sampling === undefined ? null : sampleTokens(sampling, vocabularySize);
  const pick = drawn?.pick ?? pickLikeliest;
  const written = writeTexts(decoder, start, { scope, most, endTokens, padding: 0, pick });
  const outputs = new Map([
    ['tokens', written.tokens],
    ['lengths', written.lengths],
    ['ended', written.ended],
    ['log probabilities', written.logProbabilities],
    ...nextNames(written.states),
  ]);
  return compileToOnnx(simplify(bindWeights(outputs, { record: record(), weights })), {
    inputs: [...start.inputs, most, ...(drawn === null ? [] : [drawn.uniforms])],
    metadata: new Map([...metadata, [STEP_METADATA, JSON.stringify(describeSteps(decoder, 'write'))]]),
  });
}
