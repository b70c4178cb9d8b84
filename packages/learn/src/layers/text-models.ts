// Ready models that read words in their order: a bidirectional LSTM and a Transformer's encoder, each with what it makes of
// a text pooled into one answer. Ids are 0 after the end of a text, and what is there changes nothing.
import {
  cast,
  div,
  maximum,
  mul,
  notEqual,
  reduceMax,
  reduceSum,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import { sinusoidalPositions } from './attention-positions.ts';
import { bidirectional, stacked } from './bidirectional.ts';
import { embedding } from './dense.ts';
import { dropout } from './dropout.ts';
import { normalInitializer } from './initializers.ts';
import { type Layer, layer } from './layer.ts';
import { type Head, headLayer } from './models.ts';
import { layerNorm } from './normalization.ts';
import { lstm } from './recurrent.ts';
import { transformerBlock } from './transformer.ts';

export interface TextLstmOptions {
  readonly vocabularySize: number;
  readonly head: Head;
  /** Width of the word vectors; default 64. */
  readonly embeddingWidth?: number;
  /** Of each direction; default 64. */
  readonly units?: number;
  /** Layers of both directions; default 1. */
  readonly layers?: number;
  /** Share of the numbers in word vectors dropped; default 0.5. */
  readonly embeddingDropout?: number;
  /** Before the head and between layers; default 0.5. */
  readonly dropout?: number;
}

/**
 * Word vectors, LSTMs of both directions over each text's own words, and the greatest output of each unit.
 * Shapes: ids [batch, length], 0 after the end → the head's. Source: Conneau et al. 2017 for the pooling.
 */
export function textLstm(options: TextLstmOptions): Layer {
  const { vocabularySize, head, embeddingWidth = 64, units = 64, layers = 1 } = options;
  const { embeddingDropout = 0.5, dropout: rate = 0.5 } = options;
  const reader = stacked(
    Array.from({ length: layers }, () => bidirectional(lstm(units, { returnSequences: true }))),
    { dropout: rate },
  );
  return layer('textLstm', (ids, scope) => {
    const present = notEqual(ids, 0);
    const embedded = embedding(vocabularySize, embeddingWidth).apply(ids, scope.inside('embedding'));
    const words = dropout(embeddingDropout).apply(embedded, scope);
    const lengths = reduceSum(cast(present, 'int32'), { axes: [1] });
    const { y } = reader.run(words, scope.inside('reader'), { lengths });
    // An LSTM's outputs are above −1.
    const greatest = reduceMax(where(unsqueeze(present, 2), y, -1), { axes: [1] });
    return headLayer(head).apply(dropout(rate).apply(greatest, scope), scope.inside('head'));
  });
}

export interface TextTransformerOptions {
  readonly vocabularySize: number;
  readonly head: Head;
  /** Default 64. */
  readonly width?: number;
  /** Blocks; default 2. */
  readonly layers?: number;
  /** Default 4. */
  readonly heads?: number;
  /** Inside each block; default twice the width. */
  readonly innerWidth?: number;
  /** Share of the numbers in word vectors dropped; default 0.3. */
  readonly embeddingDropout?: number;
  /** Inside the blocks and before the head; default 0.3. */
  readonly dropout?: number;
}

/**
 * Word vectors with sinusoids of their places, blocks of attention among the words there are, and the mean over them.
 * Shapes: ids [batch, length], 0 after the end → the head's. Source: Vaswani et al. 2017.
 */
export function textTransformer(options: TextTransformerOptions): Layer {
  const { vocabularySize, head, width = 64, layers = 2, heads = 4, innerWidth = 2 * width } = options;
  const { embeddingDropout = 0.3, dropout: rate = 0.3 } = options;
  const block = transformerBlock({ heads, innerWidth, dropout: rate });
  return layer('textTransformer', (ids, scope) => {
    const mask = notEqual(ids, 0);
    const initializer = normalInitializer(0, 1 / Math.sqrt(width));
    const vectors = embedding(vocabularySize, width, { initializer }).apply(ids, scope.inside('embedding'));
    const placed = sinusoidalPositions().apply(mul(vectors, Math.sqrt(width)), scope);
    let tokens = dropout(embeddingDropout).apply(placed, scope);
    for (let index = 0; index < layers; index++) tokens = block.run(tokens, scope.inside(`${index}`), { mask });
    const read = meanOfWords(layerNorm().apply(tokens, scope.inside('norm')), mask);
    return headLayer(head).apply(dropout(rate).apply(read, scope), scope.inside('head'));
  });
}

/** The mean over the words there are; zeros where there are none. @param present - bool [batch, length] */
function meanOfWords(tokens: Value, present: Value): Value {
  const weights = unsqueeze(cast(present, 'float32'), 2);
  return div(reduceSum(mul(tokens, weights), { axes: [1] }), maximum(reduceSum(weights, { axes: [1] }), 1));
}
