// Convolutions as training runs them: in the form that is fastest at their size, with images in the layout of that form
// from one layer to the next. Applied before differentiation; exported models keep their convolutions, which ONNX Runtime
// computes well. Measurements: docs/benchmarks.md.
import {
  add,
  isStatic,
  type Node,
  nodeOf,
  rebuildNode,
  relu,
  reshape,
  rewrite,
  sortNodes,
  transpose,
  type Value,
} from '../graph/index.ts';
import { behindTransposes, transposeOf } from './behind-transposes.ts';
import { convolveByPatches } from './convolve-by-patches.ts';
import { convolveByWinograd } from './convolve-by-winograd.ts';
import { FROM_BATCH_LAST, FROM_SPACE_FIRST } from './image-layouts.ts';
import { type PooledConvolution, type Size, sizesOf } from './pooled-convolution.ts';
import { isNumbers } from './rule.ts';

/** With fewer channels or filters, the ways to Winograd's place and back cost more than the products save. */
const MIN_WINOGRAD_CHANNELS = 32;

/** Smaller kernels without pooling are left to ONNX Runtime: measured faster for 3 × 3. */
const MIN_LONE_KERNEL = 5;

/** The same values with convolutions in the form that trains fastest; those whose shapes are not known stay as they are. */
export function lowerConvolutions(values: readonly Value[]): readonly Value[] {
  const pools = findPooledConvolutions(values);
  const waiting = new Set([...pools.values()].map(({ conv }) => conv));
  const inputsOf = new Map<Node, readonly Value[]>();
  return rewrite(values, new Map(), (node, inputs, unchanged) => {
    inputsOf.set(node, inputs);
    const pooled = pools.get(node);
    if (waiting.has(node)) return rebuildNode(node, inputs, unchanged);
    const lowered = pooled === undefined ? null : lowerPooled(pooled, inputsOf.get(pooled.conv) ?? []);
    return lowered === null ? (lower(node, inputs) ?? rebuildNode(node, inputs, unchanged)) : [lowered];
  });
}

interface Pooling {
  readonly conv: Node;
  readonly window: Size;
  /** Whether a relu stands between the two. The maximum comes first then, so that relu has less to do. */
  readonly activated: boolean;
}

/** Pools over side-by-side windows of [relu of] a convolution that nobody else reads. */
function findPooledConvolutions(values: readonly Value[]): ReadonlyMap<Node, Pooling> {
  const nodes = sortNodes(values);
  const uses = new Map<Value, number>();
  for (const { inputs } of nodes) for (const value of inputs) uses.set(value, (uses.get(value) ?? 0) + 1);
  const onlyReader = (value: Value | undefined): Node | null =>
    value !== undefined && uses.get(value) === 1 ? nodeOf(value) : null;
  const found = new Map<Node, Pooling>();
  for (const pool of nodes) {
    const window = pool.operation.name === 'MaxPool' ? tilingWindow(pool) : null;
    if (window === null) continue;
    const before = onlyReader(pool.inputs[0]);
    const activated = before?.operation.name === 'Relu';
    const conv = activated ? onlyReader(before.inputs[0]) : before;
    if (conv?.operation.name === 'Conv') found.set(pool, { conv, window, activated });
  }
  return found;
}

function lowerPooled({ conv, window, activated }: Pooling, inputs: readonly Value[]): Value | null {
  const pooled = convolve(conv, inputs, window);
  return pooled === null || !activated ? pooled : behindTranspose(relu(pooled));
}

function lower(node: Node, inputs: readonly Value[]): readonly Value[] | null {
  switch (node.operation.name) {
    case 'Conv': {
      const lowered = convolve(node, inputs, [1, 1]);
      return lowered === null ? null : [lowered];
    }
    case 'Reshape': {
      const [x] = inputs;
      const shape = node.outputs[0]?.shape;
      const flat = x !== undefined && shape?.length === 2 ? flattenBehindTranspose(x, shape[0]) : null;
      return flat === null ? null : [flat];
    }
    default:
      return behindTransposes(node, inputs);
  }
}

/** [channels, height, width, batch] flattened is the transpose of what the usual layout gives. */
function flattenBehindTranspose(x: Value, batch: unknown): Value | null {
  const found = transposeOf(x);
  if (found?.perm.join() !== FROM_BATCH_LAST.join() || batch !== found.source.shape.at(-1)) return null;
  return transpose(reshape(found.source, [-1, found.source.shape.at(-1) ?? 1]));
}

/** @returns [batch, filters, height, width] by a transpose, or null to leave the convolution to the runtime */
function convolve(node: Node, [x, weight, bias]: readonly Value[], pool: Size): Value | null {
  if (x === undefined || weight === undefined) return null;
  const product = convolveFastest({ node, x, weight, pool });
  if (product === null || bias === undefined) return product;
  return behindTranspose(add(product, reshape(bias, [1, -1, 1, 1])));
}

function convolveFastest(convolution: PooledConvolution): Value | null {
  const { node, x, pool } = convolution;
  const sizes = sizesOf(node, x);
  if (sizes === null) return null;
  if (Math.min(sizes.channels, sizes.filters) >= MIN_WINOGRAD_CHANNELS) {
    const spaceFirst = convolveByWinograd(convolution);
    if (spaceFirst !== null) return transpose(spaceFirst, FROM_SPACE_FIRST);
  }
  const isLone = pool[0] * pool[1] === 1;
  if (isLone && sizes.kernel[0] * sizes.kernel[1] < MIN_LONE_KERNEL ** 2) return null;
  const batchLast = convolveByPatches(convolution);
  return batchLast === null ? null : transpose(batchLast, FROM_BATCH_LAST);
}

/** The value of a node that has just been made, its transposes moved behind it. */
function behindTranspose(value: Value): Value {
  const node = nodeOf(value);
  return (node === null ? null : behindTransposes(node, node.inputs)?.[0]) ?? value;
}

/** The pool's window when windows lie side by side and cover the image evenly. */
function tilingWindow({ attributes, inputs: [x] }: Node): Size | null {
  const { kernel_shape: kernel, strides, pads, dilations } = attributes;
  if (!isNumbers(kernel) || !isNumbers(strides) || !isNumbers(pads) || x === undefined || !isStatic(x.shape))
    return null;
  const [height = 1, width = 1, ...more] = kernel;
  const tiles = kernel.join() === strides.join() && pads.every((amount) => amount === 0);
  const dense = dilations === undefined || (isNumbers(dilations) && dilations.every((each) => each === 1));
  const even = (x.shape[2] ?? 1) % height === 0 && (x.shape[3] ?? 1) % width === 0;
  return more.length === 0 && kernel.length === 2 && tiles && dense && even && height * width <= 4
    ? [height, width]
    : null;
}
