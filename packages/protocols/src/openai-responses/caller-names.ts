// What the settings of a call are called in requests for responses, where OpenAI's chat has other names for them.
import type { AmaasError } from '@amaas/core';
import { type CallerNames, inCallerNames } from '../fields/index.ts';

const NAMES: CallerNames = new Map([
  ['maxTokens', 'max_output_tokens'],
  ['topP', 'top_p'],
  ['format', 'text.format'],
  ['messages', 'input'],
  ['toolChoice', 'tool_choice'],
]);

/** An error that names the field as the request has it. */
export function inResponsesNames(error: AmaasError): AmaasError {
  return inCallerNames(error, NAMES);
}
