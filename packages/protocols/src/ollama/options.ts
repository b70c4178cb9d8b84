// The `options` of a request: how the next token is drawn and when the answer ends. What is decided when a model is loaded
// cannot be asked for here: what only makes it quicker or slower passes, what would change the answer is refused.
import type { SamplingSettings } from '@amaas/core';
import { Fields, readTopK, withoutUndefined } from '../fields/index.ts';

export interface OllamaOptions {
  readonly sampling: SamplingSettings;
  /** Undefined: as the server has it. */
  readonly maxTokens: number | undefined;
  readonly stop: readonly string[];
  /** The context the caller counts on; it cannot be set here, only found to be there. */
  readonly contextTokens: number | undefined;
}

/** Where the work is done, and with how much of the machine: nothing of the answer hangs on it. */
const PLACEMENT = ['num_gpu', 'main_gpu', 'num_thread', 'num_batch', 'use_mmap', 'use_mlock', 'numa', 'low_vram'];

/** As far back as the penalties can look: the whole context, whatever it is. */
const WHOLE_CONTEXT = 2 ** 20;

/** @throws INVALID_ARGUMENT naming the option */
export function readOptions(body: Fields): OllamaOptions {
  const options = body.object('options') ?? Fields.of({}, 'options');
  options.ignore(...PLACEMENT);
  options.ignore('num_keep'); // of a context that is shifted; none is here
  assertNeutral(options);
  const read = {
    sampling: readSampling(options),
    maxTokens: readMaxTokens(options),
    stop: readStop(options),
    contextTokens: options.integer('num_ctx', { min: 1 }),
  };
  options.end();
  return read;
}

function readSampling(options: Fields): SamplingSettings {
  const temperature = options.number('temperature', { min: 0, max: 100 });
  const topK = readTopK(options);
  const topP = options.number('top_p', { min: 0, max: 1 });
  const minP = options.number('min_p', { min: 0, max: 1 });
  const seed = options.integer('seed', { max: 2 ** 32 - 1 });
  const lookBack = options.integer('repeat_last_n', { min: -1, max: WHOLE_CONTEXT });
  const repeatPenalty = options.number('repeat_penalty', { min: 0.01, max: 100 });
  const presencePenalty = options.number('presence_penalty', { min: -100, max: 100 });
  const frequencyPenalty = options.number('frequency_penalty', { min: -100, max: 100 });
  const penalties =
    lookBack === 0
      ? { repeatPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 }
      : { repeatPenalty, presencePenalty, frequencyPenalty };
  return withoutUndefined({
    temperature,
    topK,
    topP,
    minP,
    seed: seed !== undefined && seed < 0 ? undefined : seed, // below 0: drawn
    penaltyTokens: lookBack === undefined || lookBack === 0 ? undefined : lookBack < 0 ? WHOLE_CONTEXT : lookBack,
    ...penalties,
  });
}

/** −1 and −2 ask for as much as there is room for: the server's own bound. */
function readMaxTokens(options: Fields): number | undefined {
  const count = options.integer('num_predict', { min: -2 });
  if (count === 0) throw options.invalid('num_predict', 'expected 1 or more, or -1 for no bound, got 0');
  return count === undefined || count < 0 ? undefined : count;
}

function readStop(options: Fields): readonly string[] {
  const value = options.any('stop');
  if (typeof value === 'string') return value === '' ? [] : [value];
  const texts = options.list('stop', (text, path) => {
    if (typeof text === 'string' && text !== '') return text;
    throw options.invalid(path.slice('options.'.length), 'expected a text that is not empty');
  });
  return texts ?? [];
}

/** Ways of drawing that are not there: allowed only where they are turned off. */
function assertNeutral(options: Fields): void {
  const typical = options.number('typical_p');
  if (typical !== undefined && typical !== 1) throw options.invalid('typical_p', 'is not supported; 1 turns it off');
  const tailFree = options.number('tfs_z');
  if (tailFree !== undefined && tailFree !== 1) throw options.invalid('tfs_z', 'is not supported; 1 turns it off');
  const mirostat = options.number('mirostat');
  if (mirostat !== undefined && mirostat !== 0) throw options.invalid('mirostat', 'is not supported; 0 turns it off');
  options.ignore('mirostat_tau', 'mirostat_eta'); // of mirostat alone
  if (options.flag('penalize_newline') === false) {
    throw options.invalid('penalize_newline', 'is not supported: newlines count as any other token');
  }
}
