// Bodies of `generate` and `generate_stream` as calls. Parameters stand in `parameters`, or beside the text as Triton's
// clients have them; what is no parameter here is refused by name.
// Source: Open Inference Protocol, text generation (`generate_rest.yaml`); Triton protocol extension "Generate"; names beyond
// those two specify are vLLM's.
import type { LanguageCall, SamplingSettings } from '@amaas/core';
import { Fields, readTopK, withoutUndefined } from '../fields/index.ts';

export interface GenerateRequest {
  readonly id: string | null;
  readonly call: LanguageCall;
  /** Whether to say why the text ended, and how likely its tokens were. */
  readonly wantsDetails: boolean;
  /** What the body says of it; null: nothing. */
  readonly isStream: boolean | null;
}

/** Tokens where the request does not say, by the protocol. */
const DEFAULT_TOKENS = 20;

/** @throws INVALID_ARGUMENT naming the field */
export function decodeGenerateRequest(body: unknown): GenerateRequest {
  const fields = Fields.of(body);
  const id = fields.text('id') ?? null;
  const prompt = fields.needText('text_input');
  const parameters = fields.object('parameters');

  /** Where a parameter stands. */
  function at(name: string): Fields {
    if (parameters === undefined || !parameters.has(name)) return fields;
    if (fields.has(name)) throw fields.invalid(name, 'is in parameters, too; which counts?');
    return parameters;
  }

  const wantsDetails = at('details').flag('details') ?? false;
  const isStream = at('stream').flag('stream') ?? null;
  const maxTokens = at('max_tokens').integer('max_tokens', { min: 1 }) ?? DEFAULT_TOKENS;
  const stop = decodeStop(at('stop'));
  const sampling = decodeSampling(at);
  if (at('exclude_input_in_output').flag('exclude_input_in_output') === false) {
    throw at('exclude_input_in_output').invalid(
      'exclude_input_in_output',
      'replies hold what was written, never the input',
    );
  }
  parameters?.end();
  fields.end();
  return {
    id,
    wantsDetails,
    isStream,
    call: {
      input: { kind: 'prompt', prompt },
      maxTokens,
      sampling,
      stop,
      ...(wantsDetails ? { logProbabilities: { top: 0 } } : {}),
    },
  };
}

function decodeSampling(at: (name: string) => Fields): SamplingSettings {
  return withoutUndefined({
    temperature: at('temperature').number('temperature', { min: 0, max: 100 }),
    topP: at('top_p').number('top_p', { min: 0, max: 1 }),
    topK: readTopK(at('top_k')),
    minP: at('min_p').number('min_p', { min: 0, max: 1 }),
    repeatPenalty: at('repetition_penalty').number('repetition_penalty', { min: 0.01, max: 100 }),
    presencePenalty: at('presence_penalty').number('presence_penalty', { min: -2, max: 2 }),
    frequencyPenalty: at('frequency_penalty').number('frequency_penalty', { min: -2, max: 2 }),
    seed: at('seed').integer('seed', { min: 0, max: 2 ** 32 - 1 }),
  });
}

function decodeStop(fields: Fields): readonly string[] {
  const value = fields.any('stop');
  const texts = typeof value === 'string' ? [value] : (fields.list('stop', (item) => item) ?? []);
  return texts.map((text) => {
    if (typeof text === 'string' && text !== '') return text;
    throw fields.invalid('stop', 'expected texts that are not empty');
  });
}
