// The vocabulary of the executor contract's cases. They run in Node, on pages and in workers, so that they bring their own
// checks and say what came in plain text.
import { AmaasError, type ErrorReason, type Executor, type NamedTensors, type Tensor } from '../index.ts';

/** One behaviour every executor has. */
export interface ExecutorCase {
  readonly name: string;
  /** Rejects, saying what came instead. */
  readonly run: (executor: Executor) => Promise<void>;
}

export class UnexpectedError extends Error {}

export function expect(condition: boolean, what: string): void {
  if (!condition) throw new UnexpectedError(what);
}

/** Compares by what JSON and typed arrays show; NaN equals NaN, 0 does not equal −0. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [shown(actual), shown(expected)];
  if (got !== wanted) throw new UnexpectedError(`${what}: expected ${wanted}, got ${got}`);
}

/** Same dtype, shape and bits. */
export function expectTensor(actual: Tensor | undefined, expected: Tensor, what: string): void {
  if (actual === undefined) throw new UnexpectedError(`${what}: there is no such tensor`);
  expectEqual([actual.dtype, actual.shape], [expected.dtype, expected.shape], what);
  expectEqual(elementsOf(actual), elementsOf(expected), what);
}

export async function expectRefusal(
  attempt: () => Promise<unknown>,
  reason: ErrorReason | readonly ErrorReason[],
  message: RegExp,
): Promise<void> {
  let thrown: unknown;
  try {
    await attempt();
  } catch (error) {
    thrown = error;
  }
  if (thrown === undefined) throw new UnexpectedError(`expected ${reason} (${message}), but nothing was refused`);
  if (!(thrown instanceof AmaasError)) throw new UnexpectedError(`expected ${reason} (${message}), got ${thrown}`);
  const fits = (typeof reason === 'string' ? [reason] : reason).includes(thrown.reason) && message.test(thrown.message);
  if (!fits) throw new UnexpectedError(`expected ${reason} (${message}), got ${thrown.reason}: ${thrown.message}`);
}

/** Compiles, uses and disposes of a model. */
export async function using<T>(
  executor: Executor,
  model: Uint8Array,
  use: (run: (inputs: NamedTensors, outputs?: readonly string[]) => Promise<NamedTensors>) => Promise<T>,
): Promise<T> {
  const compiled = await executor.compile(model);
  try {
    return await use((inputs, outputs) => compiled.run(inputs, outputs));
  } finally {
    await compiled.dispose();
  }
}

/** The stored values of a float32 output. */
export function floatsOf(tensors: NamedTensors, name: string): readonly number[] {
  const tensor = tensors.get(name);
  if (tensor?.dtype !== 'float32') throw new UnexpectedError(`output "${name}" is ${tensor?.dtype ?? 'missing'}`);
  return [...tensor.data];
}

export function floats(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}

/** One float32 number of no dims. */
export function scalar(value: number): Tensor {
  return floats([], [value]);
}

export function named(...entries: readonly (readonly [string, Tensor])[]): NamedTensors {
  return new Map(entries);
}

/** Strings as text, numbers as their bits. */
function elementsOf(tensor: Tensor): unknown {
  if (tensor.dtype === 'string')
    return tensor.data.map((bytes) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  const { buffer, byteOffset, byteLength } = tensor.data;
  return [...new Uint8Array(buffer, byteOffset, byteLength)];
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint' || Object.is(part, -0) || (typeof part === 'number' && !Number.isFinite(part))) {
      return Object.is(part, -0) ? '-0' : String(part);
    }
    return part;
  });
}
