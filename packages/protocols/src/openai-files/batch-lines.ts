// The lines of a batch's files: requests in, results out.
// Source: OpenAI API specification 2.3.0, BatchRequestInput and BatchRequestOutput.
import { parseJsonObject } from '../fields/index.ts';
import type { BatchProblem, BatchUsage } from './batches.ts';

/** One request of the input file. */
export interface BatchLine {
  readonly customId: string;
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The model the body names; null where it names none. */
  readonly model: string | null;
}

export type LineProblem = Pick<BatchProblem, 'code' | 'message' | 'param'>;

/** What became of one request. */
export interface BatchLineResult {
  readonly id: string;
  readonly customId: string;
  /** null where it was never run. */
  readonly response: { readonly statusCode: number; readonly requestId: string; readonly body: unknown } | null;
  /** Why it was not run. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Ids live in memory while the file is checked, 50,000 of them. */
const LONGEST_CUSTOM_ID = 512;

/** Reads a line, or says what is wrong with it. */
export function readBatchLine(text: string): BatchLine | LineProblem {
  const line = parseJsonObject(text);
  if (line === null) return problem('invalid_json_line', 'This line is not a JSON object.', null);
  const { custom_id: customId, method, url, body } = line;
  if (typeof customId !== 'string' || customId === '') {
    return problem('missing_required_parameter', 'custom_id must be a string that is not empty.', 'custom_id');
  }
  if (customId.length > LONGEST_CUSTOM_ID) {
    return problem('invalid_value', `custom_id may have at most ${LONGEST_CUSTOM_ID} characters.`, 'custom_id');
  }
  if (method !== 'POST') return problem('invalid_method', 'method must be "POST".', 'method');
  if (typeof url !== 'string') return problem('missing_required_parameter', 'url must be a string.', 'url');
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return problem('missing_required_parameter', 'body must be an object.', 'body');
  }
  const known = ['custom_id', 'method', 'url', 'body'];
  const unknown = Object.keys(line).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const name = JSON.stringify(unknown.slice(0, 60));
    return problem('unknown_parameter', `${name} is not a field of a batch request.`, unknown.slice(0, 60));
  }
  const fields = body as Readonly<Record<string, unknown>>; // an object from JSON
  if (fields['stream'] === true)
    return problem('invalid_value', 'body.stream: a batch does not stream.', 'body.stream');
  const { model } = fields;
  return { customId, url, body: fields, model: typeof model === 'string' ? model : null };
}

export function isLineProblem(read: BatchLine | LineProblem): read is LineProblem {
  return 'code' in read;
}

export function encodeLineResult({ id, customId, response, error }: BatchLineResult): object {
  return {
    id,
    custom_id: customId,
    response:
      response === null
        ? null
        : { status_code: response.statusCode, request_id: response.requestId, body: response.body },
    error,
  };
}

export const NO_USAGE: BatchUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** Adds what the body of a successful response says it used, of whichever endpoint. */
export function addUsage(sum: BatchUsage, body: unknown): BatchUsage {
  const usage = objectOf(objectOf(body)['usage']);
  const input = objectOf(usage['input_tokens_details'] ?? usage['prompt_tokens_details']);
  const output = objectOf(usage['output_tokens_details'] ?? usage['completion_tokens_details']);
  return {
    inputTokens: sum.inputTokens + count(usage['input_tokens'] ?? usage['prompt_tokens']),
    cachedTokens: sum.cachedTokens + count(input['cached_tokens']),
    outputTokens: sum.outputTokens + count(usage['output_tokens'] ?? usage['completion_tokens']),
    reasoningTokens: sum.reasoningTokens + count(output['reasoning_tokens']),
  };
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}; // just checked
}

function problem(code: string, message: string, param: string | null): LineProblem {
  return { code, message, param };
}
