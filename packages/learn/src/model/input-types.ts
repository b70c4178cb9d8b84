// What a network's inputs are: dtypes nobody told are found by building the network, as a network knows by its layers
// whether it takes numbers or ids.
import { AmaasError, type DType } from '@amaas/core';
import { input, type Shape } from '../graph/index.ts';
import { createScope, type Network } from '../layers/index.ts';
import { type FieldType, type IdRanges, idRangesOf } from '../train/index.ts';
import type { ArrayDType } from './arrays.ts';

/** What one says of an input beforehand. */
export interface InputDeclaration {
  /** Default: what the network turns out to take. */
  readonly dtype?: ArrayDType;
  /** Of one row; default: as the data has it. */
  readonly shape?: readonly number[];
}

/** An input whose dtype may not be known yet. */
export interface InputDraft {
  readonly dtype: DType | null;
  /** Of one row. */
  readonly shape: readonly number[];
}

export interface NetworkTypes {
  readonly types: ReadonlyMap<string, FieldType>;
  /** Shape of what the network gives for a batch; null: it cannot be built so. */
  readonly prediction: Shape | null;
  readonly ids: IdRanges;
  /** Why it cannot. */
  readonly error: unknown;
}

/** Above this many inputs of unknown dtype they are all taken to be alike: every choice is a build. */
const MOST_CHOICES = 5;

/**
 * Builds the network, arrays taken as float32 where that is possible and as int32 or int64 where only that is. Where nothing
 * is possible the choice that came furthest is the one whose words say what is wrong.
 * @param batch - rows of the batch, or a symbol
 */
export function inferTypes(
  network: Network,
  drafts: ReadonlyMap<string, InputDraft>,
  batch: number | string,
): NetworkTypes {
  const open = [...drafts].flatMap(([name, { dtype }]) => (dtype === null ? [name] : []));
  let furthest: (NetworkTypes & { readonly parameters: number }) | null = null;
  for (const chosen of choicesFor(open)) {
    const types = new Map(
      [...drafts].map(([name, { dtype, shape }]): [string, FieldType] => [
        name,
        { dtype: dtype ?? chosen.get(name) ?? 'float32', shape },
      ]),
    );
    const built = describeNetwork(network, types, batch);
    if (built.prediction !== null) return built;
    if (furthest === null || built.parameters > furthest.parameters) furthest = built;
  }
  if (furthest === null) throw new AmaasError('INTERNAL', 'model: there was no choice of dtypes');
  return furthest;
}

function describeNetwork(
  network: Network,
  types: ReadonlyMap<string, FieldType>,
  batch: number | string,
): NetworkTypes & { readonly parameters: number } {
  const { scope, record } = createScope(false);
  const given = new Map([...types].map(([name, { dtype, shape }]) => [name, input(name, dtype, [batch, ...shape])]));
  try {
    const prediction = network.build(given, scope);
    const parameters = record().parameters.length;
    return { types, prediction: prediction.shape, ids: idRangesOf(prediction, given), error: null, parameters };
  } catch (error) {
    return { types, prediction: null, ids: new Map(), error, parameters: record().parameters.length };
  }
}

/** float32 for all, then whole numbers for some: few first, as most inputs are numbers. */
function* choicesFor(names: readonly string[]): Generator<ReadonlyMap<string, ArrayDType>> {
  yield new Map();
  const subsets =
    names.length > MOST_CHOICES
      ? [names]
      : Array.from({ length: 2 ** names.length - 1 }, (_, index) =>
          names.filter((__, bit) => ((index + 1) >> bit) % 2 === 1),
        ).toSorted((a, b) => a.length - b.length);
  if (names.length === 0) return;
  for (const dtype of ['int32', 'int64'] as const) {
    for (const subset of subsets) yield new Map(subset.map((name) => [name, dtype]));
  }
}

/** @throws INVALID_ARGUMENT for inputs that the network has not, and dtypes and shapes that are none */
export function assertDeclarations(network: Network, declared: ReadonlyMap<string, InputDeclaration>): void {
  const { inputNames } = network;
  const unknown = [...declared.keys()].find((name) => inputNames !== null && !inputNames.includes(name));
  if (unknown !== undefined || (inputNames === null && declared.size > 1)) {
    const takes = inputNames === null ? 'one input' : `the inputs ${inputNames.join(', ')}`;
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `compile: the network takes ${takes}; inputs has ${[...declared.keys()].join(', ')}`,
    );
  }
  for (const [name, { dtype, shape = [] }] of declared) {
    const isKnown = dtype === undefined || ['float32', 'int32', 'int64'].includes(dtype);
    if (isKnown && shape.every((size) => Number.isSafeInteger(size) && size >= 1)) continue;
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `compile: input "${name}" must have a dtype float32, int32 or int64 and a shape of whole numbers, got ${String(dtype)} [${shape.join(', ')}]`,
    );
  }
}
