// From what a caller gives to tensors of the types a network takes, and from shapes to these types.
import { AmaasError, type DType, type NamedTensors, type Tensor } from '@amaas/core';
import type { Network } from '../layers/index.ts';
import type { FieldType } from '../train/index.ts';
import { type ArrayDType, type ArrayLikeTensor, isTensor, shapeOf, toTensor } from './arrays.ts';
import {
  assertDeclarations,
  type InputDeclaration,
  type InputDraft,
  inferTypes,
  type NetworkTypes,
} from './input-types.ts';
import { isRows, isShape, type ModelInputs, nameInputs, type RowShapes } from './named-inputs.ts';

/** Types that a training has settled, by input name. */
export type KnownTypes = ReadonlyMap<string, FieldType>;

export interface TakenInputs extends NetworkTypes {
  readonly tensors: NamedTensors;
}

export class NetworkInputs {
  readonly #network: Network;
  readonly #declared: ReadonlyMap<string, InputDeclaration>;

  /** @throws INVALID_ARGUMENT for declarations the network has no use for */
  constructor(network: Network, declared: ReadonlyMap<string, InputDeclaration>) {
    assertDeclarations(network, declared);
    this.#network = network;
    this.#declared = declared;
  }

  /**
   * Rows as tensors. A network that cannot be built on them is left to whoever builds it next, who knows more of why.
   * @param what - begins every message
   * @throws INVALID_DATA
   */
  take(
    what: string,
    given: ModelInputs,
    { known, batchSize = 32 }: { readonly known: KnownTypes | undefined; readonly batchSize?: number | undefined },
  ): TakenInputs {
    const rows = nameInputs<ArrayLikeTensor>(given, this.#names(known), { what, isOne: isRows });
    const shapes = new Map([...rows].map(([name, each]) => [name, isTensor(each) ? each.shape : shapeOf(each)]));
    const count = [...shapes.values()][0]?.[0] ?? 1;
    const drafts = [...rows].map(([name, each]): [string, InputDraft] => [
      name,
      { dtype: isTensor(each) ? each.dtype : this.#dtypeOf(name, known), shape: shapes.get(name)?.slice(1) ?? [] },
    ]);
    const found = inferTypes(this.#network, new Map(drafts), Math.max(1, Math.min(count, batchSize)));
    const tensors = [...rows].map(([name, each]): [string, Tensor] => [
      name,
      toInput(`${what}: input "${name}"`, each, found.types.get(name)?.dtype ?? 'float32'),
    ]);
    return { ...found, tensors: new Map(tensors) };
  }

  /**
   * The types of the inputs from the shapes of their rows.
   * @param shapes - default: as declared or known
   * @throws INVALID_GRAPH when the network does not take such rows; INVALID_ARGUMENT when nothing says the shapes
   */
  typesOf(what: string, shapes: RowShapes | undefined, known: KnownTypes | undefined): NetworkTypes {
    const names = this.#names(known);
    const given = shapes ?? this.#shapesOf(what, known);
    const drafts = [...nameInputs<readonly number[]>(given, names, { what, isOne: isShape })].map(
      ([name, shape]): [string, InputDraft] => [name, { dtype: this.#dtypeOf(name, known), shape }],
    );
    const found = inferTypes(this.#network, new Map(drafts), 'N');
    if (found.prediction === null) throw found.error;
    return found;
  }

  /** Null: one input, of a name that nobody has said yet. */
  #names(known: KnownTypes | undefined): readonly string[] | null {
    if (this.#network.inputNames !== null) return this.#network.inputNames;
    if (known !== undefined) return [...known.keys()];
    return this.#declared.size === 0 ? null : [...this.#declared.keys()];
  }

  #dtypeOf(name: string, known: KnownTypes | undefined): DType | null {
    return known?.get(name)?.dtype ?? this.#declared.get(name)?.dtype ?? null;
  }

  #shapesOf(what: string, known: KnownTypes | undefined): ReadonlyMap<string, readonly number[]> {
    const names = this.#names(known) ?? [];
    const shapes = names.flatMap((name) => {
      const shape = known?.get(name)?.shape ?? this.#declared.get(name)?.shape;
      return shape === undefined ? [] : [[name, shape] as const];
    });
    if (names.length > 0 && shapes.length === names.length) return new Map(shapes);
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${what}: give the shape of one row${names.length > 1 ? ` of each of ${names.join(', ')}` : ''}; nothing has said it yet`,
    );
  }
}

function toInput(what: string, rows: ArrayLikeTensor, dtype: DType): Tensor {
  if (isTensor(rows)) return rows;
  if (isArrayDType(dtype)) return toTensor(rows, dtype, what);
  throw new AmaasError('INVALID_DATA', `${what}: arrays cannot become ${dtype}; give a tensor, as before`);
}

function isArrayDType(dtype: DType): dtype is ArrayDType {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'int64';
}
