// Every protocol that carries a generation names the settings an engine refuses as its own callers write them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { encodeAnthropicError, encodeErrorEvent } from '../anthropic/index.ts';
import { encodeGenerateErrorEvent, encodeOipError } from '../oip/index.ts';
import { encodeOllamaError } from '../ollama/index.ts';
import { encodeOpenAiError, encodeOpenAiErrorChunk } from '../openai/index.ts';
import { inResponsesNames } from '../openai-responses/index.ts';

/** What each protocol says of a refused field. */
function told(field: string): Readonly<Record<string, string>> {
  const error = new AmaasError('INVALID_ARGUMENT', `generate: ${field} is wrong`, { details: { field } });
  const texts = {
    openai: JSON.stringify(encodeOpenAiError(error).body),
    openaiStream: encodeOpenAiErrorChunk(error),
    responses: JSON.stringify(encodeOpenAiError(inResponsesNames(error)).body),
    anthropic: JSON.stringify(encodeAnthropicError(error, 'r').body),
    anthropicStream: encodeErrorEvent(error, 'r'),
    ollama: JSON.stringify(encodeOllamaError(error)),
    oip: new TextDecoder().decode(encodeOipError(error).body),
    oipStream: encodeGenerateErrorEvent(error),
  };
  return Object.fromEntries(
    Object.entries(texts).map(([protocol, text]) => [protocol, /generate: (\S+) is wrong/.exec(text)?.[1] ?? text]),
  );
}

test('errors of engines name fields as the callers of each protocol do, in streams, too', () => {
  const both = (name: string, value: string) => ({ [name]: value, [`${name}Stream`]: value });
  assert.deepEqual(told('maxTokens'), {
    ...both('openai', 'max_tokens'),
    responses: 'max_output_tokens',
    ...both('anthropic', 'max_tokens'),
    ollama: 'options.num_predict',
    ...both('oip', 'max_tokens'),
  });
  assert.deepEqual(told('stop'), {
    ...both('openai', 'stop'),
    responses: 'stop',
    ...both('anthropic', 'stop_sequences'),
    ollama: 'options.stop',
    ...both('oip', 'stop'),
  });
  const { openai, responses, ollama } = told('format');
  assert.deepEqual([openai, responses, ollama], ['response_format', 'text.format', 'format']);
});
