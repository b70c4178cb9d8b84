// Texts on their way to vectors and judgements: what is asked as tokens, held against what the model is and reads; what came
// as numbers of the kind that was asked for.
import { AmaasError } from '@amaas/core';
import type { PooledTexts, ToChild } from './messages.ts';
import type { PoolingNature } from './pooling-nature.ts';
import type { Vocabulary } from './vocabulary.ts';

type Asked = Extract<ToChild, { type: 'embed' | 'rank' }>;

export interface PoolingParts {
  readonly nature: PoolingNature;
  readonly vocabulary: Vocabulary;
  readonly contextTokens: number;
}

/**
 * Tokens of each text.
 * @throws UNSUPPORTED_FEATURE where the model is not made for it, INVALID_ARGUMENT for an empty text, CONTEXT_OVERFLOW with
 *   numbers; the last two name the text by its index
 */
export function textsToPool(asked: Asked, { nature, vocabulary, contextTokens }: PoolingParts): readonly Uint32Array[] {
  const { type } = asked;
  if (type === 'embed' && nature.pooling === 'rank') {
    throw new AmaasError('UNSUPPORTED_FEATURE', 'embed: the model judges pairs of texts, it makes no vectors');
  }
  if (type === 'rank' && nature.pooling !== 'rank') {
    throw new AmaasError('UNSUPPORTED_FEATURE', 'rank: the model is not made to judge texts by a query');
  }
  return asked.texts.map((_, index) => {
    const tokens = tokensOf(asked, index, { nature, vocabulary });
    if (tokens.length <= contextTokens) return tokens;
    throw new AmaasError(
      'CONTEXT_OVERFLOW',
      `${type}: text ${index}${type === 'rank' ? ' and the query have' : ' has'} ${tokens.length} tokens, and the model reads ${contextTokens}`,
      { details: { index, promptTokens: tokens.length, contextTokens } },
    );
  });
}

function tokensOf(
  asked: Asked,
  index: number,
  { nature, vocabulary }: Pick<PoolingParts, 'nature' | 'vocabulary'>,
): Uint32Array {
  if (asked.type === 'rank') return vocabulary.pair(asked.query, asked.texts[index] ?? '', nature);
  const pieces = asked.texts[index] ?? [];
  if (pieces.every((piece) => ('tokens' in piece ? piece.tokens.length : piece.text.length) === 0)) {
    throw new AmaasError('INVALID_ARGUMENT', `embed: text ${index} is empty`, { details: { index } });
  }
  return vocabulary.wholeText(pieces, nature);
}

/** @throws RUN_FAILED when the model made something that is no number */
export function pooledValues(
  type: Asked['type'],
  texts: readonly Uint32Array[],
  vectors: readonly Float64Array[],
): PooledTexts {
  const size = type === 'rank' ? 1 : (vectors[0]?.length ?? 0);
  const values = new Float32Array(size * vectors.length);
  for (const [index, vector] of vectors.entries()) {
    const scale = type === 'rank' ? 1 : 1 / length(vector);
    for (let k = 0; k < size; k++) values[index * size + k] = (vector[k] ?? 0) * scale;
  }
  if (!values.every(Number.isFinite)) {
    throw new AmaasError('RUN_FAILED', `${type}: the model's numbers are not finite: its weights are broken`);
  }
  return { values, promptTokens: texts.reduce((sum, tokens) => sum + tokens.length, 0) };
}

/** Of a vector of zeros 1: it stays one. */
function length(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1;
}
