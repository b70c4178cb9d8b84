// Matrix products take in what stands around them: transposed operands, scalar factors, an addend. ONNX Runtime's Gemm and
// FusedMatMul do these for nothing, where separate nodes would each pass over memory.
import {
  fusedMatMul,
  fusedOperandPerm,
  gemm,
  isFloat,
  type Node,
  nodeOf,
  sameShape,
  type Value,
  broadcastShapes,
} from '../graph/index.ts';
import { productOf, scalarOf } from './remove-detours.ts';
import { isNumbers } from './rule.ts';
import type { Rule } from './rule.ts';

export const fuseProducts: Rule = (node, uses) => {
  const value = fused(node, uses);
  return value === null ? null : [value];
};

function fused(node: Node, uses: (value: Value) => number): Value | null {
  const [a, b] = node.inputs;
  if (node.operation.name === 'Transpose' && a !== undefined) return uses(a) === 1 ? transposedProduct(a) : null;
  if (a === undefined || b === undefined) return null;
  switch (node.operation.name) {
    case 'MatMul':
      // ONNX Runtime has no Gemm and no FusedMatMul of integers.
      if (!isFloat(a.dtype)) return null;
      return a.shape.length === 2 && b.shape.length === 2 ? matrixProduct(a, b) : batchProduct(a, b);
    case 'Add':
      if (uses(a) === 1) return withAddend(a, b) ?? (uses(b) === 1 ? withAddend(b, a) : null);
      return uses(b) === 1 ? withAddend(b, a) : null;
    case 'Mul':
      if (uses(a) === 1) return withFactor(a, b) ?? (uses(b) === 1 ? withFactor(b, a) : null);
      return uses(b) === 1 ? withFactor(b, a) : null;
    default:
      return null;
  }
}

function matrixProduct(a: Value, b: Value): Value {
  const left = transposed(a);
  const right = transposed(b);
  return gemm([left ?? a, right ?? b], { transA: left === null ? 0 : 1, transB: right === null ? 0 : 1 });
}

/** (A · B)ᵀ = Bᵀ · Aᵀ */
function transposedProduct(product: Value): Value | null {
  const node = nodeOf(product);
  const [a, b, c] = node?.inputs ?? [];
  if (node?.operation.name !== 'Gemm' || a === undefined || b === undefined || c !== undefined) return null;
  const { transA, transB, ...attributes } = numericAttributes(node);
  return gemm([b, a], { ...attributes, transA: transB === 1 ? 0 : 1, transB: transA === 1 ? 0 : 1 });
}

/** What a transposed matrix was before. */
function transposed(x: Value): Value | null {
  const node = nodeOf(x);
  return node?.operation.name === 'Transpose' && x.shape.length === 2 ? (node.inputs[0] ?? null) : null;
}

function batchProduct(a: Value, b: Value): Value | null {
  // FusedMatMul's flags speak of operands of one rank.
  if (a.shape.length !== b.shape.length) return null;
  const left = operandFlags(a);
  const right = operandFlags(b);
  if (left === null && right === null) return null;
  return fusedMatMul(left?.source ?? a, right?.source ?? b, {
    transA: left?.swap ?? 0,
    transB: right?.swap ?? 0,
    transBatchA: left?.batch ?? 0,
    transBatchB: right?.batch ?? 0,
  });
}

function operandFlags(x: Value): { readonly source: Value; readonly batch: number; readonly swap: number } | null {
  const node = nodeOf(x);
  const perm = node?.attributes['perm'];
  const source = node?.inputs[0];
  if (node?.operation.name !== 'Transpose' || source === undefined || !isNumbers(perm)) return null;
  for (const batch of [0, 1]) {
    for (const swap of [0, 1]) {
      if (sameShape(fusedOperandPerm(perm.length, batch, swap), perm)) return { source, batch, swap };
    }
  }
  return null;
}

function withAddend(product: Value, addend: Value): Value | null {
  const node = nodeOf(product);
  const [a, b, c] = node?.inputs ?? [];
  if (node?.operation.name !== 'Gemm' || a === undefined || b === undefined || c !== undefined) return null;
  if (!sameShape(broadcastShapes(addend.shape, product.shape, 'Gemm'), product.shape)) return null;
  return gemm([a, b, addend], numericAttributes(node));
}

function withFactor(product: Value, factor: Value): Value | null {
  const number = scalarOf(factor);
  const node = nodeOf(product);
  const [a, b, c] = node?.inputs ?? [];
  if (number === null || node === null || a === undefined || b === undefined || c !== undefined) return null;
  const attributes = numericAttributes(node);
  const alpha = productOf(attributes['alpha'] ?? 1, number, 'float32');
  // Attributes are float32, which a float64 factor may not be.
  if (alpha === null || !isFloat(product.dtype) || (product.dtype === 'float64' && Math.fround(number) !== number)) {
    return null;
  }
  if (node.operation.name === 'Gemm') return gemm([a, b], { ...attributes, alpha });
  if (
    node.operation.name === 'FusedMatMul' ||
    (node.operation.name === 'MatMul' && a.shape.length === b.shape.length)
  ) {
    return fusedMatMul(a, b, { ...attributes, alpha });
  }
  return null;
}

function numericAttributes(node: Node): Record<string, number> {
  return Object.fromEntries(
    Object.entries(node.attributes).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : [])),
  );
}
