// Fine-tuning by a few numbers more: kernels stay as they are, and beside each two thin ones are trained, whose product is
// added to it. Added to the kernel and not to its result: the same sum, no layer has to know of it, and what is trained is
// what is merged. A step's gradients cost what they cost when all is trained; the optimiser's states do not.
// Sources: Hu et al. 2022 (LoRA); Lin et al. 2024, "LoRA Dropout as a Sparsity Regularizer" (whole inputs are dropped).
import { AmaasError, createTensor, type TensorOf } from '@amaas/core';
import { add, cast, concat, greaterOrEqual, matMul, mul, type Shape, split, type Value } from '../graph/index.ts';
import {
  asNetwork,
  assertCount,
  constantInitializer,
  type LlamaOptions,
  llama,
  type Network,
  type ParameterOptions,
  type Scope,
  uniformInitializer,
} from '../layers/index.ts';
import type { Weights } from '../train/index.ts';
import { LLAMA_KERNELS, type LlamaKernel, type LlamaModel, type LlamaPart, llamaParts } from './llama-weights.ts';

export interface LoraOptions {
  /** Columns of the first thin kernel, rows of the second; ≥ 1. Default 8. */
  readonly rank?: number;
  /** Their product counts alpha / rank times; default twice the rank. */
  readonly alpha?: number;
  /** Share of a kernel's inputs that its thin ones do not see, drawn anew for every step; default 0. */
  readonly dropout?: number;
  /** Default all seven. */
  readonly targets?: readonly LlamaKernel[];
}

/** A Llama with thin kernels: its weights are those of `llama(options)` and those that `loraNetwork` adds. */
export interface LoraModel extends LlamaModel {
  readonly lora: LoraOptions;
}

/** The options with their defaults. @throws INVALID_ARGUMENT */
export function completeLora(lora: LoraOptions): Required<LoraOptions> {
  const { rank = 8, dropout = 0, targets = LLAMA_KERNELS } = lora;
  const { alpha = 2 * rank } = lora;
  assertCount('lora: rank', rank);
  if (!(alpha > 0 && Number.isFinite(alpha))) {
    throw new AmaasError('INVALID_ARGUMENT', `lora: alpha must be above 0, got ${alpha}`);
  }
  if (!(dropout >= 0 && dropout < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `lora: dropout must be in [0, 1), got ${dropout}`);
  }
  const unknown = targets.find((target, index) => !LLAMA_KERNELS.includes(target) || targets.indexOf(target) !== index);
  if (unknown !== undefined || targets.length === 0) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `lora: targets must be some of ${LLAMA_KERNELS.join(', ')}, each once, got ${targets.join(', ') || 'none'}`,
    );
  }
  return { rank, alpha, dropout, targets };
}

/** A kernel that thin ones belong to, and their parameters' names: `a` [in, rank], `b` [rank, out]. */
export interface LoraPart extends LlamaPart {
  readonly kernel: LlamaKernel;
  readonly a: string;
  readonly b: string;
}

export function loraParts(options: LlamaOptions, targets: readonly LlamaKernel[]): readonly LoraPart[] {
  return llamaParts(options).flatMap((part) => {
    const { kernel, parameter } = part;
    if (kernel === null || !targets.includes(kernel)) return [];
    const path = parameter.slice(0, parameter.lastIndexOf('/'));
    return [{ ...part, kernel, a: `${path}/lora.${kernel}.a`, b: `${path}/lora.${kernel}.b` }];
  });
}

/**
 * `llama(options)` of which only the thin kernels are trained. They add nothing before training: `b` begins as zeros.
 * @example
 * const { model } = await fit(loraNetwork(base.options, lora), examples, { initialWeights: base.weights, … });
 * mergeLora({ options: base.options, lora, weights: model.weights });
 * @throws INVALID_ARGUMENT
 */
export function loraNetwork(options: LlamaOptions, lora: LoraOptions = {}): Network {
  const complete = completeLora(lora);
  const byParameter = new Map<string, LoraPart[]>();
  for (const part of loraParts(options, complete.targets)) {
    byParameter.set(part.parameter, [...(byParameter.get(part.parameter) ?? []), part]);
  }
  const network = asNetwork(llama(options));
  return {
    inputNames: network.inputNames,
    build: (inputs, scope) => network.build(inputs, new LoraScope(scope, '', { byParameter, ...complete })),
  };
}

interface Adapting extends Required<LoraOptions> {
  readonly byParameter: ReadonlyMap<string, readonly LoraPart[]>;
}

/** Gives layers kernels with thin ones added where they ask for kernels. */
class LoraScope implements Scope {
  readonly #scope: Scope;
  readonly #path: string;
  readonly #adapting: Adapting;

  constructor(scope: Scope, path: string, adapting: Adapting) {
    this.#scope = scope;
    this.#path = path;
    this.#adapting = adapting;
  }

  get training(): boolean {
    return this.#scope.training;
  }

  parameter(name: string, shape: Shape, options: ParameterOptions): Value {
    const kernel = this.#scope.parameter(name, shape, { ...options, trainable: false });
    const parts = this.#adapting.byParameter.get(this.#path === '' ? name : `${this.#path}/${name}`);
    return parts === undefined ? kernel : this.#adapt(kernel, parts);
  }

  statistic(name: string, shape: Shape, initial: number): Value {
    return this.#scope.statistic(name, shape, initial);
  }

  updateStatistic(name: string, value: Value): void {
    this.#scope.updateStatistic(name, value);
  }

  uniform(shape: Shape): Value {
    return this.#scope.uniform(shape);
  }

  penalize(term: Value): void {
    this.#scope.penalize(term);
  }

  inside(name: string): Scope {
    return new LoraScope(this.#scope.inside(name), this.#path === '' ? name : `${this.#path}.${name}`, this.#adapting);
  }

  /** @param parts - of one kernel, whose columns they are in order, perhaps with others between */
  #adapt(kernel: Value, parts: readonly LoraPart[]): Value {
    const [, columns = 0] = parts[0]?.parameterShape ?? [];
    const cuts = parts.flatMap(({ firstColumn, shape: [rows = 0] }) => [firstColumn ?? 0, (firstColumn ?? 0) + rows]);
    const edges = [...new Set([0, ...cuts, columns])];
    const sizes = edges.slice(1).map((edge, index) => edge - (edges[index] ?? 0));
    const stretches = sizes.length === 1 ? [kernel] : split(kernel, 1, sizes);
    const adapted = stretches.map((stretch, index) => {
      const part = parts.find(({ firstColumn }) => firstColumn === edges[index]);
      return part === undefined ? stretch : add(stretch, this.#product(part));
    });
    const [only = kernel, ...more] = adapted;
    return more.length === 0 ? only : concat(adapted, 1);
  }

  /** alpha / rank · a · b */
  #product({ a, b, shape }: LoraPart): Value {
    const { rank, alpha, dropout } = this.#adapting;
    const [rows = 0, columns = 0] = shape;
    const own = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
    const bound = 1 / Math.sqrt(columns);
    const first = this.#scope.parameter(own(a), [columns, rank], { initializer: uniformInitializer(-bound, bound) });
    const second = this.#scope.parameter(own(b), [rank, rows], { initializer: constantInitializer(0) });
    return matMul(mul(first, this.#scale(columns, alpha / rank, dropout)), second);
  }

  #scale(inputs: number, factor: number, dropout: number): Value | number {
    if (!this.training || dropout === 0) return factor;
    const kept = cast(greaterOrEqual(this.#scope.uniform([inputs, 1]), dropout), 'float32');
    return mul(kept, factor / (1 - dropout));
  }
}

/**
 * The Llama whose kernels are those with the thin ones added.
 * @throws INVALID_CHECKPOINT when weights are missing or have other shapes
 */
export function mergeLora({ options, lora, weights }: LoraModel): LlamaModel {
  const { rank, alpha, targets } = completeLora(lora);
  const merged = new Map<string, TensorOf<'float32'>>();
  for (const { parameter } of llamaParts(options)) {
    const weight = weights.get(parameter);
    if (weight !== undefined) merged.set(parameter, weight);
  }
  const copied = new Set<string>();
  for (const part of loraParts(options, targets)) {
    const { parameter, parameterShape, firstColumn, shape } = part;
    const [rows = 0, columns = 0] = shape;
    const [first, second] = takeLora(weights, part, rank);
    const base = merged.get(parameter);
    if (base === undefined || base.shape.join() !== parameterShape.join()) {
      throw new AmaasError('INVALID_CHECKPOINT', `lora: ${parameter} expects [${parameterShape}], got ${base?.shape}`);
    }
    const kernel = copied.has(parameter) ? base : createTensor('float32', parameterShape, base.data.slice());
    copied.add(parameter);
    merged.set(parameter, kernel);
    const stride = parameterShape[1] ?? 0;
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) {
        let sum = 0;
        for (let k = 0; k < rank; k++) sum += (first[column * rank + k] ?? 0) * (second[k * rows + row] ?? 0);
        const at = column * stride + (firstColumn ?? 0) + row;
        kernel.data[at] = (kernel.data[at] ?? 0) + (alpha / rank) * sum;
      }
    }
  }
  return { options, weights: merged };
}

/** The thin kernels `a` [in, rank] and `b` [rank, out]. @throws INVALID_CHECKPOINT */
export function takeLora(
  weights: Weights,
  { a, b, shape: [rows = 0, columns = 0] }: LoraPart,
  rank: number,
): readonly [Float32Array, Float32Array] {
  const take = (name: string, shape: readonly number[]): Float32Array => {
    const weight = weights.get(name);
    if (weight?.shape.join() === shape.join()) return weight.data;
    const came = weight === undefined ? 'nothing' : `[${weight.shape}]`;
    throw new AmaasError('INVALID_CHECKPOINT', `lora: ${name} expects [${shape}], got ${came}`);
  };
  return [take(a, [columns, rank]), take(b, [rank, rows])];
}
