// The encoder–decoder Transformer step by step: the encoder once, then new ids of the target. Of the same parameters as the
// network in transformer-translator.ts, whose logits it gives; sources may be shorter than those it was trained on.
import {
  add,
  cast,
  constantOf,
  cumSum,
  equal,
  gather,
  matMul,
  mul,
  notEqual,
  reduceMax,
  reshape,
  sub,
  transpose,
  type Value,
} from '../graph/index.ts';
import { attendRemembered, attendSteps, hideAbsent, rememberSource, scoreAxes } from './attention-steps.ts';
import { sinusoids } from './attention-positions.ts';
import type { Scope } from './scope.ts';
import {
  ROWS_SYMBOL,
  SOURCE_SYMBOL,
  stateOf,
  type StepInputs,
  type StepOutputs,
  type StepState,
  type StepwiseDecoder,
} from './stepwise.ts';
import { cacheStates, newestIds, StepCache, stepOutputs, WEIGHTS } from './transformer-steps.ts';
import { composeBlock, normalize } from './transformer.ts';
import { logitsOfRows } from './transformer-gpt.ts';
import { type EncoderDecoderOptions, type Side, SOURCE_INPUT, translatorParts } from './transformer-translator.ts';

export interface EncoderDecoderStepOptions extends EncoderDecoderOptions {
  /** Most ids of a source or a target where positions are sinusoids; default 1024: their table is stored. */
  readonly mostIds?: number;
}

/** The state that says where a source has tokens: [N, S] float32, 1 or 0. */
export const SOURCE_PRESENT_STATE = 'source present';

/** An {@link encoderDecoder} step by step; takes its weights. Input of its start: `source` ids int64 [N, S]. */
export function encoderDecoderSteps(options: EncoderDecoderStepOptions): StepwiseDecoder {
  const { layers, width, heads, padding = 0 } = options;
  const { block, side } = translatorParts(options);
  const mostIds = options.learnedPositions ?? options.mostIds ?? 1024;
  return {
    vocabularySize: options.targetVocabularySize ?? options.sourceVocabularySize,
    inputs: new Map([[SOURCE_INPUT, { dtype: 'int64', shape: [ROWS_SYMBOL, SOURCE_SYMBOL] }]]),
    states: [...sourceStates(layers, heads, width / heads), ...cacheStates(layers, width, block)],
    takesChunks: true,
    mostIds,
    start(inputs, scope) {
      const ids = stateOf(inputs, SOURCE_INPUT);
      const present = cast(notEqual(ids, padding), 'float32');
      const inside = scope.inside('encoder');
      // Padding takes up positions, too, as it did in training.
      const positions = sub(cumSum(cast(equal(ids, ids), 'int64'), 1), 1);
      let rows = embed(ids, positions, { ...side('source', scope), mostIds }).rows;
      const hidden = hideAbsent(present, scoreAxes(rows, block));
      for (let index = 0; index < layers; index++) {
        const own = inside.inside(`${index}`);
        rows = composeBlock(
          rows,
          { ...block, scope: own, isDecoding: true },
          {
            toTokens: (each) =>
              attendSteps(each.rows, { ...block, ...each, scope: own.inside('attention'), past: null, hidden }).y,
            toSource: null,
          },
        );
      }
      const encoded = block.normFirst ? normalize(rows, inside.inside('norm'), { ...block, isDecoding: true }) : rows;
      return rememberAll(encoded, present, scope.inside('decoder'));
    },
    step({ ids, states, onlyLast }: StepInputs, scope: Scope): StepOutputs {
      const inside = scope.inside('decoder');
      const cache = new StepCache(ids, states, { block, width, most: mostIds });
      const embedded = embed(newestIds(ids), cache.place.positions, { ...side('target', scope), mostIds });
      let { rows } = embedded;
      const hidden = hideAbsent(stateOf(states, SOURCE_PRESENT_STATE), scoreAxes(rows, block));
      for (let index = 0; index < layers; index++) {
        const own = inside.inside(`${index}`);
        const source = {
          key: stateOf(states, `source key ${index}`),
          value: stateOf(states, `source value ${index}`),
        };
        const attention = own.inside('source attention');
        rows = cache.block(rows, index, {
          scope: own,
          block,
          toSource: (each) => attendRemembered(each.rows, source, { ...block, ...each, scope: attention, hidden }),
        });
      }
      const logits = (last: Value): Value =>
        block.normFirst
          ? logitsOfRows(last, { ...block, table: embedded.table, scope: inside, isDecoding: true })
          : matMul(last, transpose(embedded.table));
      return stepOutputs(rows, { cache, onlyLast, logits });
    },
  };

  /** Keys and values of a source without any token are zeros: attending to it gives nothing. */
  function rememberAll(encoded: Value, present: Value, decoder: Scope): ReadonlyMap<string, Value> {
    const states = new Map([[SOURCE_PRESENT_STATE, present]]);
    const isAny = reshape(reduceMax(present, { axes: [1] }), [present.shape[0] ?? 1, 1, 1, 1]);
    for (let index = 0; index < layers; index++) {
      const scope = decoder.inside(`${index}`).inside('source attention');
      const { key, value } = rememberSource(encoded, width, { ...block, scope });
      states.set(`source key ${index}`, key).set(`source value ${index}`, mul(value, isAny));
    }
    return states;
  }
}

function sourceStates(layers: number, heads: number, depth: number): readonly StepState[] {
  const given = { dtype: 'float32', isStarted: true, isChanged: false } as const;
  const shape = [ROWS_SYMBOL, heads, SOURCE_SYMBOL, depth];
  return [
    { ...given, name: SOURCE_PRESENT_STATE, shape: [ROWS_SYMBOL, SOURCE_SYMBOL] },
    ...Array.from({ length: layers }, (_, index) => [
      { ...given, name: `source key ${index}`, shape },
      { ...given, name: `source value ${index}`, shape },
    ]).flat(),
  ];
}

/** Tokens · √width + positions. @param ids - [N] or [N, T]. @param positions - of the same shape */
function embed(
  ids: Value,
  positions: Value,
  { scope, tokens, size, width, learnedPositions: most, ...side }: Side & { readonly mostIds: number },
): { readonly rows: Value; readonly table: Value } {
  const table = scope.parameter(tokens, [size, width], WEIGHTS);
  const places =
    most === undefined
      ? constantOf('float32', [side.mostIds, width], sinusoids(side.mostIds, width))
      : scope.parameter(side.positions, [most, width], WEIGHTS);
  return { rows: add(mul(gather(table, ids), Math.sqrt(width)), gather(places, positions)), table };
}
