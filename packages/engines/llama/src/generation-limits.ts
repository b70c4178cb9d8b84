// What a request for text may ask, and how much room there is for its answer.
import { AmaasError, type GenerationRequest } from '@amaas/core';

const MOST_TOP = 100;
const MOST_STOPS = 64;
/** llama.cpp copies a grammar's elements for every request. */
const MOST_GRAMMAR_CHARACTERS = 1_000_000;
/** llama.cpp reads groups recursively: some ten thousand overflow its stack and end the process. */
const MOST_GROUP_DEPTH = 1000;
/** What of a grammar is text, and what opens, closes and counts outside of it. */
const GRAMMAR_PARTS =
  /"[^"\\]*(?:\\.[^"\\]*)*"|\[[^\]\\]*(?:\\.[^\]\\]*)*\]|<[^>]*>|#[^\n\r]*|[()]|\{\s*(\d+)\s*,\s*(\d+)\s*\}/gs;

/** All but the sampling settings. @throws INVALID_ARGUMENT */
export function checkRequest({ maxTokens, stop = [], logProbabilities, grammar }: GenerationRequest): void {
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && maxTokens >= 1)) {
    throw invalid('maxTokens', `must be a whole number ≥ 1, got ${maxTokens}`);
  }
  if (stop.length > MOST_STOPS || stop.some((text) => text === '')) {
    throw invalid('stop', `takes up to ${MOST_STOPS} texts, none of them empty`);
  }
  const top = logProbabilities?.top ?? 0;
  if (!Number.isInteger(top) || top < 0 || top > MOST_TOP) {
    throw invalid('logProbabilities.top', `must be 0 … ${MOST_TOP}, got ${top}`);
  }
  if (grammar !== undefined) checkGrammar(grammar);
}

/** Only what would end the process; the rest llama.cpp refuses itself. */
function checkGrammar(grammar: string): void {
  if (grammar.length > MOST_GRAMMAR_CHARACTERS) {
    throw invalid('grammar', `has ${grammar.length} characters, more than ${MOST_GRAMMAR_CHARACTERS}`);
  }
  let depth = 0;
  for (const [part, least, most] of grammar.matchAll(GRAMMAR_PARTS)) {
    if (part === '(') depth++;
    else if (part === ')') depth = Math.max(0, depth - 1);
    if (depth > MOST_GROUP_DEPTH) throw invalid('grammar', `nests groups more than ${MOST_GROUP_DEPTH} deep`);
    // llama.cpp counts the difference without a sign, and writes out rules until there is no memory left.
    if (least !== undefined && Number(least) > Number(most)) {
      throw invalid('grammar', `asks with ${part} for fewer repetitions at most than at least`);
    }
  }
}

function invalid(field: string, problem: string): AmaasError {
  return new AmaasError('INVALID_ARGUMENT', `generate: ${field} ${problem}`, { details: { field } });
}

/**
 * Tokens the answer may have: clients ask for some thousands out of habit, and get what there is room for.
 * @throws INVALID_ARGUMENT for a prompt without tokens, CONTEXT_OVERFLOW with numbers for one that leaves no room
 */
export function answerTokens(promptTokens: number, maxTokens: number | undefined, contextTokens: number): number {
  const room = contextTokens - promptTokens;
  if (promptTokens === 0) throw new AmaasError('INVALID_ARGUMENT', 'generate: the prompt has no tokens');
  if (room >= 1) return Math.min(maxTokens ?? room, room);
  throw new AmaasError(
    'CONTEXT_OVERFLOW',
    `generate: the prompt's ${promptTokens} tokens leave no room for an answer in the context of ${contextTokens} tokens`,
    { details: { promptTokens, contextTokens } },
  );
}
