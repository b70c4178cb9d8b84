// What chat and plain completions have in common: how tokens are drawn, where the answer ends, what it must be, what of it is
// reported. Besides OpenAI's fields those that callers of llama.cpp, vLLM and Ollama send to servers of this protocol.
import type { LanguageCall, SamplingSettings } from '@amaas/core';
import { type Fields, readTopK, withoutUndefined } from '../fields/index.ts';
import { readAnswerFormat } from './answer-format.ts';

export type CallSettings = Omit<LanguageCall, 'input' | 'maxTokens' | 'logProbabilities'>;

/** What a request asks for besides one answer's text. */
export interface ReplySettings {
  /** Name of the model as the caller wrote it. */
  readonly model: string;
  /** Answers to each prompt. */
  readonly choices: number;
  readonly isStream: boolean;
  /** Whether a stream ends with the usage. */
  readonly includesUsage: boolean;
}

/** Every choice is an answer of its own, in a sequence of its own. */
const MOST_CHOICES = 16;
/** As many as the engine takes. */
const MOST_STOPS = 64;
/** OpenAI's two penalties look back on the whole answer; this many tokens of it are enough. */
const PENALTY_TOKENS = 4096;

/** Fields that change nothing of an answer: names of users, hints for caches, for billing and for speed. */
const HARMLESS = [
  'user',
  'metadata',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'prediction',
  'cache_prompt',
] as const;

/** @throws INVALID_ARGUMENT naming the field */
export function readReplySettings(fields: Fields): ReplySettings {
  fields.ignore(...HARMLESS);
  fields.choice('service_tier', ['auto', 'default']);
  const choices = fields.integer('n', { min: 1, max: MOST_CHOICES }) ?? 1;
  const options = fields.object('stream_options');
  const includesUsage = options?.flag('include_usage') ?? false;
  options?.ignore('include_obfuscation'); // it hides lengths of chunks from those who listen on the line; TLS is not ours
  options?.end();
  return {
    model: fields.needText('model'),
    choices,
    isStream: fields.flag('stream') ?? false,
    includesUsage,
  };
}

/** @throws INVALID_ARGUMENT naming the field */
export function readCallSettings(fields: Fields): CallSettings {
  return withoutUndefined({
    sampling: readSampling(fields),
    stop: readStop(fields),
    format: readAnswerFormat(fields),
    adapter: fields.text('adapter'),
  });
}

/** Each choice of a request is drawn by a seed of its own: the one asked for, the next, and so on. */
export function choiceOf(call: LanguageCall, index: number): LanguageCall {
  const seed = call.sampling?.seed;
  return seed === undefined ? call : { ...call, sampling: { ...call.sampling, seed: (seed + index) % 2 ** 32 } };
}

function readSampling(fields: Fields): SamplingSettings {
  const topK = readTopK(fields);
  const presencePenalty = fields.number('presence_penalty', { min: -2, max: 2 });
  const frequencyPenalty = fields.number('frequency_penalty', { min: -2, max: 2 });
  const repeatPenalty = readRepeatPenalty(fields);
  const looksFar = repeatPenalty === undefined && (presencePenalty ?? frequencyPenalty) !== undefined;
  const penaltyTokens = fields.integer('repeat_last_n', { min: 1, max: 2 ** 20 });
  return withoutUndefined({
    temperature: fields.number('temperature', { min: 0, max: 2 }),
    topK,
    topP: fields.number('top_p', { min: 0, max: 1 }),
    minP: fields.number('min_p', { min: 0, max: 1 }),
    repeatPenalty,
    presencePenalty,
    frequencyPenalty,
    penaltyTokens: penaltyTokens ?? (looksFar ? PENALTY_TOKENS : undefined),
    logitBias: readLogitBias(fields),
    seed: foldSeed(fields.integer('seed')),
  });
}

/** llama.cpp's name and vLLM's. */
function readRepeatPenalty(fields: Fields): number | undefined {
  const range = { min: 0.01, max: 100 };
  const repeatPenalty = fields.number('repeat_penalty', range);
  const repetitionPenalty = fields.number('repetition_penalty', range);
  if (repeatPenalty !== undefined && repetitionPenalty !== undefined) {
    throw fields.invalid('repetition_penalty', 'cannot be given beside repeat_penalty, which is the same');
  }
  return repeatPenalty ?? repetitionPenalty;
}

/** OpenAI's seeds have 64 bits, the engine's 32: small ones stay as they are, of others both halves count. */
function foldSeed(seed: number | undefined): number | undefined {
  if (seed === undefined) return undefined;
  const bits = BigInt.asUintN(64, BigInt(seed));
  return seed >= 0 && seed < 2 ** 32 ? seed : Number(BigInt.asUintN(32, bits ^ (bits >> 32n)));
}

function readLogitBias(fields: Fields): ReadonlyMap<number, number> | undefined {
  const biases = fields.object('logit_bias');
  if (biases === undefined) return undefined;
  const pairs = biases.names.map((name) => {
    if (!/^\d{1,9}$/.test(name)) throw biases.invalid(name, 'expected the number of a token');
    return [Number(name), biases.number(name, { min: -100, max: 100 }) ?? 0] as const;
  });
  return pairs.length === 0 ? undefined : new Map(pairs);
}

function readStop(fields: Fields): readonly string[] | undefined {
  const value = fields.any('stop');
  const texts = typeof value === 'string' ? [value] : fields.list('stop', (item) => item);
  if (texts === undefined) return undefined;
  const stop = texts.filter((text) => typeof text === 'string' && text !== '');
  if (stop.length < texts.length)
    throw fields.invalid('stop', 'expected a text or a list of texts, none of them empty');
  if (stop.length > MOST_STOPS)
    throw fields.invalid('stop', `expected at most ${MOST_STOPS} texts, got ${stop.length}`);
  return stop.length === 0 ? undefined : stop.map(String);
}
