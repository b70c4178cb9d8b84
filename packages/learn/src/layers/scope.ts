// What a layer is given while it builds its part of a graph: where parameters, running statistics and random numbers come
// from. Applying a network to values and a fresh scope IS building it; nothing is kept in the layers themselves.
// Idea: the transformed functions of Haiku and Flax.
import { AmaasError, formatShape } from '@amaas/core';
import { input, type Shape, sameShape, staticShape, type Value } from '../graph/index.ts';
import type { Initializer } from './initializers.ts';
import type { Regularizer } from './regularizers.ts';

export interface ParameterOptions {
  readonly initializer: Initializer;
  /** Whether decoupled weight decay applies; layers say no for biases and the scales of normalisation. Default true. */
  readonly decays?: boolean;
  readonly regularizer?: Regularizer | undefined;
  /** False: initialised and exported like a parameter, but left as it is. Default true. */
  readonly trainable?: boolean;
}

/** A tensor that training changes. */
export interface Parameter {
  /** Path of layer names and the parameter's own, as weights are stored: `1.dense/kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly value: Value;
  readonly initializer: Initializer;
  readonly decays: boolean;
  readonly regularizer: Regularizer | undefined;
  readonly trainable: boolean;
}

/** A tensor that a forward pass in training updates without derivatives: running means and variances. */
export interface Statistic {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: number;
  readonly value: Value;
  /** The value after this step; null when the pass did not update it. */
  readonly updated: Value | null;
}

/** Uniform numbers in [0, 1) that whoever runs the graph feeds, new for every step. */
export interface RandomInput {
  readonly name: string;
  readonly value: Value;
}

export interface Scope {
  /** Whether the pass is one of training: dropout drops, batch normalisation uses the batch. */
  readonly training: boolean;
  /**
   * A parameter of this layer; asked again, the same one comes back (weights are shared).
   * @throws INVALID_GRAPH when it comes back with another shape
   */
  parameter(name: string, shape: Shape, options: ParameterOptions): Value;
  /** A running statistic, all elements `initial` at first. */
  statistic(name: string, shape: Shape, initial: number): Value;
  updateStatistic(name: string, value: Value): void;
  /** Uniform float32 numbers in [0, 1), drawn anew for every step. */
  uniform(shape: Shape): Value;
  /** Adds a scalar to the loss. */
  penalize(term: Value): void;
  /** The scope of a layer inside this one. */
  inside(name: string): Scope;
}

/** What building a network left behind. */
export interface BuildRecord {
  readonly parameters: readonly Parameter[];
  readonly statistics: readonly Statistic[];
  readonly randomInputs: readonly RandomInput[];
  readonly penalties: readonly Value[];
}

/** A scope at the root of a network, and what was asked of it. */
export function createScope(training: boolean): { readonly scope: Scope; record(): BuildRecord } {
  const book = new Book();
  return { scope: new PathScope(book, '', training), record: () => book.record() };
}

class Book {
  readonly parameters = new Map<string, Parameter>();
  readonly statistics = new Map<string, Statistic>();
  readonly randomInputs: RandomInput[] = [];
  readonly penalties: Value[] = [];

  record(): BuildRecord {
    return {
      parameters: [...this.parameters.values()],
      statistics: [...this.statistics.values()],
      randomInputs: this.randomInputs,
      penalties: this.penalties,
    };
  }
}

class PathScope implements Scope {
  readonly training: boolean;
  readonly #book: Book;
  readonly #path: string;

  constructor(book: Book, path: string, training: boolean) {
    this.#book = book;
    this.#path = path;
    this.training = training;
  }

  parameter(name: string, shape: Shape, options: ParameterOptions): Value {
    const path = this.#pathOf(name);
    const sizes = staticShape(shape, path);
    const known = this.#book.parameters.get(path);
    if (known !== undefined) {
      if (!sameShape(known.shape, sizes)) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${path}: is used with shape ${formatShape(sizes)} after ${formatShape(known.shape)}`,
        );
      }
      return known.value;
    }
    const value = input(path, 'float32', sizes);
    this.#book.parameters.set(path, {
      name: path,
      shape: sizes,
      value,
      initializer: options.initializer,
      decays: options.decays ?? true,
      regularizer: options.regularizer,
      trainable: options.trainable ?? true,
    });
    return value;
  }

  statistic(name: string, shape: Shape, initial: number): Value {
    const path = this.#pathOf(name);
    const known = this.#book.statistics.get(path);
    if (known !== undefined) return known.updated ?? known.value;
    const sizes = staticShape(shape, path);
    const value = input(path, 'float32', sizes);
    this.#book.statistics.set(path, { name: path, shape: sizes, initial, value, updated: null });
    return value;
  }

  updateStatistic(name: string, value: Value): void {
    const path = this.#pathOf(name);
    const known = this.#book.statistics.get(path);
    if (known === undefined) throw new AmaasError('INVALID_GRAPH', `${path}: is updated before it is asked for`);
    this.#book.statistics.set(path, { ...known, updated: value });
  }

  uniform(shape: Shape): Value {
    const name = `random.${this.#book.randomInputs.length}`;
    const value = input(name, 'float32', staticShape(shape, `${this.#path}: random numbers`));
    this.#book.randomInputs.push({ name, value });
    return value;
  }

  penalize(term: Value): void {
    this.#book.penalties.push(term);
  }

  inside(name: string): Scope {
    return new PathScope(this.#book, this.#path === '' ? name : `${this.#path}.${name}`, this.training);
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}/${name}`;
  }
}
