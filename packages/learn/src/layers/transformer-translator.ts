// The encoder–decoder Transformer: reads one sequence of ids, and gives logits for the next id at each of another.
// Source: Vaswani et al. 2017.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  constantOf,
  gather,
  matMul,
  mul,
  notEqual,
  reshape,
  slice,
  transpose,
  type Value,
} from '../graph/index.ts';
import { fromRows, presentTokens, type SourceInputs, sourceRows, type TokenRows, toRows } from './attention.ts';
import { sinusoids } from './attention-positions.ts';
import type { Activation } from './activations.ts';
import { assertCount } from './dense.ts';
import { dropout } from './dropout.ts';
import { normalInitializer } from './initializers.ts';
import type { Network } from './layer.ts';
import type { Scope } from './scope.ts';
import { functional } from './sequential.ts';
import { type BlockOptions, blockRows, normalize } from './transformer.ts';
import { logitsOf } from './transformer-gpt.ts';

export interface EncoderDecoderOptions {
  readonly sourceVocabularySize: number;
  /** Default: one vocabulary, and one table, for both. */
  readonly targetVocabularySize?: number;
  /** Blocks of the encoder, and as many of the decoder. */
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Default 4 times the width. */
  readonly innerWidth?: number;
  /** Default 0. */
  readonly dropout?: number;
  /** Default true: trains without warm-up, too; the paper has false. */
  readonly normFirst?: boolean;
  /** Default `layer`. */
  readonly norm?: 'layer' | 'rms';
  /** Default `relu`, as in the paper. */
  readonly activation?: Activation | 'swiglu';
  /** Default true. */
  readonly useBias?: boolean;
  /** A trained row per position up to so many; default: sinusoids. */
  readonly learnedPositions?: number;
  /** The id that fills up sources, which is not attended to; default 0. */
  readonly padding?: number;
}

/** Names of the inputs of an {@link encoderDecoder}. */
export const SOURCE_INPUT = 'source';
export const TARGET_INPUT = 'target ids';

/** A network whose halves can be built apart, as decoding step by step needs them. */
export interface EncoderDecoder extends Network {
  /** @param source - ids [batch, source time] @returns what `decode` attends to, its mask included */
  encode(source: Value, scope: Scope): SourceInputs;
  /** @param target - ids so far, [batch, time], the first one being what begins a text @returns logits [batch, time, vocabulary] */
  decode(target: Value, scope: Scope, inputs: SourceInputs): Value;
}

/**
 * Encoder and decoder of Transformer blocks, and logits by the target's token table again.
 * Inputs: `source` ids [batch, source time], `target ids` [batch, time], what is to be said moved on by one; int32 or int64.
 * Gives logits [batch, time, target vocabulary]. Target ids need no mask: nothing sees what comes after it.
 */
export function encoderDecoder(options: EncoderDecoderOptions): EncoderDecoder {
  const { layers, padding = 0 } = options;
  const { block, side } = translatorParts(options);
  const { normFirst } = block;
  const encode = (source: Value, scope: Scope): SourceInputs => {
    const lie = idRows(source);
    const sourceMask = notEqual(source, padding);
    const present = presentTokens(sourceMask, lie);
    const inside = scope.inside('encoder');
    let { rows } = embed(source, lie, side('source', scope));
    for (let index = 0; index < layers; index++) {
      rows = blockRows(rows, lie, { ...block, scope: inside.inside(`${index}`), present });
    }
    const encoded = normFirst ? normalize(rows, inside.inside('norm'), block) : rows;
    return { source: transpose(fromRows(encoded, lie), [1, 0, 2]), sourceMask };
  };
  const decode = (target: Value, scope: Scope, inputs: SourceInputs): Value => {
    const lie = idRows(target);
    const source = sourceRows(inputs, lie);
    const inside = scope.inside('decoder');
    const embedded = embed(target, lie, side('target', scope));
    let { rows } = embedded;
    for (let index = 0; index < layers; index++) {
      const own = { scope: inside.inside(`${index}`), causal: true, present: null, source };
      rows = blockRows(rows, lie, { ...block, ...own });
    }
    if (normFirst) return logitsOf(rows, lie, { ...block, table: embedded.table, scope: inside });
    return transpose(fromRows(matMul(rows, transpose(embedded.table)), lie), [1, 0, 2]);
  };
  const network = functional([SOURCE_INPUT, TARGET_INPUT], (inputs, scope) =>
    decode(inputs.get(TARGET_INPUT), scope, encode(inputs.get(SOURCE_INPUT), scope)),
  );
  return { ...network, encode, decode };
}

/** A block of either half, and what embeds a side's ids. @throws INVALID_ARGUMENT on counts that are none */
export function translatorParts(options: EncoderDecoderOptions): {
  readonly block: BlockOptions & { readonly normFirst: boolean };
  side(name: 'source' | 'target', scope: Scope): Side;
} {
  const { sourceVocabularySize, targetVocabularySize = sourceVocabularySize, layers, heads, width } = options;
  const counts = { sourceVocabularySize, targetVocabularySize, layers, heads, width };
  for (const [name, value] of Object.entries(counts)) assertCount(`encoderDecoder: ${name}`, value);
  const isShared = options.targetVocabularySize === undefined;
  const { dropout: rate, norm, useBias, innerWidth, learnedPositions } = options;
  return {
    block: {
      ...{ heads, normFirst: options.normFirst ?? true, activation: options.activation ?? 'relu' },
      ...(rate === undefined ? {} : { dropout: rate }),
      ...(norm === undefined ? {} : { norm }),
      ...(useBias === undefined ? {} : { useBias }),
      ...(innerWidth === undefined ? {} : { innerWidth }),
    },
    side: (name, scope) => ({
      tokens: isShared ? 'tokens' : `${name} tokens`,
      size: name === 'source' ? sourceVocabularySize : targetVocabularySize,
      positions: `${name} positions`,
      ...{ width, scope, learnedPositions, dropout: rate },
    }),
  };
}

export interface Side {
  readonly scope: Scope;
  /** Name and rows of the table. */
  readonly tokens: string;
  readonly size: number;
  readonly width: number;
  readonly positions: string;
  readonly learnedPositions: number | undefined;
  readonly dropout: number | undefined;
}

/** Tokens · √width + positions, as rows. */
function embed(ids: Value, lie: TokenRows, side: Side): { readonly rows: Value; readonly table: Value } {
  const { scope, width, learnedPositions: most } = side;
  const { time } = lie;
  const initializer = normalInitializer(0, 1 / Math.sqrt(width));
  const table = scope.parameter(side.tokens, [side.size, width], { initializer });
  if (most !== undefined && time > most) {
    throw new AmaasError('INVALID_GRAPH', `encoderDecoder: expected at most ${most} ids, got ${time}`);
  }
  const positions =
    most === undefined
      ? constantOf('float32', [time, width], sinusoids(time, width))
      : slice(scope.parameter(side.positions, [most, width], { initializer: normalInitializer(0, 0.02) }), 0, 0, time);
  const embedded = add(mul(gather(table, transpose(ids)), Math.sqrt(width)), reshape(positions, [time, 1, width]));
  return { rows: dropout(side.dropout ?? 0).apply(toRows(embedded, lie), scope), table };
}

function idRows({ shape }: Value): TokenRows {
  const [batch, time] = shape;
  if (batch === undefined || typeof time !== 'number' || shape.length !== 2) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `encoderDecoder: expected ids [batch, time] of a known time, got ${formatShape(shape)}`,
    );
  }
  return { time, batch };
}
