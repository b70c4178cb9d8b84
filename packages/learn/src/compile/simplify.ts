// Makes a graph smaller and faster without changing what it computes: equal nodes become one, detours disappear, and
// products take transposes, factors and addends into themselves. Run after differentiation: fused products have no
// gradient. ONNX Runtime's own optimiser runs afterwards and finds little left.
import {
  type AttributeValue,
  applyOperation,
  type Body,
  isBody,
  joinScans,
  type Node,
  rewrite,
  sortNodes,
  type Value,
} from '../graph/index.ts';
import { favourFastKernels } from './favour-fast-kernels.ts';
import { fuseProducts } from './fuse-products.ts';
import { removeDetours } from './remove-detours.ts';
import type { Rule } from './rule.ts';

/** Passes in order; each sees the result of the one before. Products fuse when every detour is gone, and fast forms make new ones. */
const PASSES: readonly Rule[] = [removeDetours, fuseProducts, favourFastKernels, removeDetours];

/** The same outputs by a simpler graph. */
export function simplify(outputs: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  const names = [...outputs.keys()];
  // Loops are joined first: simplified, the two halves of one would no longer be recognised.
  const values = simplifyValues(joinScans([...outputs.values()]));
  return new Map(
    names.flatMap((name, index) => {
      const value = values[index];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function simplifyValues(values: readonly Value[]): readonly Value[] {
  return PASSES.reduce((current, rule) => applyRule(current, rule), values);
}

function applyRule(values: readonly Value[], rule: Rule): readonly Value[] {
  const counts = countUses(values);
  const known = new SharedNodes();
  return rewrite(values, new Map(), (node, inputs) => {
    const unified = inputs.map((value) => known.constant(value));
    const changed = unified.some((value, index) => value !== node.inputs[index]);
    const attributes = simplifyBodies(node);
    const candidate = changed || attributes !== node.attributes ? rebuild(node, unified, attributes) : node;
    // Rules look at the new inputs, but how often a value is read is only known of the old ones.
    const ruled = rule(candidate, (value) => {
      const index = candidate.inputs.indexOf(value);
      const old = node.inputs[index];
      return old === undefined ? 2 : (counts.get(old) ?? 0);
    });
    return ruled ?? known.outputs(candidate);
  });
}

function rebuild(node: Node, inputs: readonly Value[], attributes: Node['attributes']): Node {
  const outputs = applyOperation(node.operation, inputs, attributes);
  const origin = outputs[0]?.origin;
  return origin?.kind === 'node' ? origin.node : node;
}

/** Bodies of loops are graphs of their own. */
function simplifyBodies(node: Node): Node['attributes'] {
  const bodies = Object.entries(node.attributes).filter((entry): entry is [string, Body] => isBody(entry[1]));
  if (bodies.length === 0) return node.attributes;
  const replaced: Record<string, AttributeValue | undefined> = { ...node.attributes };
  for (const [name, body] of bodies) {
    const outputs = simplifyValues(body.outputs);
    if (outputs.some((value, index) => value !== body.outputs[index]))
      replaced[name] = { inputs: body.inputs, outputs };
  }
  return bodies.every(([name, body]) => replaced[name] === body) ? node.attributes : replaced;
}

function countUses(values: readonly Value[]): ReadonlyMap<Value, number> {
  const counts = new Map<Value, number>();
  const count = (value: Value): void => {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  };
  for (const node of sortNodes(values)) node.inputs.forEach(count);
  values.forEach(count);
  return counts;
}

/** One node per operation, inputs and attributes; one value per small constant. */
class SharedNodes {
  readonly #ids = new Map<unknown, number>();
  readonly #nodes = new Map<string, readonly Value[]>();
  readonly #constants = new Map<string, Value>();

  constant(value: Value): Value {
    if (value.origin.kind !== 'constant') return value;
    const { tensor } = value.origin;
    if (tensor.dtype === 'string' || tensor.data.length > 16) return value;
    const key = `${tensor.dtype} ${tensor.shape} ${[...tensor.data].map((each) => writeNumber('', each))}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    this.#constants.set(key, value);
    return value;
  }

  outputs(node: Node): readonly Value[] {
    const key = [
      `${node.operation.domain}.${node.operation.name}`,
      ...node.inputs.map((value) => this.#id(value)),
      // Attributes that are objects (bodies, tensors) are equal only if they are the same one.
      ...Object.entries(node.attributes).map(([name, value]) =>
        Array.isArray(value) || typeof value !== 'object'
          ? `${name}=${JSON.stringify(value, writeNumber)}`
          : `${name}=#${this.#id(value)}`,
      ),
    ].join(' ');
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    this.#nodes.set(key, node.outputs);
    return node.outputs;
  }

  #id(value: unknown): number {
    const known = this.#ids.get(value);
    if (known !== undefined) return known;
    this.#ids.set(value, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** Numbers that are different are written differently: JSON has null for what is not finite, and 0 for −0. */
function writeNumber(_key: string, value: unknown): unknown {
  if (typeof value !== 'number') return value;
  return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);
}
