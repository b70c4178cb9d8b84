// What /api/chat and /api/generate have in common: everything but what is to be answered.
import type { AnswerFormat, LanguageCall } from '@amaas/core';
import { type Fields, withoutUndefined } from '../fields/index.ts';
import { readKeepAlive } from './keep-alive.ts';
import { readModelName } from './model-name.ts';
import { readOptions } from './options.ts';

/** Whom a request is for, and how it is answered. */
export interface OllamaTarget {
  /** As the caller wrote it: answers repeat it. */
  readonly model: string;
  /** How long the model stays in memory after it; Infinity: until pushed out; undefined: as the server has it. */
  readonly keepAliveMs: number | undefined;
  /** The context the caller counts on. */
  readonly contextTokens: number | undefined;
}

export interface OllamaAnswerSettings extends OllamaTarget {
  readonly stream: boolean;
  /** Whether the model is to think first; undefined: as it does by itself. */
  readonly thinking: boolean | undefined;
  /** All of the call but its input. */
  readonly call: Omit<LanguageCall, 'input'>;
}

/** Likeliest tokens told besides the drawn one at most. */
const MAX_TOP_LOGPROBS = 20;

/** @throws INVALID_ARGUMENT naming the field */
export function readAnswerSettings(fields: Fields): OllamaAnswerSettings {
  const model = readModelName(fields);
  const keepAliveMs = readKeepAlive(fields);
  const options = readOptions(fields);
  const { sampling, maxTokens, stop } = options;
  const format = readFormat(fields);
  const logProbabilities = readLogProbabilities(fields);
  // Neither is done: what does not fit is refused with numbers.
  for (const name of ['truncate', 'shift']) {
    if (fields.flag(name) === true) throw fields.invalid(name, 'is not supported: what does not fit is refused');
  }
  return {
    model,
    keepAliveMs,
    contextTokens: options.contextTokens,
    stream: fields.flag('stream') ?? true,
    thinking: readThinking(fields),
    call: withoutUndefined({
      sampling,
      maxTokens,
      stop: stop.length === 0 ? undefined : stop,
      format,
      logProbabilities,
      keepAliveMs,
    }),
  };
}

/** `images`: an empty list is as good as none. @throws INVALID_ARGUMENT */
export function refuseImages(fields: Fields): void {
  const images = fields.list('images', (image) => image);
  if (images !== undefined && images.length > 0) {
    throw fields.invalid('images', 'is not supported: language models take text here');
  }
}

function readFormat(fields: Fields): AnswerFormat | undefined {
  const value = fields.any('format');
  if (value === undefined || value === '') return undefined;
  if (value === 'json') return { kind: 'json-object' };
  if (typeof value === 'object' && !Array.isArray(value)) return { kind: 'json-schema', schema: value };
  throw fields.invalid('format', `expected "json" or a JSON Schema, got ${JSON.stringify(value).slice(0, 60)}`);
}

/** Levels say how much to think; what models know here is whether. */
function readThinking(fields: Fields): boolean | undefined {
  const value = fields.any('think');
  if (value === undefined || typeof value === 'boolean') return value;
  if (value === 'low' || value === 'medium' || value === 'high' || value === 'max') return true;
  const got = JSON.stringify(value).slice(0, 60);
  throw fields.invalid('think', `expected true, false, "low", "medium", "high" or "max", got ${got}`);
}

function readLogProbabilities(fields: Fields): { readonly top: number } | undefined {
  const isWanted = fields.flag('logprobs') ?? false;
  const top = fields.integer('top_logprobs', { min: 0, max: MAX_TOP_LOGPROBS }) ?? 0;
  if (!isWanted && top > 0) throw fields.invalid('top_logprobs', 'needs logprobs to be true');
  return isWanted ? { top } : undefined;
}
