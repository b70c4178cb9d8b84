// The recurrent encoder–decoder step by step: the encoder once, then one id of the target after the other. Of the same
// parameters as the network in lstm-translator.ts, whose logits it gives.
import { cast, gather, scalar, unsqueeze, type Value } from '../graph/index.ts';
import { type LstmEncoderDecoderOptions, lstmTranslatorParts } from './lstm-translator.ts';
import { ROWS_SYMBOL, SOURCE_SYMBOL, stateOf, type StepState, type StepwiseDecoder } from './stepwise.ts';
import { SOURCE_INPUT } from './transformer-translator.ts';
import { SOURCE_PRESENT_STATE } from './transformer-translator-steps.ts';

/** The state that holds the source as the encoder read it: [N, S, 2 · units]. */
export const SOURCE_READ_STATE = 'source read';

/**
 * An {@link lstmEncoderDecoder} step by step; takes its weights. Input of its start: `source` ids int64 [N, S], filled up
 * behind their end.
 */
export function lstmEncoderDecoderSteps(options: LstmEncoderDecoderOptions): StepwiseDecoder {
  const parts = lstmTranslatorParts(options);
  const recurrent = Array.from({ length: parts.layers }, (_, layer) => [`hidden ${layer}`, `cell ${layer}`]).flat();
  const given = { dtype: 'float32', isStarted: true } as const;
  const states: readonly StepState[] = [
    { ...given, name: SOURCE_READ_STATE, shape: [ROWS_SYMBOL, SOURCE_SYMBOL, 2 * options.units], isChanged: false },
    { ...given, name: SOURCE_PRESENT_STATE, shape: [ROWS_SYMBOL, SOURCE_SYMBOL], isChanged: false },
    ...recurrent.map((name) => ({ ...given, name, shape: [ROWS_SYMBOL, options.units], isChanged: true })),
  ];
  const named = (values: readonly Value[]): readonly (readonly [string, Value])[] =>
    recurrent.flatMap((name, index) => {
      const value = values[index];
      return value === undefined ? [] : [[name, value] as const];
    });
  return {
    vocabularySize: options.targetVocabularySize ?? options.sourceVocabularySize,
    inputs: new Map([[SOURCE_INPUT, { dtype: 'int64', shape: [ROWS_SYMBOL, SOURCE_SYMBOL] }]]),
    states,
    takesChunks: false,
    start(inputs, scope) {
      const { source, sourceMask } = parts.encode(stateOf(inputs, SOURCE_INPUT), scope);
      const present = cast(sourceMask ?? source, 'float32');
      return new Map([
        [SOURCE_READ_STATE, source],
        [SOURCE_PRESENT_STATE, present],
        ...named(parts.firstStates({ source, sourceMask: present }, scope)),
      ]);
    },
    step({ ids, states: before, onlyLast }, scope) {
      const embedded = parts.embed(gather(ids, scalar('int64', 0), 1), 'target', scope);
      const inputs = { source: stateOf(before, SOURCE_READ_STATE), sourceMask: stateOf(before, SOURCE_PRESENT_STATE) };
      const { next, context } = parts.step(
        parts.project(embedded, scope),
        recurrent.map((name) => stateOf(before, name)),
        { inputs, scope },
      );
      const logits = parts.logits([next.at(-2) ?? context, context, embedded], scope);
      return { logits: onlyLast ? logits : unsqueeze(logits, 1), states: new Map(named(next)) };
    },
  };
}
