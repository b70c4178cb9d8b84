// Vectors and judgements of texts by a llama-server that was started for the one or the other.
import { AmaasError } from '@amaas/core';
import type { PooledTexts, ToChild } from './messages.ts';
import type { ServerConnection } from './server-connection.ts';
import { listIn, numberIn, numbersIn } from './server-json.ts';
import type { ServerStart } from './server-process.ts';
import type { ServerVocabulary } from './server-vocabulary.ts';

type Asked = Extract<ToChild, { type: 'embed' | 'rank' }>;

export interface ServerPoolingParts {
  readonly connection: ServerConnection;
  readonly vocabulary: ServerVocabulary;
  readonly use: ServerStart['use'];
  readonly contextTokens: number;
  readonly signal: AbortSignal;
}

/** @throws UNSUPPORTED_FEATURE where it was not started for that; INVALID_ARGUMENT, CONTEXT_OVERFLOW naming the text by its index */
export async function poolTexts(asked: Asked, parts: ServerPoolingParts): Promise<PooledTexts> {
  if (asked.type !== parts.use) {
    const does = { write: 'writes', embed: 'makes vectors of texts', rank: 'judges pairs of texts' }[parts.use];
    const message = `${asked.type}: llama-server has one use for a model, and this one ${does}`;
    throw new AmaasError('UNSUPPORTED_FEATURE', `${message}; the engine llama.cpp may do more`);
  }
  return asked.type === 'embed' ? embed(asked, parts) : rank(asked, parts);
}

async function embed(
  { texts }: Extract<Asked, { type: 'embed' }>,
  { connection, vocabulary, contextTokens, signal }: ServerPoolingParts,
): Promise<PooledTexts> {
  const content = await Promise.all(texts.map((pieces) => vocabulary.wholeText(pieces)));
  for (const [index, tokens] of content.entries()) {
    if (tokens.length === 0) {
      throw new AmaasError('INVALID_ARGUMENT', `embed: text ${index} is empty`, { details: { index } });
    }
    assertRoom(tokens.length, { what: `embed: text ${index} has`, index, contextTokens });
  }
  const answers = await connection.ask('/embedding', { content, embd_normalize: 2 }, signal);
  const vectors = new Map(
    (Array.isArray(answers) ? answers : []).map((each) => [
      numberIn(each, 'index'),
      numbersIn(listIn(each, 'embedding'), '0'),
    ]),
  );
  const values = content.flatMap((_, index) => vectors.get(index) ?? []);
  return { values: Float32Array.from(values), promptTokens: content.reduce((sum, { length }) => sum + length, 0) };
}

async function rank(
  { query, texts }: Extract<Asked, { type: 'rank' }>,
  { connection, vocabulary, contextTokens, signal }: ServerPoolingParts,
): Promise<PooledTexts> {
  const count = async (text: string): Promise<number> => (await vocabulary.tokensOf([{ text, special: false }])).length;
  const [queryTokens, ...textTokens] = await Promise.all([query, ...texts].map(count));
  for (const [index, tokens] of textTokens.entries()) {
    const together = (queryTokens ?? 0) + tokens + SEPARATORS;
    assertRoom(together, { what: `rank: text ${index} and the query have`, index, contextTokens });
  }
  const answer = await connection.ask('/rerank', { query, documents: texts }, signal);
  const values = new Float32Array(texts.length);
  for (const each of listIn(answer, 'results')) values[numberIn(each, 'index')] = numberIn(each, 'relevance_score');
  return { values, promptTokens: numberIn(answer, 'usage', 'prompt_tokens') };
}

/** Tokens around and between a query and a text, at most. */
const SEPARATORS = 4;

function assertRoom(
  tokens: number,
  { what, index, contextTokens }: { readonly what: string; readonly index: number; readonly contextTokens: number },
): void {
  if (tokens <= contextTokens) return;
  throw new AmaasError('CONTEXT_OVERFLOW', `${what} ${tokens} tokens, and the model reads ${contextTokens}`, {
    details: { index, promptTokens: tokens, contextTokens },
  });
}
