// A request's sampling settings, checked, as llama.cpp takes them.
import { AmaasError, type SamplingSettings } from '@amaas/core';
import type { BoundGrammarState, SamplerSettings } from './binding.ts';

const DEFAULT_PENALTY_TOKENS = 64;
const SEEDS = 2 ** 32;

/** @throws INVALID_ARGUMENT naming the setting, what it may be and what came */
export function checkSampling(settings: SamplingSettings, vocabularySize: number): void {
  const { temperature, topK, topP, minP, repeatPenalty, presencePenalty, frequencyPenalty, penaltyTokens } = settings;
  assertRange('temperature', temperature, 0, 100);
  assertRange('topP', topP, 0, 1);
  assertRange('minP', minP, 0, 1);
  assertRange('repeatPenalty', repeatPenalty, 0.01, 100);
  assertRange('presencePenalty', presencePenalty, -100, 100);
  assertRange('frequencyPenalty', frequencyPenalty, -100, 100);
  assertWhole('topK', topK, 1, 2 ** 31 - 1);
  assertWhole('penaltyTokens', penaltyTokens, 1, 2 ** 20);
  assertWhole('seed', settings.seed, 0, SEEDS - 1);
  for (const [token, bias] of settings.logitBias ?? []) {
    if (!Number.isInteger(token) || token < 0 || token >= vocabularySize) {
      throw invalid('logitBias', `names token ${token}, and the model has tokens 0 … ${vocabularySize - 1}`);
    }
    if (Number.isNaN(bias) || bias === Number.POSITIVE_INFINITY) {
      throw invalid('logitBias', `of token ${token} must be a number or −Infinity, got ${bias}`);
    }
  }
}

/**
 * @param prompt - tokens the answer follows
 * @param grammar - where the answer follows one
 */
export function samplerSettings(
  settings: SamplingSettings & { readonly seed: number },
  prompt: Uint32Array,
  grammar: BoundGrammarState | null,
): SamplerSettings {
  const { temperature = 0, topK, topP, minP, seed, logitBias } = settings;
  return {
    temperature,
    seed,
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    ...(minP === undefined ? {} : { minP }),
    ...penalties(settings, prompt),
    ...(logitBias === undefined
      ? {}
      : {
          tokenBiasKeys: Uint32Array.from(logitBias.keys()),
          tokenBiasValues: Float32Array.from(logitBias.values()),
        }),
    ...(grammar === null ? {} : { grammarEvaluationState: grammar }),
  };
}

/** The penalty for repeating looks back into the prompt, those for presence and frequency do not: as their inventors have it. */
function penalties(settings: SamplingSettings, prompt: Uint32Array): Partial<SamplerSettings> {
  const { repeatPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = settings;
  const { penaltyTokens = DEFAULT_PENALTY_TOKENS } = settings;
  if (repeatPenalty === 1 && presencePenalty === 0 && frequencyPenalty === 0) return {};
  return {
    repeatPenalty,
    repeatPenaltyPresencePenalty: presencePenalty,
    repeatPenaltyFrequencyPenalty: frequencyPenalty,
    repeatPenaltyMaxTokens: penaltyTokens,
    repeatPenaltyTokens: repeatPenalty === 1 ? new Uint32Array() : prompt.slice(-penaltyTokens),
  };
}

/** 0 … 2³² − 1. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

function assertRange(name: keyof SamplingSettings, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (value >= least && value <= most)) return;
  throw invalid(name, `must be a number of ${least} … ${most}, got ${value}`);
}

function assertWhole(name: keyof SamplingSettings, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw invalid(name, `must be a whole number of ${least} … ${most}, got ${value}`);
}

function invalid(field: keyof SamplingSettings, problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `generate: ${field} ${problem}`, { details: { field } });
}
