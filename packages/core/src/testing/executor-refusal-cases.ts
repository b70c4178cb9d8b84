// Executor contract: what is refused, in which words, and that the model serves on afterwards.
import { tensorValueInfo } from '@amaas/learn/onnx';
import type { ErrorReason, NamedTensors, Tensor } from '../index.ts';
import {
  type ExecutorCase,
  expectEqual,
  expectRefusal,
  expectTensor,
  floats,
  floatsOf,
  named,
  scalar,
  using,
} from './executor-case.ts';
import {
  arithmeticModel,
  branchModel,
  externalModel,
  identityModel,
  layerModel,
  lookUpModel,
  modelOf,
  node,
  sequenceModel,
} from './executor-models.ts';

/** A model file that compile refuses with INVALID_MODEL. */
function brokenFile(what: string, makeBytes: () => Uint8Array, message: RegExp): ExecutorCase {
  return {
    name: `compile refuses ${what}`,
    run: (executor) => expectRefusal(() => executor.compile(makeBytes()), 'INVALID_MODEL', message),
  };
}

/** Inputs that layerModel (`x float32 [N,4]`) does not take; it then still runs. */
function wrongInputs(what: string, inputs: NamedTensors, expected: readonly [ErrorReason, RegExp]): ExecutorCase {
  return {
    name: `run refuses ${what}, and serves on`,
    run: (executor) =>
      using(executor, layerModel(), async (run) => {
        await expectRefusal(() => run(inputs), ...expected);
        const outputs = await run(named(['x', floats([1, 4], [1, 2, 3, 4])]));
        expectEqual(floatsOf(outputs, 'y'), [0, 2.5, 0.5], 'y afterwards');
      }),
  };
}

const four = floats([1, 4], [1, 2, 3, 4]);
/** A tensor that breaks the promises of its type, as callers without types may. */
const lying = (tensor: unknown): Tensor => tensor as Tensor; // that is the point

export const REFUSAL_CASES: readonly ExecutorCase[] = [
  brokenFile('no bytes at all', () => new Uint8Array(0), /^compile: ./),
  brokenFile('bytes that are no model', () => new TextEncoder().encode('hello, this is text'), /^compile: ./),
  brokenFile('a model cut short', () => layerModel().subarray(0, layerModel().length - 20), /^compile: ./),
  brokenFile(
    'an operator that does not exist',
    () =>
      modelOf({
        nodes: [node('NoSuchOperator', ['x'], ['y'])],
        inputs: [tensorValueInfo('x', 'float32', [1])],
        outputs: [tensorValueInfo('y', 'float32', [1])],
      }),
    /NoSuchOperator/,
  ),
  brokenFile(
    'a node that reads what nothing gives',
    () =>
      modelOf({
        nodes: [node('Neg', ['nowhere'], ['y'])],
        inputs: [tensorValueInfo('x', 'float32', [1])],
        outputs: [tensorValueInfo('y', 'float32', [1])],
      }),
    /nowhere/,
  ),
  brokenFile('weights in another file', () => externalModel('package.json'), /^compile: ./),
  {
    name: 'compile refuses outputs that are no tensors',
    run: (executor) =>
      expectRefusal(
        () => executor.compile(sequenceModel()),
        ['UNSUPPORTED_TENSOR', 'INVALID_MODEL'],
        /^compile: .*"y"/,
      ),
  },
  {
    name: 'a dtype beyond those every runtime carries passes bit by bit, or compile refuses it',
    async run(executor) {
      const x: Tensor = { dtype: 'bfloat16', shape: [2], data: Uint16Array.of(0x3f80, 0xc040) };
      const model = identityModel('bfloat16', [2]);
      try {
        await using(executor, model, async (run) => expectTensor((await run(named(['x', x]))).get('y'), x, 'y'));
      } catch {
        await expectRefusal(() => executor.compile(model), ['UNSUPPORTED_TENSOR', 'INVALID_MODEL'], /^compile: ./);
      }
    },
  },
  {
    name: 'compile refuses a thread count that is none',
    async run(executor) {
      for (const threads of [0, -1, 1.5, Number.NaN]) {
        await expectRefusal(
          () => executor.compile(layerModel(), { threads }),
          'INVALID_CONFIG',
          /threads .*whole number ≥ 1, got/,
        );
      }
    },
  },
  wrongInputs('a missing input', new Map(), ['INPUT_MISMATCH', /input "x", float32 \[N,4\], is missing/]),
  wrongInputs('an unknown input', named(['x', four], ['z', scalar(1)]), [
    'INPUT_MISMATCH',
    /no input "z"; the inputs are "x"/,
  ]),
  wrongInputs('another dtype', named(['x', { dtype: 'float64', shape: [1, 4], data: new Float64Array(4) }]), [
    'INPUT_MISMATCH',
    /"x" expects float32 \[N,4\], got float64 \[1,4\]/,
  ]),
  wrongInputs('another rank', named(['x', floats([4], [1, 2, 3, 4])]), [
    'INPUT_MISMATCH',
    /"x" expects float32 \[N,4\], got float32 \[4\]/,
  ]),
  wrongInputs('another dim', named(['x', floats([1, 5], [1, 2, 3, 4, 5])]), [
    'INPUT_MISMATCH',
    /"x" expects float32 \[N,4\], got float32 \[1,5\]/,
  ]),
  wrongInputs('less data than the shape says', named(['x', floats([2, 4], [1, 2, 3, 4])]), [
    'INVALID_SHAPE',
    /"x".*float32 \[2,4\] needs 8 stored values, got 4/,
  ]),
  wrongInputs('more data than the shape says', named(['x', floats([1, 4], [1, 2, 3, 4, 5])]), [
    'INVALID_SHAPE',
    /"x".*float32 \[1,4\] needs 4 stored values, got 5/,
  ]),
  wrongInputs('a negative dim', named(['x', floats([-1, 4], [1, 2, 3, 4])]), ['INVALID_SHAPE', /\[-1,4\]/]),
  wrongInputs('a dim that is not whole', named(['x', floats([0.5, 4], [1, 2])]), ['INVALID_SHAPE', /\[0.5,4\]/]),
  wrongInputs(
    'another kind of array than the dtype has',
    named(['x', lying({ dtype: 'float32', shape: [1, 4], data: new Float64Array(4) })]),
    ['INPUT_MISMATCH', /"x".*typed array that holds float32/],
  ),
  wrongInputs('a plain array', named(['x', lying({ dtype: 'float32', shape: [1, 4], data: [1, 2, 3, 4] })]), [
    'INPUT_MISMATCH',
    /"x".*typed array that holds float32/,
  ]),
  {
    name: 'run refuses bytes that are no booleans',
    run: (executor) =>
      using(executor, branchModel(), async (run) => {
        const condition: Tensor = { dtype: 'bool', shape: [], data: Uint8Array.of(7) };
        await expectRefusal(
          () => run(named(['condition', condition], ['x', floats([2], [1, 2])])),
          'INVALID_ARGUMENT',
          /"condition".*0 or 1, got 7 at 0/,
        );
      }),
  },
  {
    name: 'run refuses strings that the runtime would change',
    run: (executor) =>
      using(executor, identityModel('string', ['N']), async (run) => {
        // A NUL, and two halves of one character: valid only when looked at together.
        for (const elements of [[Uint8Array.of(97, 0, 98)], [Uint8Array.of(0xc3), Uint8Array.of(0xa4)]]) {
          const x: Tensor = { dtype: 'string', shape: [elements.length], data: elements };
          await expectRefusal(() => run(named(['x', x])), 'UNSUPPORTED_TENSOR', /input "x"/);
        }
      }),
  },
  {
    name: 'run refuses outputs that the model does not have',
    run: (executor) =>
      using(executor, arithmeticModel(), async (run) => {
        const inputs = named(['a', floats([2], [5, 1.5])], ['b', floats([2], [2, -3])]);
        for (const name of ['quotient', 'toString', 'a']) {
          await expectRefusal(
            () => run(inputs, ['sum', name]),
            'UNKNOWN_OUTPUT',
            new RegExp(`no output "${name}"; the outputs are "sum", "difference", "product"`),
          );
        }
      }),
  },
  {
    name: 'run fails with RUN_FAILED where an operator does, and serves on',
    run: (executor) =>
      using(executor, lookUpModel(), async (run) => {
        const row = (index: bigint) => named(['index', { dtype: 'int64', shape: [1], data: BigInt64Array.of(index) }]);
        await expectRefusal(() => run(row(3n)), 'RUN_FAILED', /^run: .*(ind|3)/);
        expectEqual(floatsOf(await run(row(2n)), 'y'), [5, 6], 'y afterwards');
      }),
  },
];
