// GPT and Llama step by step: new ids and the keys and values of those before in, logits and all keys and values out. Of the
// same parameters as the networks in transformer-gpt.ts, whose logits they give.
import { add, gather, reshape, type Value } from '../graph/index.ts';
import {
  attendSteps,
  placeTokens,
  type Remembered,
  type StepPlace,
  type Turning,
  turningAt,
} from './attention-steps.ts';
import { constantInitializer } from './initializers.ts';
import type { Scope } from './scope.ts';
import {
  lastOf,
  PAST_SYMBOL,
  PRESENT_STATE,
  ROWS_SYMBOL,
  stateOf,
  type StepInputs,
  type StepOutputs,
  type StepState,
  type StepwiseDecoder,
} from './stepwise.ts';
import { type BlockOptions, composeBlock } from './transformer.ts';
import { assertCounts, type GptOptions, type LlamaOptions, llamaBlock, logitsOfRows } from './transformer-gpt.ts';

/** A {@link gpt} step by step; takes its weights. */
export function gptSteps(options: GptOptions): StepwiseDecoder {
  const { vocabularySize, blockSize, layers, heads, width, useBias = false } = options;
  assertCounts('gptSteps', { vocabularySize, blockSize, layers, heads, width });
  return languageSteps({ vocabularySize, blockSize, layers, width }, { heads, useBias }, (scope) => {
    const tokens = scope.parameter('tokens', [vocabularySize, width], WEIGHTS);
    const positions = scope.parameter('positions', [blockSize, width], WEIGHTS);
    return {
      embed: (ids, place) => add(gather(tokens, ids), gather(positions, place.positions)),
      logits: (rows) => logitsOfRows(rows, { table: tokens, scope, useBias, isDecoding: true }),
    };
  });
}

/** A {@link llama} step by step; takes its weights. */
export function llamaSteps(options: LlamaOptions): StepwiseDecoder {
  const { vocabularySize, blockSize, layers, width } = options;
  const block = llamaBlock(options);
  return languageSteps({ vocabularySize, blockSize, layers, width }, block, (scope) => {
    const tokens = scope.parameter('tokens', [vocabularySize, width], WEIGHTS);
    const ends = options.tied === false ? { vocabularySize } : { table: tokens };
    return {
      embed: (ids) => gather(tokens, ids),
      logits: (rows) => logitsOfRows(rows, { ...block, ...ends, scope, isDecoding: true }),
    };
  });
}

/** Weights are given; what they would begin as does not matter. */
export const WEIGHTS = { initializer: constantInitializer(0) } as const;

interface LanguageSizes {
  readonly vocabularySize: number;
  readonly blockSize: number;
  readonly layers: number;
  readonly width: number;
}

interface LanguageEnds {
  /** @param ids - [N] or [N, T]. @returns [N, width] or [N, T, width] */
  embed(ids: Value, place: StepPlace): Value;
  logits(rows: Value): Value;
}

function languageSteps(
  { vocabularySize, blockSize, layers, width }: LanguageSizes,
  block: BlockOptions,
  ends: (scope: Scope) => LanguageEnds,
): StepwiseDecoder {
  return {
    ...{ vocabularySize, inputs: new Map(), takesChunks: true, mostIds: blockSize },
    states: cacheStates(layers, width, block),
    start: () => new Map(),
    step({ ids, states, onlyLast }: StepInputs, scope: Scope): StepOutputs {
      const cache = new StepCache(ids, states, { block, width, most: blockSize });
      const { embed, logits } = ends(scope);
      let rows = embed(newestIds(ids), cache.place);
      for (let index = 0; index < layers; index++) {
        rows = cache.block(rows, index, { scope: scope.inside(`${index}`), block });
      }
      return stepOutputs(rows, { cache, onlyLast, logits });
    },
  };
}

/** [N, T], or where T is 1 [N]. */
export function newestIds(ids: Value): Value {
  const [rows = 1, time] = ids.shape;
  return time === 1 ? reshape(ids, [rows]) : ids;
}

/** @param options.logits - of rows. @param rows - [N, width] or [N, T, width] */
export function stepOutputs(
  rows: Value,
  {
    cache,
    onlyLast,
    logits,
  }: { readonly cache: StepCache; readonly onlyLast: boolean; readonly logits: (rows: Value) => Value },
): StepOutputs {
  const isOne = rows.shape.length === 2;
  if (onlyLast) return { logits: logits(isOne ? rows : lastOf(rows)), states: cache.changed };
  const all = logits(rows);
  return {
    logits: isOne ? reshape(all, [all.shape[0] ?? 1, 1, all.shape[1] ?? 1]) : all,
    states: cache.changed,
  };
}

/** Keys and values of each layer, [N, heads of keys and values, P, depth], and which there are. */
export function cacheStates(
  layers: number,
  width: number,
  { heads, keyValueHeads = heads }: BlockOptions,
): readonly StepState[] {
  const begins = { dtype: 'float32', isStarted: false, isChanged: true } as const;
  const shape = [ROWS_SYMBOL, keyValueHeads, PAST_SYMBOL, width / heads];
  return [
    { ...begins, name: PRESENT_STATE, shape: [ROWS_SYMBOL, PAST_SYMBOL] },
    ...Array.from({ length: layers }, (_, index) => [
      { ...begins, name: `key ${index}`, shape },
      { ...begins, name: `value ${index}`, shape },
    ]).flat(),
  ];
}

/** The cache while a step is built. */
export class StepCache {
  readonly place: StepPlace;
  /** The states after the step, as far as blocks are built. */
  readonly changed = new Map<string, Value>();
  readonly #states: ReadonlyMap<string, Value>;
  readonly #turning: Turning | undefined;
  readonly #distances: Value | undefined;

  constructor(
    ids: Value,
    states: ReadonlyMap<string, Value>,
    { block, width, most }: { readonly block: BlockOptions; readonly width: number; readonly most: number },
  ) {
    const { heads, keyValueHeads = heads, rotary = false } = block;
    this.#states = states;
    this.place = placeTokens(ids, stateOf(states, PRESENT_STATE), heads !== keyValueHeads);
    this.changed.set(PRESENT_STATE, this.place.present);
    this.#turning =
      rotary === false
        ? undefined
        : turningAt(this.place.positions, { ...(rotary === true ? {} : rotary), depth: width / heads, most });
    this.#distances = block.alibi === true ? this.place.distances() : undefined;
  }

  /** The block of a layer, its keys and values with it. @param options.toSource - for a decoder's */
  block(
    rows: Value,
    layer: number,
    {
      scope,
      block,
      toSource = null,
    }: {
      readonly scope: Scope;
      readonly block: BlockOptions;
      readonly toSource?: Parameters<typeof composeBlock>[2]['toSource'];
    },
  ): Value {
    const past: Remembered = {
      key: stateOf(this.#states, `key ${layer}`),
      value: stateOf(this.#states, `value ${layer}`),
    };
    return composeBlock(
      rows,
      { ...block, scope, isDecoding: true },
      {
        toTokens: (inside) => {
          const { y, remembered } = attendSteps(inside.rows, {
            ...{ ...block, ...inside, scope: scope.inside('attention'), past },
            ...{ hidden: this.place.hidden, distances: this.#distances, turning: this.#turning },
          });
          this.changed.set(`key ${layer}`, remembered.key).set(`value ${layer}`, remembered.value);
          return y;
        },
        toSource,
      },
    );
  }
}
