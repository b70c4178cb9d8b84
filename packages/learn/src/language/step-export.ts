// A decoder with its weights as ONNX models whose states go in and out as tensors: what starts it, one step, and a step of
// many ids for prompts. Which output feeds which input stands in the models' metadata, so that any server can run them.
import { AmaasError, formatShape } from '@amaas/core';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { constant, input, rewrite, type Value } from '../graph/index.ts';
import {
  type BuildRecord,
  createScope,
  IDS_SYMBOL,
  ROWS_SYMBOL,
  type Scope,
  type StepwiseDecoder,
} from '../layers/index.ts';
import type { Weights } from '../train/index.ts';
import { STEP_METADATA, type StepDescription } from './step-description.ts';

export interface StepModelParts {
  /** Of the network that was trained, such as `llamaSteps` with the options of `llama`. */
  readonly decoder: StepwiseDecoder;
  readonly weights: Weights;
}

export interface StepExportOptions {
  /** Whether the prompt's model gives logits of every id, [N, T, vocabulary], or of the last one; default `last`. */
  readonly promptLogits?: 'last' | 'all';
  /** Further entries of the models' metadata. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/** ONNX models of a decoder. All name a state's input `past.<state>` and its output `next.<state>`. */
export interface StepModelFiles {
  /** Inputs of the decoder → states; null where it starts with nothing. */
  readonly start: Uint8Array | null;
  /** `ids` int64 [N, 1] and states → `logits` [N, vocabulary] and the states that change. */
  readonly step: Uint8Array;
  /** The same of `ids` [N, T], −1 before a row's own where rows differ in length; null for decoders that take no chunks. */
  readonly prompt: Uint8Array | null;
  /** That of an `exportWriter`: several steps at once. Default: none. */
  readonly write?: Uint8Array;
}

export const IDS_INPUT = 'ids';
export const LOGITS_OUTPUT = 'logits';

/**
 * Two or three models, because one step is a fifth to a quarter faster where it is known to be one.
 * @throws INVALID_CHECKPOINT when weights are missing or of other shapes
 */
export function exportStepModel(
  { decoder, weights }: StepModelParts,
  { promptLogits = 'last', metadata = new Map() }: StepExportOptions = {},
): StepModelFiles {
  const write = (kind: StepDescription['kind'], build: (scope: Scope) => BuiltGraph): Uint8Array => {
    const { scope, record } = createScope(false);
    const { inputs, outputs } = build(scope);
    const description = describeSteps(decoder, kind);
    return compileToOnnx(simplify(bindWeights(outputs, { record: record(), weights })), {
      inputs,
      metadata: new Map([...metadata, [STEP_METADATA, JSON.stringify(description)]]),
    });
  };
  const step = (time: number | string, onlyLast: boolean) => (scope: Scope) =>
    buildStep(decoder, { time, onlyLast, scope });
  return {
    start: decoder.inputs.size === 0 ? null : write('start', (scope) => buildStart(decoder, scope)),
    step: write('step', step(1, true)),
    prompt: decoder.takesChunks ? write('prompt', step(IDS_SYMBOL, promptLogits === 'last')) : null,
  };
}

interface BuiltGraph {
  readonly inputs: readonly Value[];
  readonly outputs: ReadonlyMap<string, Value>;
}

function buildStart(decoder: StepwiseDecoder, scope: Scope): BuiltGraph {
  const inputs = new Map([...decoder.inputs].map(([name, { dtype, shape }]) => [name, input(name, dtype, shape)]));
  const outputs = nextNames(decoder.start(inputs, scope));
  return { inputs: [...inputs.values()], outputs };
}

function buildStep(
  decoder: StepwiseDecoder,
  { time, onlyLast, scope }: { readonly time: number | string; readonly onlyLast: boolean; readonly scope: Scope },
): BuiltGraph {
  const ids = input(IDS_INPUT, 'int64', [ROWS_SYMBOL, time]);
  const states = new Map(
    decoder.states.map(({ name, dtype, shape }) => [name, input(pastName(name), dtype, shape)] as const),
  );
  const { logits, states: next } = decoder.step({ ids, states, onlyLast }, scope);
  return { inputs: [ids, ...states.values()], outputs: new Map([[LOGITS_OUTPUT, logits], ...nextNames(next)]) };
}

/** Names an output for each state. */
export function nextNames(states: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  return new Map([...states].map(([name, value]) => [`next.${name}`, value]));
}

/** Names the input of a state. */
export function pastName(state: string): string {
  return `past.${state}`;
}

/** What metadata say of a decoder. */
export function describeSteps(decoder: StepwiseDecoder, kind: StepDescription['kind']): StepDescription {
  const { vocabularySize, mostIds, takesChunks } = decoder;
  return {
    kind,
    vocabularySize,
    ...(mostIds === undefined ? {} : { mostIds }),
    takesChunks,
    states: decoder.states.map((state) => ({
      ...state,
      input: pastName(state.name),
      output: state.isStarted || state.isChanged ? `next.${state.name}` : null,
    })),
  };
}

/** Values of a network with its weights as constants. @throws INVALID_CHECKPOINT when weights are missing or do not fit */
export function bindWeights(
  outputs: ReadonlyMap<string, Value>,
  { record, weights }: { readonly record: BuildRecord; readonly weights: Weights },
): ReadonlyMap<string, Value> {
  const replacements = new Map<Value, Value>();
  for (const { name, shape, value } of [...record.parameters, ...record.statistics]) {
    const weight = weights.get(name);
    if (weight === undefined || formatShape(weight.shape) !== formatShape(shape)) {
      throw new AmaasError(
        'INVALID_CHECKPOINT',
        `export: expected weight ${name} ${formatShape(shape)}, got ${weight ? formatShape(weight.shape) : 'none'}`,
      );
    }
    replacements.set(value, constant(weight));
  }
  const bound = rewrite([...outputs.values()], replacements);
  return new Map([...outputs].map(([name, value], index) => [name, bound[index] ?? value]));
}
