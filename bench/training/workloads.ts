// What the training benches train: sizes, settings and goals, and the data, the same for every side. The models are
// written once per side: pytorch-steps.py, tfjs-steps.mjs and ours.ts.
import { seededRandom } from '../harness/seeded-random.ts';

export type WorkloadName = 'mlp-small' | 'mlp-digits' | 'lenet' | 'resnet-block' | 'gpt' | 'lstm';

export interface Goal {
  /** Name of a side. */
  readonly against: string;
  /** Times that side's steps per second. */
  readonly atLeast: number;
}

export interface Workload {
  readonly name: WorkloadName;
  readonly title: string;
  /** PyTorch's variants, the plain one first. */
  readonly pytorchVariants: readonly string[];
  readonly goals: readonly Goal[];
}

const AGAINST_TFJS: Goal = { against: 'TensorFlow.js wasm', atLeast: 10 };

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'mlp-small',
    title: 'MLP 100-64-32-1, ReLU, batch 32, binary cross-entropy, Adam 1e-3',
    pytorchVariants: ['eager', 'fused'],
    goals: [{ against: 'PyTorch eager', atLeast: 4 }, AGAINST_TFJS],
  },
  {
    name: 'mlp-digits',
    title: 'MLP 784-512-256-10, ReLU, batch 128, cross-entropy, Adam 1e-3',
    pytorchVariants: ['eager', 'fused'],
    goals: [{ against: 'PyTorch eager', atLeast: 1.5 }, AGAINST_TFJS],
  },
  {
    name: 'lenet',
    title: 'LeNet: conv 16 5×5, ReLU, pool 2, conv 32 5×5, ReLU, pool 2, dense 10; 28×28, batch 64, SGD 0.05',
    pytorchVariants: ['eager', 'channels-last'],
    goals: [
      { against: 'PyTorch eager', atLeast: 1.8 },
      { against: 'PyTorch channels-last', atLeast: 1.4 },
      AGAINST_TFJS,
    ],
  },
  {
    name: 'resnet-block',
    title:
      'ResNet basic block: x + offset per channel, twice conv 64 3×3 same without bias and batch norm, skip, ReLU; mean over the image, dense 10; 64 channels, 16×16, batch 32, SGD 0.05',
    pytorchVariants: ['eager', 'channels-last'],
    goals: [{ against: 'PyTorch eager', atLeast: 1 }, AGAINST_TFJS],
  },
  {
    name: 'gpt',
    title:
      'GPT, nanoGPT on a CPU: 4 layers, 4 heads, 128 wide, no biases, GELU, 65 tokens, tied output, batch 12 × 64, AdamW 1e-3 (0.9, 0.99) with decay 0.1 on matrices, gradient norm ≤ 1',
    pytorchVariants: ['eager', 'sdpa-fused'],
    goals: [{ against: 'PyTorch eager', atLeast: 1.2 }, { against: 'PyTorch sdpa-fused', atLeast: 1.1 }, AGAINST_TFJS],
  },
  {
    name: 'lstm',
    title: 'LSTM: 65 tokens, table 256 wide, 2 layers of 256 units, dense 65 for every token, batch 64 × 64, Adam 1e-3',
    pytorchVariants: ['eager', 'fused'],
    goals: [{ against: 'PyTorch eager', atLeast: 1 }],
  },
];

/** @throws Error for a name that is none */
export function workloadOf(name: string | undefined): Workload {
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (workload === undefined)
    throw new Error(`no workload "${name}"; there are ${WORKLOADS.map((w) => w.name).join(', ')}`);
  return workload;
}

/** One batch, row-major. */
export interface Batch {
  /** float32, or tokens as whole numbers for gpt and lstm. */
  readonly x: Float32Array | Int32Array;
  readonly xShape: readonly number[];
  /** Class per row (per token for gpt and lstm), or 0 and 1 as float32 `[32, 1]` for mlp-small. */
  readonly y: Float32Array | Int32Array;
  readonly yShape: readonly number[];
}

/** Steps take these in turn, again and again. */
export const BATCHES = 8;

/** Sequences of a batch of tokens; each has 64. */
const TOKEN_ROWS: ReadonlyMap<WorkloadName, number> = new Map([
  ['gpt', 12],
  ['lstm', 64],
]);

const X_SHAPES: Readonly<Partial<Record<WorkloadName, readonly number[]>>> = {
  'mlp-small': [32, 100],
  'mlp-digits': [128, 784],
  lenet: [64, 1, 28, 28],
  'resnet-block': [32, 64, 16, 16],
};

/** The data of a workload: {@link BATCHES} batches, pictures as `[N, channels, height, width]`. */
export function batchesOf(name: WorkloadName): readonly Batch[] {
  const random = seededRandom(7);
  const tokenRows = TOKEN_ROWS.get(name);
  return Array.from({ length: BATCHES }, () =>
    tokenRows === undefined ? batch(name, random) : tokenBatch(tokenRows, random),
  );
}

function batch(name: WorkloadName, random: () => number): Batch {
  const xShape = X_SHAPES[name] ?? [];
  const [rows = 0] = xShape;
  const width = xShape.slice(1).reduce((a, b) => a * b, 1);
  const x = Float32Array.from({ length: rows * width }, () => random() * 2 - 1);
  if (name !== 'mlp-small')
    return { x, xShape, y: Int32Array.from({ length: rows }, () => random() * 10), yShape: [rows] };
  const y = Float32Array.from({ length: rows }, (_, row) =>
    (x[row * width] ?? 0) + (x[row * width + 1] ?? 0) > 0 ? 1 : 0,
  );
  return { x, xShape, y, yShape: [rows, 1] };
}

function tokenBatch(rows: number, random: () => number): Batch {
  const block = 64;
  const token = (position: number): number => (position * position + 3 * position) % 65;
  const starts = Array.from({ length: rows }, () => Math.floor(random() * (4096 - block - 1)));
  const at = (offset: number): Int32Array =>
    Int32Array.from({ length: rows * block }, (_, index) =>
      token((starts[Math.floor(index / block)] ?? 0) + (index % block) + offset),
    );
  return { x: at(0), xShape: [rows, block], y: at(1), yShape: [rows * block] };
}
