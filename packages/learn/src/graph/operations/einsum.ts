// Sums of products by index equations. An equation becomes transposes, reshapes and matrix products, two operands at a
// time from the left, so that passes can fuse them; only where unknown sizes would have to be merged is it left to ONNX's
// Einsum.
import { AmaasError, formatShape } from '@amaas/core';
import { isStatic, type Shape, type Size, sizeAt } from '../shape.ts';
import { applyOne, defineOperation, type Value } from '../value.ts';
import { mul } from './arithmetic.ts';
import { constantOf } from './constants.ts';
import { matMul } from './matrix.ts';
import { reshape, transpose } from './shaping.ts';
import { reduceSum } from './summation.ts';

/** A value with a letter per axis; the axes an ellipsis stands for have digits and so on, counted from the last. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

/**
 * Sums of products as NumPy's einsum writes them: `bthd,bshd->bhts`. Letters that are not in the result are summed over;
 * without `->` the result has the letters that come once, in alphabetical order. An ellipsis stands for leading axes that
 * broadcast.
 * @throws INVALID_GRAPH when the equation does not fit the operands.
 */
export function einsum(equation: string, operands: readonly Value[]): Value {
  const { inputs, output } = parse(equation, operands);
  const sizes = commonSizes(equation, inputs);
  const rest = inputs.map((operand) => withoutUnits(withoutRepeats(operand), sizes));
  const labelsFrom = (index: number): readonly string[] => rest.slice(index).flatMap(({ labels }) => labels);
  const total = rest.reduce((first, second, index) => {
    const later = [...output, ...labelsFrom(index + 1)];
    return product(
      sumOver(first, new Set([...later, ...second.labels])),
      sumOver(second, new Set([...later, ...first.labels])),
      new Set(later),
    );
  });
  return arrange(sumOver(total, new Set(output)), output);
}

function parse(
  equation: string,
  operands: readonly Value[],
): { readonly inputs: readonly Labelled[]; readonly output: readonly string[] } {
  const refuse = (why: string): never => {
    throw new AmaasError('INVALID_GRAPH', `einsum: ${equation}: ${why}`);
  };
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  const isTerm = (term: string): boolean => /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term);
  if (more.length > 0 || ![...terms, right ?? ''].every(isTerm)) refuse('is not an equation of letters');
  if (terms.length !== operands.length) refuse(`has ${terms.length} operands, got ${operands.length}`);
  let hidden = 0;
  const inputs = operands.map((value, index): Labelled => {
    const [before = '', after] = (terms[index] ?? '').split('...');
    const count = value.shape.length - before.length - (after ?? '').length;
    if (after === undefined ? count !== 0 : count < 0) {
      refuse(`operand ${index} is ${formatShape(value.shape)}, which ${terms[index]} does not describe`);
    }
    hidden = Math.max(hidden, count);
    return { value, labels: [...before, ...hiddenLabels(count), ...(after ?? '')] };
  });
  const all = inputs.flatMap(({ labels }) => labels);
  const letters = all.filter((label) => /[A-Za-z]/.test(label));
  const once = letters.filter((label) => letters.indexOf(label) === letters.lastIndexOf(label)).toSorted();
  const [before = '', after] = (right ?? '').split('...');
  if (right !== undefined && after === undefined && hidden > 0) refuse('the result needs the ellipsis too');
  const output =
    right === undefined
      ? [...hiddenLabels(hidden), ...once]
      : [...before, ...(after === undefined ? [] : hiddenLabels(hidden)), ...(after ?? '')];
  if (new Set(output).size !== output.length) refuse('a letter comes twice in the result');
  const unknown = output.find((label) => !all.includes(label));
  if (unknown !== undefined) refuse(`no operand has ${unknown}`);
  return { inputs, output };
}

/** Labels of the axes an ellipsis stands for; the last is the same in every operand, as broadcasting wants. */
function hiddenLabels(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `.${count - index}`);
}

/** The size of every label; 1 only where it is 1 in all operands. */
function commonSizes(equation: string, inputs: readonly Labelled[]): ReadonlyMap<string, Size> {
  const sizes = new Map<string, Size>();
  for (const { value, labels } of inputs) {
    for (const [axis, label] of labels.entries()) {
      const size = sizeAt(value.shape, axis, 'einsum');
      const known = sizes.get(label) ?? 1;
      if (known !== 1 && size !== 1 && known !== size) {
        throw new AmaasError('INVALID_GRAPH', `einsum: ${equation}: ${label} is ${known} and ${size}`);
      }
      if (known === 1) sizes.set(label, size);
    }
  }
  return sizes;
}

/** A diagonal where a letter comes twice in one operand. */
function withoutRepeats({ value, labels }: Labelled): Labelled {
  const second = labels.findIndex((label, axis) => labels.indexOf(label) !== axis);
  if (second === -1) return { value, labels };
  const first = labels.indexOf(labels[second] ?? '');
  const size = sizeAt(value.shape, first, 'einsum');
  if (typeof size !== 'number' || size !== value.shape[second]) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `einsum: ${formatShape(value.shape)} has no diagonal over axes ${first} and ${second}`,
    );
  }
  const mask = new Float64Array(size * size);
  for (let row = 0; row < size; row++) mask[row * size + row] = 1;
  const shape = value.shape.map((_, axis) => (axis === first || axis === second ? size : 1));
  const diagonal = reduceSum(mul(value, constantOf(value.dtype, shape, mask)), { axes: [second] });
  return withoutRepeats({ value: diagonal, labels: labels.toSpliced(second, 1) });
}

/** Without axes of size 1 that broadcast against another operand's. */
function withoutUnits({ value, labels }: Labelled, sizes: ReadonlyMap<string, Size>): Labelled {
  const kept = [...labels.keys()].filter((axis) => value.shape[axis] !== 1 || sizes.get(labels[axis] ?? '') === 1);
  if (kept.length === labels.length) return { value, labels };
  return { value: reshape(value, pick(value.shape, kept)), labels: pick(labels, kept) };
}

function sumOver({ value, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = [...labels.keys()].filter((axis) => !needed.has(labels[axis] ?? ''));
  return { value: reduceSum(value, { axes }), labels: labels.filter((label) => needed.has(label)) };
}

/** The product of two operands, summed over what both have and nobody needs. */
function product(a: Labelled, b: Labelled, needed: ReadonlySet<string>): Labelled {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => needed.has(label));
  const inner = shared.filter((label) => !needed.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const all = [...batch, ...rows, ...columns];
  if (inner.length === 0 || (rows.length === 0 && columns.length === 0)) {
    const labels = [...all, ...inner];
    return sumOver({ value: mul(spread(a, labels), spread(b, labels)), labels }, needed);
  }
  const sizes = new Map([...sizesOf(a), ...sizesOf(b)]);
  const shapeOf = (labels: readonly string[]): Shape => labels.map((label) => sizes.get(label) ?? 1);
  const canMerge = (labels: readonly string[]): boolean => labels.length < 2 || isStatic(shapeOf(labels));
  if (!canMerge(inner)) return einsumOf(a, b, all);
  // Without a batch matMul takes the axes that only the first operand has as they are.
  const isWhole = batch.length === 0 && rows.length > 0;
  if (!canMerge(columns)) return batch.length === 0 && canMerge(rows) ? product(b, a, needed) : einsumOf(a, b, all);
  if (!isWhole && !canMerge(rows)) return einsumOf(a, b, all);
  const merged = (labels: readonly string[]): Size => {
    const shape = shapeOf(labels);
    return shape.length === 1 ? (shape[0] ?? 1) : shape.reduce<number>((total, size) => total * Number(size), 1);
  };
  const lead = shapeOf(batch);
  const left = arrange(a, [...batch, ...rows, ...inner]);
  const right = arrange(b, [...batch, ...inner, ...columns]);
  const value = matMul(
    reshape(left, [...lead, ...(isWhole ? shapeOf(rows) : [merged(rows)]), merged(inner)]),
    reshape(right, [...lead, merged(inner), merged(columns)]),
  );
  return { value: reshape(value, shapeOf(all)), labels: all };
}

const EINSUM = defineOperation<{ readonly equation: string }>({
  name: 'Einsum',
  attributes: { equation: { kind: 'string' } },
  infer([a, b], { equation }) {
    const { terms, output } = lettersOf(equation);
    if (!a || !b || a.dtype !== b.dtype)
      throw new AmaasError('INVALID_GRAPH', 'Einsum: expected two operands of one dtype');
    const sizes = new Map([a, b].flatMap((value, index) => [...sizesOf({ value, labels: terms[index] ?? [] })]));
    return [{ dtype: a.dtype, shape: output.map((letter) => sizes.get(letter) ?? 1) }];
  },
  gradient({ inputs: [a, b], attributes: { equation } }, [dy]) {
    const { terms, output } = lettersOf(equation);
    const [left = [], right = []] = terms;
    if (!a || !b || !dy) return [null, null];
    // Every letter of an operand is in the result or in the other operand; see einsumOf.
    const pull = (other: Labelled, labels: readonly string[]): Value =>
      arrange(product({ value: dy, labels: output }, other, new Set(labels)), labels);
    return [pull({ value: b, labels: right }, left), pull({ value: a, labels: left }, right)];
  },
});

/** ONNX's own Einsum, for two operands without letters that come in one alone and not in the result. */
function einsumOf(a: Labelled, b: Labelled, output: readonly string[]): Labelled {
  const letters = new Map(
    [...new Set([...a.labels, ...b.labels])].map((label, index) => [label, String.fromCharCode(97 + index)]),
  );
  const term = (labels: readonly string[]): string => labels.map((label) => letters.get(label)).join('');
  const equation = `${term(a.labels)},${term(b.labels)}->${term(output)}`;
  return { value: applyOne(EINSUM, [a.value, b.value], { equation }), labels: output };
}

function lettersOf(equation: string): {
  readonly terms: readonly (readonly string[])[];
  readonly output: readonly string[];
} {
  const [left = '', right = ''] = equation.split('->');
  return { terms: left.split(',').map((term) => [...term]), output: [...right] };
}

/** The axes in another order. */
function arrange({ value, labels }: Labelled, order: readonly string[]): Value {
  return transpose(
    value,
    order.map((label) => labels.indexOf(label)),
  );
}

/** The axes in the order of `labels`, with size 1 where the operand has none of them. */
function spread(operand: Labelled, labels: readonly string[]): Value {
  const sizes = sizesOf(operand);
  const own = labels.filter((label) => sizes.has(label));
  return reshape(
    arrange(operand, own),
    labels.map((label) => sizes.get(label) ?? 1),
  );
}

function sizesOf({ value, labels }: Labelled): ReadonlyMap<string, Size> {
  return new Map(labels.map((label, axis) => [label, sizeAt(value.shape, axis, 'einsum')] as const));
}

function pick<T>(values: readonly T[], indices: readonly number[]): readonly T[] {
  return values.filter((_, index) => indices.includes(index));
}
