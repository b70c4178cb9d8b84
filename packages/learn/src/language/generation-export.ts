// Whole texts from one ONNX graph: the encoder or the prompt, then a loop of steps that chooses tokens itself. What a
// translator or a summariser is served as, and what saves the way in and out of the runtime at every token.
import { AmaasError } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { gather, scalar, type Value } from '../graph/index.ts';
import { createScope } from '../layers/index.ts';
import { generateBeams } from './generation-beams.ts';
import { type GeneratorSampling, sampleTokens } from './generation-sampling.ts';
import { startGeneration } from './generation-start.ts';
import { pickLikeliest, writeTexts } from './generation-texts.ts';
import { bindWeights, type StepModelParts } from './step-export.ts';

export interface GeneratorOptions {
  /** Tokens written at most, the end token included. */
  readonly maxTokens: number;
  /** Tokens that end a text; default none. */
  readonly endTokens?: readonly number[];
  /** What texts begin with, for decoders with inputs of their own, such as translators. */
  readonly startToken?: number;
  /** What is written behind a text's end; default 0. */
  readonly padding?: number;
  /** How tokens are drawn; default: the likeliest each time. Not with beams. */
  readonly sampling?: GeneratorSampling;
  /** Beginnings gone on with; default: one text is written, token by token. */
  readonly beams?: number;
  /** Exponent of the length that log-probabilities are divided by, 0 … 10; default 1: mean per token. For beams. */
  readonly lengthPenalty?: number;
  /** Whether all texts found are given, or the best; default false. For beams. */
  readonly returnsAll?: boolean;
  readonly metadata?: ReadonlyMap<string, string>;
}

/**
 * An ONNX model from a decoder's inputs, or `ids` int64 [N, T] of prompts (−1 before a row's own where rows differ in length),
 * to texts. With `sampling` it has a further input, `uniforms` float32 [N, maxTokens or more] in [0, 1): the numbers tokens are
 * drawn by, which makes texts reproducible.
 *
 * Outputs: `tokens` int64 [N, time], without end tokens and padded behind them; `lengths` int64 [N]; `log probabilities`
 * float32 [N]; with beams `scores` float32 [N]. With `returnsAll` each has an axis of beams after the first, best first, and
 * scores of −Infinity where nothing was found. The same texts as `generateSequences` and `searchBeams`.
 * @throws INVALID_ARGUMENT on options out of range; INVALID_CHECKPOINT when weights are missing
 */
export function exportGenerator({ decoder, weights }: StepModelParts, options: GeneratorOptions): Uint8Array {
  const { maxTokens, endTokens = [], padding = 0, beams, lengthPenalty = 1 } = options;
  checkOptions(options, decoder.vocabularySize);
  const { scope, record } = createScope(false);
  const start = startGeneration(decoder, { scope, startToken: options.startToken });
  const limits = { scope, maxTokens, endTokens, padding };
  const outputs = new Map<string, Value>();
  const inputs = [...start.inputs];
  if (beams === undefined) {
    const drawn = options.sampling === undefined ? null : sampleTokens(options.sampling, decoder.vocabularySize);
    if (drawn !== null) inputs.push(drawn.uniforms);
    const pick = drawn?.pick ?? pickLikeliest;
    const { tokens, lengths, logProbabilities } = writeTexts(decoder, start, {
      ...{ scope, endTokens, padding, pick },
      most: maxTokens,
    });
    outputs.set('tokens', tokens).set('lengths', lengths).set('log probabilities', logProbabilities);
  } else {
    const found = generateBeams(decoder, start, { ...limits, beams, lengthPenalty });
    const chosen = (value: Value): Value => (options.returnsAll === true ? value : firstBeam(value));
    outputs.set('tokens', chosen(found.tokens)).set('lengths', chosen(found.lengths));
    outputs.set('log probabilities', chosen(found.logProbabilities)).set('scores', chosen(found.scores));
  }
  return compileToOnnx(simplify(bindWeights(outputs, { record: record(), weights })), {
    inputs,
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
  });
}

function firstBeam(value: Value): Value {
  return gather(value, scalar('int64', 0), 1);
}

function checkOptions(options: GeneratorOptions, vocabularySize: number): void {
  const { maxTokens, endTokens = [], beams, lengthPenalty = 1, startToken } = options;
  const isToken = (token: number): boolean => Number.isSafeInteger(token) && token >= 0 && token < vocabularySize;
  const ends = new Set(endTokens).size;
  const problem = !isCount(maxTokens)
    ? `maxTokens must be a whole number ≥ 1, got ${maxTokens}`
    : ![...endTokens, ...(startToken === undefined ? [] : [startToken])].every(isToken)
      ? `tokens must be among the model's ${vocabularySize}, got ${[startToken, ...endTokens].join(', ')}`
      : beams !== undefined && !(isCount(beams) && beams + ends <= vocabularySize)
        ? `beams must be a whole number ≥ 1 that leaves room for the end tokens among ${vocabularySize}, got ${beams}`
        : beams !== undefined && options.sampling !== undefined
          ? 'beams are searched for, not drawn: give beams or sampling'
          : !(lengthPenalty >= 0 && lengthPenalty <= 10)
            ? `lengthPenalty must lie in 0 … 10, got ${lengthPenalty}`
            : null;
  if (problem !== null) throw new AmaasError('INVALID_ARGUMENT', `generation: ${problem}`);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
