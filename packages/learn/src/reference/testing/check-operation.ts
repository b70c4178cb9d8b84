// One table row per operation: its value is held against ONNX Runtime, its derivatives against finite differences.
import assert from 'node:assert/strict';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import type { DType, Executor } from '@amaas/core';
import { compileToOnnx, fromOnnx } from '../../compile/index.ts';
import { input, isFloat, type Value, verifyGraph } from '../../graph/index.ts';
import { readModel } from '../../onnx/index.ts';
import { createRandom } from '../../statistics/index.ts';
import { evaluate, isText, type NumericArray, numbersOf, type ReferenceArray, tensorFromArray } from '../index.ts';
import { arrayFromTensor } from '../array.ts';
import { checkGradient } from './check-gradient.ts';

export interface OperationCase {
  readonly shapes: readonly (readonly number[])[];
  readonly build: (...inputs: Value[]) => Value;
  /** Dtypes of the inputs; default float. Inputs that are not float take part in no derivative. */
  readonly dtypes?: readonly DType[];
  /** Values of some inputs; needed for those that are not float. */
  readonly values?: readonly (readonly number[] | null)[];
  readonly transform?: (value: number, inputIndex: number) => number;
  /** Why there is no derivative to check. */
  readonly noGradient?: string;
  /** Why ONNX Runtime cannot be asked. */
  readonly noRuntime?: string;
  /** Why ONNX cannot be read back. */
  readonly noImport?: string;
  readonly gradientTolerance?: number;
  /** Largest |difference| / max(1, |reference|) of float32 against float64; default 1e-5. */
  readonly tolerance?: number;
}

let executor: Promise<Executor> | undefined;

/** The runtime the values are held against; made once per test process. */
export function ortExecutor(): Promise<Executor> {
  executor ??= createOrtNodeExecutor({ threads: 1 });
  return executor;
}

/** Checks value and derivatives. */
export async function checkOperation(operation: OperationCase): Promise<void> {
  if (operation.noRuntime === undefined) await checkForward(operation);
  if (operation.noGradient !== undefined) return;
  const floats = operation.shapes.flatMap((_, index) => (isFloatInput(operation, index) ? [index] : []));
  checkGradient({
    shapes: floats.map((index) => operation.shapes[index] ?? []),
    values: floats.map((index) => operation.values?.[index] ?? null),
    transform: (value, index) => operation.transform?.(value, floats[index] ?? 0) ?? value,
    tolerance: operation.gradientTolerance ?? 1e-6,
    build: (...given) => {
      let next = 0;
      const sources = operation.shapes.map((shape, index) => {
        if (!isFloatInput(operation, index)) return fixed(operation, index, shape);
        return given[next++] ?? assert.fail();
      });
      return operation.build(...sources);
    },
  });
}

async function checkForward(operation: OperationCase): Promise<void> {
  const random = createRandom('forward');
  const sources = operation.shapes.map((shape, index) =>
    input(`x${index}`, operation.dtypes?.[index] ?? 'float32', shape),
  );
  const result = operation.build(...sources);
  verifyGraph([result]);
  const arrays = operation.shapes.map((shape, index): NumericArray => {
    const count = shape.reduce((total, size) => total * size, 1);
    const drawn = (): number => {
      const value = random.normal();
      return Math.fround(operation.transform?.(value, index) ?? value);
    };
    const data = operation.values?.[index] ?? Array.from({ length: count }, drawn);
    return { dtype: operation.dtypes?.[index] ?? 'float32', shape, data: Float64Array.from(data) };
  });
  const [expected] = evaluate(
    [result],
    new Map(sources.map((source, index) => [source, arrays[index] ?? assert.fail()])),
  );
  const runtime = await ortExecutor();
  const model = compileToOnnx(new Map([['y', result]]), { inputs: sources });
  if (operation.noImport === undefined) checkReturn(model, arrays, expected ?? assert.fail());
  const compiled = await runtime.compile(model);
  try {
    const outputs = await compiled.run(new Map(arrays.map((array, index) => [`x${index}`, tensorFromArray(array)])));
    const y = outputs.get('y') ?? assert.fail('no output');
    assertClose(arrayFromTensor(y), expected ?? assert.fail(), operation.tolerance ?? 1e-5);
    // What inference promised is what came.
    assert.equal(y.dtype, result.dtype);
    assert.deepEqual(y.shape, result.shape);
  } finally {
    await compiled.dispose();
  }
}

/** What was written as ONNX and read again computes the same. */
function checkReturn(model: Uint8Array, arrays: readonly NumericArray[], expected: ReferenceArray): void {
  const { inputs, outputs } = fromOnnx(readModel(model));
  const y = outputs.get('y') ?? assert.fail('no output');
  verifyGraph([y]);
  const feeds = new Map(inputs.map((value, index) => [value, arrays[index] ?? assert.fail()]));
  const [found] = evaluate([y], feeds);
  // Numbers in attributes were rounded to float32.
  assertClose(found ?? assert.fail(), expected, 1e-6);
  assert.equal(found?.dtype, expected.dtype);
}

/** Same shape, and equal text or numbers within a relative tolerance. */
export function assertClose(actual: ReferenceArray, expected: ReferenceArray, tolerance: number): void {
  assert.deepEqual(actual.shape, expected.shape);
  if (isText(expected)) {
    assert.deepEqual(isText(actual) && actual.texts, expected.texts);
    return;
  }
  const { data } = numbersOf(actual);
  for (const [index, wanted] of expected.data.entries()) {
    const found = data[index] ?? Number.NaN;
    const close = Object.is(found, wanted) || Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    assert(close || found === wanted, `element ${index}: got ${found}, expected ${wanted}`);
  }
}

function isFloatInput(operation: OperationCase, index: number): boolean {
  return isFloat(operation.dtypes?.[index] ?? 'float32');
}

function fixed(operation: OperationCase, index: number, shape: readonly number[]): Value {
  const values = operation.values?.[index] ?? assert.fail(`input ${index} needs values`);
  const { dtypes } = operation;
  const tensor = tensorFromArray({ dtype: dtypes?.[index] ?? 'int64', shape, data: Float64Array.from(values) });
  return { dtype: tensor.dtype, shape, origin: { kind: 'constant', tensor } };
}
