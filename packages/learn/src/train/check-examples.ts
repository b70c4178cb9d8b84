// What rows must be before a training begins, so that bad data is named by input and row instead of failing in the runtime
// or, worse, training on.
import { AmaasError, elementCount, formatShape, type Tensor } from '@amaas/core';
import { countRows, type Examples, rowType, TRAINABLE_DTYPES } from './examples.ts';
import type { FieldType } from './step-fields.ts';

/** Types of one row of everything. */
export interface RowTypes {
  readonly inputs: ReadonlyMap<string, FieldType>;
  readonly target: FieldType;
}

/**
 * Checks rows as they are given.
 * @param what - begins every message: `fit`, `fit: validation`
 * @throws INVALID_DATA
 */
export function assertExamples(what: string, examples: Examples): void {
  const { inputs, target, weights } = examples;
  if (inputs.size === 0) throw new AmaasError('INVALID_DATA', `${what}: there are no inputs`);
  for (const [name, tensor] of inputs) assertTensor(`${what}: input "${name}"`, tensor);
  assertTensor(`${what}: the target`, target);
  countRows(examples);
  const bad = weights?.findIndex((weight) => !(weight >= 0 && Number.isFinite(weight))) ?? -1;
  if (bad !== -1) {
    throw new AmaasError(
      'INVALID_DATA',
      `${what}: weights must be finite numbers of at least 0; row ${bad} has ${weights?.[bad]}`,
    );
  }
  if (weights !== undefined && !weights.some((weight) => weight > 0)) {
    throw new AmaasError('INVALID_DATA', `${what}: all weights are 0, so that no row counts`);
  }
}

export function rowTypes({ inputs, target }: Examples): RowTypes {
  return {
    inputs: new Map([...inputs].map(([name, tensor]) => [name, rowType(tensor)])),
    target: rowType(target),
  };
}

/** Checks that rows are of the types a training was built for. @throws INVALID_DATA */
export function assertRowTypes(what: string, { inputs, target }: Examples, expected: RowTypes): void {
  for (const [name, type] of expected.inputs) {
    const tensor = inputs.get(name);
    if (tensor === undefined) throw new AmaasError('INVALID_DATA', `${what}: input "${name}" is missing`);
    assertType(`${what}: input "${name}"`, tensor, type);
  }
  const more = [...inputs.keys()].find((name) => !expected.inputs.has(name));
  if (more !== undefined) throw new AmaasError('INVALID_DATA', `${what}: input "${more}" is not one of the training's`);
  assertType(`${what}: the target`, target, expected.target);
}

/** Checks that there are exactly the inputs a network takes. @throws INVALID_DATA */
export function assertInputNames(names: readonly string[] | null, given: readonly string[]): void {
  if (names === null) return;
  const missing = names.filter((name) => !given.includes(name));
  const unknown = given.filter((name) => !names.includes(name));
  if (missing.length + unknown.length === 0) return;
  throw new AmaasError(
    'INVALID_DATA',
    `fit: the network takes the inputs ${names.join(', ')}; the data has ${given.join(', ')}`,
  );
}

export interface NonFinite {
  /** Where and what: `input "x" is NaN in row 17`. */
  readonly found: string;
  readonly value: number;
}

/** The first number that is not finite; null when all are. */
export function findNonFinite({ inputs, target }: Pick<Examples, 'inputs' | 'target'>): NonFinite | null {
  for (const [name, tensor] of [
    ...[...inputs].map(([key, each]) => [`input "${key}"`, each] as const),
    ['the target', target] as const,
  ]) {
    if (tensor.dtype !== 'float32' && tensor.dtype !== 'float64') continue;
    const at = tensor.data.findIndex((value: number) => !Number.isFinite(value));
    if (at === -1) continue;
    const row = Math.floor(at / (tensor.data.length / (tensor.shape[0] ?? 1)));
    const value = Number(tensor.data[at]);
    return { found: `${name} is ${value} in row ${row}`, value };
  }
  return null;
}

function assertTensor(what: string, { dtype, shape, data }: Tensor): void {
  if (!TRAINABLE_DTYPES.has(dtype)) {
    throw new AmaasError(
      'INVALID_DATA',
      `${what} is ${dtype}; training takes ${[...TRAINABLE_DTYPES].join(', ')} tensors`,
    );
  }
  if (data.length !== elementCount(shape)) {
    throw new AmaasError(
      'INVALID_DATA',
      `${what} has ${data.length} elements, its shape ${formatShape(shape)} does not`,
    );
  }
}

function assertType(what: string, tensor: Tensor, type: FieldType): void {
  const found = rowType(tensor);
  if (found.dtype === type.dtype && found.shape.join() === type.shape.join()) return;
  throw new AmaasError(
    'INVALID_DATA',
    `${what} is ${found.dtype} ${formatShape(['rows', ...found.shape])}, the training's is ${type.dtype} ${formatShape(['rows', ...type.shape])}`,
  );
}
