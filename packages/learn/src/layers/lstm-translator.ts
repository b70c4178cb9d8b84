// The recurrent encoder–decoder: an LSTM reads a source in both directions, another writes the target and looks, before every
// token, at those tokens of the source that fit what it is about to say.
// Sources: Bahdanau, Cho & Bengio 2015; Luong, Pham & Manning 2015 for products as scores; Sennrich et al. 2017 (Nematus) for
// the state begun with, made of the source's mean, and the layer before the logits.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  cast,
  concat,
  div,
  gather,
  lstmCell,
  matMul,
  maximum,
  mul,
  notEqual,
  reduceSum,
  scan,
  split,
  tanh,
  transpose,
  unsqueeze,
  type Value,
} from '../graph/index.ts';
import type { SourceInputs } from './attention.ts';
import { type AlignmentLayer, additiveAttention, multiplicativeAttention } from './attention-alignment.ts';
import { bidirectional, stacked } from './bidirectional.ts';
import { assertCount, dense } from './dense.ts';
import { dropout } from './dropout.ts';
import { initializerFor, normalInitializer } from './initializers.ts';
import { lstm } from './recurrent.ts';
import type { Scope } from './scope.ts';
import { functional } from './sequential.ts';
import { type EncoderDecoder, SOURCE_INPUT, TARGET_INPUT } from './transformer-translator.ts';

export interface LstmEncoderDecoderOptions {
  readonly sourceVocabularySize: number;
  /** Default: one vocabulary, and one table, for both. */
  readonly targetVocabularySize?: number;
  /** Of the tokens' vectors. */
  readonly width: number;
  /** Of the decoder, and of each direction of the encoder. */
  readonly units: number;
  /** LSTMs on top of each other, in the encoder and in the decoder; default 1. */
  readonly layers?: number;
  /** How a state and a token of the source are compared: by a small network of `units`, or by a product. Default `additive`. */
  readonly attention?: 'additive' | 'multiplicative';
  /** Whether logits are made by the target's token table, and not by a kernel of their own; default true. */
  readonly tied?: boolean;
  /** Of tokens' vectors, between the encoder's layers and before the logits; default 0. */
  readonly dropout?: number;
  /** The id that fills up sources behind their end; default 0. */
  readonly padding?: number;
}

/**
 * Bidirectional LSTM, attention, LSTM.
 * Inputs: `source` ids [batch, source time], `target ids` [batch, time], what is to be said moved on by one; int32 or int64.
 * Gives logits [batch, time, target vocabulary]. Parameters are under `encoder` and `decoder`, tables at the root.
 * @throws INVALID_ARGUMENT for counts that are none
 * @example lstmEncoderDecoder({ sourceVocabularySize: 6000, width: 128, units: 128 })
 */
export function lstmEncoderDecoder(options: LstmEncoderDecoderOptions): EncoderDecoder {
  const parts = lstmTranslatorParts(options);
  const decode = (target: Value, scope: Scope, inputs: SourceInputs): Value => {
    if (target.shape.length !== 2) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `lstmEncoderDecoder: expected ids [batch, time], got ${formatShape(target.shape)}`,
      );
    }
    const embedded = dropout(parts.dropout).apply(parts.embed(transpose(target), 'target', scope), scope);
    const { outputs } = scan(
      parts.firstStates(inputs, scope),
      [parts.project(embedded, scope)],
      (states, [element]) => {
        if (element === undefined) throw new AmaasError('INTERNAL', 'lstmEncoderDecoder: a step without input');
        const { next, context } = parts.step(element, states, { inputs, scope });
        return { states: next, outputs: [next.at(-2) ?? context, context] };
      },
    );
    return parts.logits(
      [...outputs, embedded].map((value) => transpose(value, [1, 0, 2])),
      scope,
    );
  };
  const network = functional([SOURCE_INPUT, TARGET_INPUT], (inputs, scope) =>
    decode(inputs.get(TARGET_INPUT), scope, parts.encode(inputs.get(SOURCE_INPUT), scope)),
  );
  return { ...network, encode: parts.encode, decode };
}

/** What the network and its stepwise form are made of. States are hidden and cell of each layer, the lowest first. */
export interface LstmTranslatorParts {
  readonly dropout: number;
  readonly layers: number;
  encode(source: Value, scope: Scope): SourceInputs;
  /** @returns the tokens' vectors, [..., width] */
  embed(ids: Value, side: 'source' | 'target', scope: Scope): Value;
  firstStates(inputs: SourceInputs, scope: Scope): readonly Value[];
  /** What does not depend on states: all tokens' share of the lowest layer's gates. */
  project(embedded: Value, scope: Scope): Value;
  /** @param projected - [batch, gates] of one token */
  step(
    projected: Value,
    states: readonly Value[],
    given: { readonly inputs: SourceInputs; readonly scope: Scope },
  ): { readonly next: readonly Value[]; readonly context: Value };
  /** @param parts - hidden, context and the token's vector, each [..., its width] */
  logits(parts: readonly Value[], scope: Scope): Value;
}

/** @throws INVALID_ARGUMENT for counts that are none */
export function lstmTranslatorParts(options: LstmEncoderDecoderOptions): LstmTranslatorParts {
  const { sourceVocabularySize, targetVocabularySize = sourceVocabularySize, width, units, layers = 1 } = options;
  const { padding = 0, dropout: rate = 0, tied = true } = options;
  const counts = { sourceVocabularySize, targetVocabularySize, width, units, layers };
  for (const [name, value] of Object.entries(counts)) assertCount(`lstmEncoderDecoder: ${name}`, value);
  const attention: AlignmentLayer =
    options.attention === 'multiplicative' ? multiplicativeAttention() : additiveAttention({ units });
  const encoder = stacked(
    Array.from({ length: layers }, () => bidirectional(lstm(units, { returnSequences: true }))),
    { dropout: rate },
  );
  const table = (side: 'source' | 'target', scope: Scope): Value => {
    const name = options.targetVocabularySize === undefined ? 'tokens' : `${side} tokens`;
    const size = side === 'source' ? sourceVocabularySize : targetVocabularySize;
    return scope.parameter(name, [size, width], { initializer: normalInitializer(0, 1 / Math.sqrt(width)) });
  };
  const embed = (ids: Value, side: 'source' | 'target', scope: Scope): Value => gather(table(side, scope), ids);
  /** Kernel of the lowest layer, whose input is a token's vector and the context. */
  const kernels = (scope: Scope): readonly Value[] => {
    const fans = { fanIn: width + 2 * units, fanOut: 4 * units };
    const initializer = initializerFor('glorotUniform', fans);
    return split(scope.inside('decoder.0').parameter('kernel', [fans.fanIn, fans.fanOut], { initializer }), 0, [
      width,
      2 * units,
    ]);
  };
  const gateBias = (layer: number, scope: Scope): Value =>
    scope.inside(`decoder.${layer}`).parameter('bias', [4 * units], {
      // The forget gate starts open, as in layers/recurrent.ts.
      initializer: (shape, random) =>
        initializerFor('zeros', { fanIn: 1, fanOut: 1 })(shape, random).fill(1, 2 * units, 3 * units),
      decays: false,
    });
  const cellOf = (layer: number, scope: Scope): ReturnType<typeof lstmCell> => {
    const initializer = initializerFor('orthogonal', { fanIn: units, fanOut: 4 * units });
    return lstmCell(
      scope.inside(`decoder.${layer}`).parameter('recurrent kernel', [units, 4 * units], { initializer }),
    );
  };
  return {
    dropout: rate,
    layers,
    embed,
    encode(source, scope) {
      const sourceMask = notEqual(source, padding);
      const lengths = reduceSum(cast(sourceMask, 'int32'), { axes: [1] });
      const embedded = dropout(rate).apply(embed(source, 'source', scope), scope);
      return { source: encoder.run(embedded, scope.inside('encoder'), { lengths }).y, sourceMask };
    },
    firstStates({ source, sourceMask }, scope) {
      const present = unsqueeze(cast(sourceMask ?? source, 'float32'), 2);
      const mean = div(reduceSum(mul(source, present), { axes: [1] }), maximum(reduceSum(present, { axes: [1] }), 1));
      const states = dense(2 * layers * units, { activation: 'tanh' }).apply(mean, scope.inside('decoder.initial'));
      return split(states, 1, new Array<number>(2 * layers).fill(units));
    },
    project(embedded, scope) {
      const [kernel = embedded] = kernels(scope);
      return add(matMul(embedded, kernel), gateBias(0, scope));
    },
    step(projected, states, { inputs, scope }) {
      const top = states.at(-2) ?? projected;
      const context = attention.run(top, scope.inside('decoder.attention'), inputs).y;
      const [, kernel = context] = kernels(scope);
      const next: Value[] = [];
      for (let layer = 0; layer < layers; layer++) {
        const below = next.at(-2);
        const gates =
          below === undefined
            ? add(projected, matMul(context, kernel))
            : add(matMul(below, upperKernel(layer, scope)), gateBias(layer, scope));
        next.push(...cellOf(layer, scope).step(gates, states.slice(2 * layer, 2 * layer + 2)));
      }
      return { next, context };
    },
    logits(parts, scope) {
      const inside = scope.inside('decoder');
      const read = tanh(dense(width).apply(concat(parts, -1), inside.inside('readout')));
      const dropped = dropout(rate).apply(read, scope);
      if (tied) return matMul(dropped, transpose(table('target', scope)));
      return dense(targetVocabularySize).apply(dropped, inside.inside('logits'));
    },
  };

  function upperKernel(layer: number, scope: Scope): Value {
    const initializer = initializerFor('glorotUniform', { fanIn: units, fanOut: 4 * units });
    return scope.inside(`decoder.${layer}`).parameter('kernel', [units, 4 * units], { initializer });
  }
}
