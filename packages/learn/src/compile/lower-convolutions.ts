// Convolutions as training runs them: images with the batch last, patches by one gather, one matrix product, and pooling
// over side-by-side windows as the maximum of a few products. Measured at LeNet's size: 2.1 times PyTorch's step, where
// convolution nodes in the usual layout reach 1.2 (docs/benchmarks.md). Applied before differentiation; exported models
// keep their convolutions, which ONNX Runtime computes well.
import {
  add,
  cast,
  col2Im,
  concat,
  constantOf,
  defineOperation,
  equal,
  filled,
  gather,
  invertPermutation,
  isStatic,
  matMul,
  mul,
  type Node,
  nodeOf,
  rebuildNode,
  applyOne,
  relu,
  reshape,
  rewrite,
  sortNodes,
  sub,
  transpose,
  type Value,
  withGradient,
} from '../graph/index.ts';
import { isPerm } from './remove-detours.ts';

/** [batch, channels, height, width] with the batch last, and back. */
const BATCH_LAST = [1, 2, 3, 0];
const BATCH_FIRST = invertPermutation(BATCH_LAST);

/** Patches are k² copies of an image; beyond this they cost more memory than they save time. */
const MAX_PATCH_ELEMENTS = 2 ** 25;

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
    const lowered =
      pooled !== undefined
        ? lowerPooled(pooled, inputsOf.get(pooled.conv) ?? [])
        : waiting.has(node)
          ? null
          : lower(node, inputs);
    return lowered === null ? rebuildNode(node, inputs, unchanged) : [lowered];
  });
}

interface PooledConvolution {
  readonly conv: Node;
  readonly window: readonly [number, number];
  /** Whether a relu stands between the two. The maximum comes first then, so that relu has less to do. */
  readonly activated: boolean;
}

/** Pools over side-by-side windows of [relu of] a convolution that nobody else reads. */
function findPooledConvolutions(values: readonly Value[]): ReadonlyMap<Node, PooledConvolution> {
  const nodes = sortNodes(values);
  const uses = new Map<Value, number>();
  for (const { inputs } of nodes) for (const value of inputs) uses.set(value, (uses.get(value) ?? 0) + 1);
  const onlyReader = (value: Value | undefined): Node | null =>
    value !== undefined && uses.get(value) === 1 ? nodeOf(value) : null;
  const found = new Map<Node, PooledConvolution>();
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

function lowerPooled(
  { conv, window, activated }: PooledConvolution,
  [x, weight, bias]: readonly Value[],
): Value | null {
  if (x === undefined || weight === undefined) return null;
  const pooled = convolve({ node: conv, x, weight, bias }, window);
  return pooled === null || !activated ? pooled : (behindTranspose(pooled, relu) ?? relu(pooled));
}

function lower(node: Node, [x, weight, bias]: readonly Value[]): Value | null {
  if (x === undefined) return null;
  switch (node.operation.name) {
    case 'Conv': {
      const kernel = node.attributes['kernel_shape'];
      const area = isNumbers(kernel) ? kernel.reduce((product, size) => product * size, 1) : 0;
      if (weight === undefined || area < MIN_LONE_KERNEL ** 2) return null;
      return convolve({ node, x, weight, bias }, [1, 1]);
    }
    case 'Relu':
    case 'Tanh':
    case 'Sigmoid':
      return behindTranspose(x, (inner) => applyOne(node.operation, [inner], {}));
    case 'Reshape': {
      const shape = node.outputs[0]?.shape;
      return shape?.length === 2 ? flattenBehindTranspose(x, shape[0]) : null;
    }
    default:
      return null;
  }
}

/** f(transpose(x)) as transpose(f(x)): the transposes of neighbouring layers then meet and cancel. */
function behindTranspose(x: Value, apply: (inner: Value) => Value): Value | null {
  const node = nodeOf(x);
  const perm = node?.attributes['perm'];
  const source = node?.inputs[0];
  if (node?.operation.name !== 'Transpose' || source === undefined || !isPerm(perm)) return null;
  return transpose(apply(source), perm);
}

/** [channels, height, width, batch] flattened is the transpose of what the usual layout gives. */
function flattenBehindTranspose(x: Value, batch: unknown): Value | null {
  const node = nodeOf(x);
  const source = node?.inputs[0];
  const perm = node?.attributes['perm'];
  if (node?.operation.name !== 'Transpose' || source === undefined || !isPerm(perm)) return null;
  if (perm.join() !== BATCH_FIRST.join() || batch !== source.shape.at(-1)) return null;
  return transpose(reshape(source, [-1, source.shape.at(-1) ?? 1]));
}

interface Convolution {
  readonly node: Node;
  readonly x: Value;
  readonly weight: Value;
  readonly bias: Value | undefined;
}

/** The pool's window when windows lie side by side and cover the image evenly. */
function tilingWindow({ attributes, inputs: [x] }: Node): readonly [number, number] | null {
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

/** One product per place within the pool's window, their maximum, and the bias. @returns [batch, filters, ...] by a transpose */
function convolve({ node, x, weight, bias }: Convolution, pool: readonly [number, number]): Value | null {
  const plan = planConvolution(node, x, pool);
  if (plan === null) return null;
  const { batch, channels, filters, places, windows, area } = plan;
  const image = reshape(transpose(x, BATCH_LAST), [channels, -1, batch]);
  const padded = plan.isPadded ? concat([image, filled('float32', [channels, 1, batch], 0)], 1) : image;
  const kernel = reshape(weight, [filters, channels * area]);
  const patches = plan.phases.map((positions) =>
    reshape(gather(padded, constantOf('int64', [area, places], positions), 1), [channels * area, places * batch]),
  );
  const products = patches.map((patch) => matMul(kernel, patch));
  const [head] = products;
  if (head === undefined) return null;
  const greatest = products.length === 1 ? head : applyOne(MAX_OF_ALL, products, {});
  const [height, width] = plan.pooled;
  const shaped = reshape(greatest, [filters, height, width, batch]);
  const result = transpose(
    withGradient(shaped, [x, weight, greatest, ...products, ...patches], (dy, _, source, weights, top, ...rest) => {
      const given = rest.slice(0, products.length);
      const columns = rest.slice(products.length);
      const parts = routeToFirst(given, top, reshape(dy, [filters, -1]));
      const dKernel = parts
        .map((part, index) => matMul(part, transpose(columns[index] ?? part)))
        .reduce((sum, term) => add(sum, term));
      const matrix = reshape(weights, [filters, channels * area]);
      const natural = reshape(
        transpose(
          reshape(
            concat(
              parts.map((part) => reshape(part, [filters, 1, -1])),
              1,
            ),
            [filters, ...pool, height, width, batch],
          ),
          [5, 0, 3, 1, 4, 2],
        ),
        [batch, filters, -1],
      );
      const spread = col2Im(matMul(transpose(matrix), natural), windows.image, windows.kernel, windows);
      return [reshape(spread, source.shape), reshape(dKernel, weights.shape), null, ...rest.map(() => null)];
    }),
    BATCH_FIRST,
  );
  if (bias === undefined) return result;
  return behindTranspose(result, (inner) => add(inner, reshape(bias, [filters, 1, 1, 1])));
}

/** Of equal candidates the first gets the gradient. */
function routeToFirst(candidates: readonly Value[], top: Value, dy: Value): readonly Value[] {
  if (candidates.length === 1) return [dy];
  let rest = dy;
  return candidates.map((candidate, index) => {
    const part = mul(cast(equal(candidate, top), dy.dtype), rest);
    if (index < candidates.length - 1) rest = sub(rest, part);
    return part;
  });
}

const MAX_OF_ALL = defineOperation({
  name: 'Max',
  attributes: {},
  infer: ([first]) => (first === undefined ? [] : [{ dtype: first.dtype, shape: first.shape }]),
});

interface ConvolutionPlan {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  /** Elements of the kernel. */
  readonly area: number;
  /** Pooled windows of one image. */
  readonly places: number;
  readonly pooled: readonly [number, number];
  readonly isPadded: boolean;
  /** Per place in the pool's window: positions in the image, [area, places]; one past the end is a zero. */
  readonly phases: readonly (readonly number[])[];
  readonly windows: {
    readonly image: readonly number[];
    readonly kernel: readonly number[];
    readonly strides: readonly number[];
    readonly dilations: readonly number[];
    readonly padding: readonly number[];
  };
}

function planConvolution(
  { attributes, outputs: [y] }: Node,
  x: Value,
  pool: readonly [number, number],
): ConvolutionPlan | null {
  const { kernel_shape: kernel, strides, dilations, pads, group } = attributes;
  if (!isNumbers(kernel) || !isNumbers(strides) || !isNumbers(dilations) || !isNumbers(pads)) return null;
  if (group !== 1 || kernel.length !== 2 || y === undefined || !isStatic(x.shape) || !isStatic(y.shape)) return null;
  const [batch = 1, channels = 1, height = 1, width = 1] = x.shape;
  const [, filters = 1, outHeight = 1, outWidth = 1] = y.shape;
  const [kernelHeight = 1, kernelWidth = 1] = kernel;
  const area = kernelHeight * kernelWidth;
  if (channels * area * outHeight * outWidth * batch > MAX_PATCH_ELEMENTS) return null;
  const pooled = [outHeight / pool[0], outWidth / pool[1]] as const;
  const phases: number[][] = [];
  for (let py = 0; py < pool[0]; py++) {
    for (let px = 0; px < pool[1]; px++) {
      const positions: number[] = [];
      for (let k = 0; k < area; k++) {
        for (let place = 0; place < pooled[0] * pooled[1]; place++) {
          const row = pool[0] * Math.floor(place / pooled[1]) + py;
          const column = pool[1] * (place % pooled[1]) + px;
          const at = row * (strides[0] ?? 1) + Math.floor(k / kernelWidth) * (dilations[0] ?? 1) - (pads[0] ?? 0);
          const along = column * (strides[1] ?? 1) + (k % kernelWidth) * (dilations[1] ?? 1) - (pads[1] ?? 0);
          const inside = at >= 0 && at < height && along >= 0 && along < width;
          positions.push(inside ? at * width + along : height * width);
        }
      }
      phases.push(positions);
    }
  }
  return {
    batch,
    channels,
    filters,
    area,
    places: pooled[0] * pooled[1],
    pooled,
    isPadded: pads.some((amount) => amount > 0),
    phases,
    windows: { image: [height, width], kernel, strides, dilations, padding: pads },
  };
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'number');
}
