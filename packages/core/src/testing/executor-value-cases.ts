// Executor contract: what comes out. Dtypes, shapes, names, several outputs, state, control flow.
import type { DType, Tensor } from '../index.ts';
import {
  type ExecutorCase,
  expect,
  expectEqual,
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
  identityModel,
  layerModel,
  modelOf,
  namesModel,
  node,
  scanModel,
  squareModel,
  trainingModel,
} from './executor-models.ts';
import { tensorValueInfo } from '@amaas/learn/onnx';

const utf8 = new TextEncoder();
const halfBits = Uint16Array.of(0x3c00, 0x7e01, 0x8001, 0xfbff); // 1, a NaN with payload, the least negative, −65504

function texts(shape: readonly number[], values: readonly string[]): Tensor {
  return { dtype: 'string', shape, data: values.map((value) => utf8.encode(value)) };
}

/** Values at the edges of every dtype that ONNX Runtime's bindings carry. */
const SAMPLES: readonly Tensor[] = [
  { dtype: 'float32', shape: [4], data: Float32Array.of(-0, 1e-42, Number.NaN, -Infinity) },
  { dtype: 'float16', shape: [4], data: halfBits },
  { dtype: 'float64', shape: [4], data: Float64Array.of(-0, 1e-310, Number.NaN, -Infinity) },
  { dtype: 'int8', shape: [4], data: Int8Array.of(-128, -1, 5, 127) },
  { dtype: 'uint8', shape: [4], data: Uint8Array.of(0, 1, 200, 255) },
  { dtype: 'int16', shape: [4], data: Int16Array.of(-32768, -1, 5, 32767) },
  { dtype: 'uint16', shape: [4], data: Uint16Array.of(0, 1, 5, 65535) },
  { dtype: 'int32', shape: [4], data: Int32Array.of(-(2 ** 31), -1, 5, 2 ** 31 - 1) },
  { dtype: 'uint32', shape: [4], data: Uint32Array.of(0, 1, 5, 2 ** 32 - 1) },
  { dtype: 'int64', shape: [4], data: BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 53n + 1n, 2n ** 63n - 1n) },
  { dtype: 'uint64', shape: [4], data: BigUint64Array.of(0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n) },
  { dtype: 'bool', shape: [4], data: Uint8Array.of(1, 0, 0, 1) },
  texts([2, 3], ['', 'ärger', '\ufeffmark', '😀', 'x'.repeat(70_000), 'a\u0301']),
];

const dtypeCases: readonly ExecutorCase[] = SAMPLES.map((sample) => ({
  name: `${sample.dtype} passes bit by bit`,
  async run(executor) {
    await using(executor, identityModel(sample.dtype, sample.shape), async (run) => {
      expectTensor((await run(named(['x', sample]))).get('y'), sample, 'y');
    });
  },
}));

/** `x` through a model that declares `dims` for it. */
function passes(dtype: DType, dims: readonly (number | string | null)[] | null, x: Tensor): ExecutorCase['run'] {
  return (executor) =>
    using(executor, identityModel(dtype, dims), async (run) => {
      expectTensor((await run(named(['x', x]))).get('y'), x, 'y');
    });
}

export const VALUE_CASES: readonly ExecutorCase[] = [
  ...dtypeCases,
  { name: 'a scalar passes', run: passes('float32', [], scalar(2.5)) },
  { name: 'a dim of size zero passes', run: passes('float32', ['N', 3], floats([0, 3], [])) },
  { name: 'a string tensor of no elements passes', run: passes('string', ['N'], texts([0], [])) },
  { name: 'a tensor of undeclared rank passes', run: passes('float32', null, floats([1, 2, 1], [3, 4])) },
  {
    name: 'data may be a view into a larger buffer',
    async run(executor) {
      const whole = Float32Array.of(9, 9, 1.5, -2.5, 9);
      const view: Tensor = { dtype: 'float32', shape: [2], data: whole.subarray(2, 4) };
      await passes('float32', [2], view)(executor);
      expectEqual([...whole], [9, 9, 1.5, -2.5, 9], 'the buffer afterwards');
    },
  },
  {
    name: 'symbolic dims take any size, run by run',
    run: (executor) =>
      using(executor, layerModel(), async (run) => {
        for (const batch of [2, 1, 5, 0]) {
          // Row i is [0, 4i, 0, 0]: times [-2 0 2] quarters, then relu.
          const x = Array.from({ length: batch * 4 }, (_, index) => (index % 4 === 1 ? index - 1 : 0));
          const y = Array.from({ length: batch * 3 }, (_, index) => (index % 3 === 2 ? ((index - 2) / 3) * 2 : 0));
          expectTensor((await run(named(['x', floats([batch, 4], x)]))).get('y'), floats([batch, 3], y), `of ${batch}`);
        }
      }),
  },
  {
    name: 'a layer gives what its weights say',
    run: (executor) =>
      using(executor, layerModel(), async (run) => {
        // Rows times quarters: [1 2 3 4] → [-10 10 2]/4, [-1 0 2 5] → [1 13 -10]/4; then relu. Exact in float32.
        const outputs = await run(named(['x', floats([2, 4], [1, 2, 3, 4, -1, 0, 2, 5])]));
        expectTensor(outputs.get('y'), floats([2, 3], [0, 2.5, 0.5, 0.25, 3.25, 0]), 'y');
      }),
  },
  {
    name: 'run gives all outputs, or those asked for in the order asked for',
    run: (executor) =>
      using(executor, arithmeticModel(), async (run) => {
        const inputs = named(['a', floats([2], [5, 1.5])], ['b', floats([2], [2, -3])]);
        const all = await run(inputs);
        expectEqual([...all.keys()], ['sum', 'difference', 'product'], 'names of all');
        expectEqual(floatsOf(all, 'sum'), [7, -1.5], 'sum');
        expectEqual(floatsOf(all, 'difference'), [3, 4.5], 'difference');
        expectEqual(floatsOf(all, 'product'), [10, -4.5], 'product');
        const some = await run(inputs, ['product', 'sum']);
        expectEqual([...some.keys()], ['product', 'sum'], 'names of some');
        expectEqual(floatsOf(some, 'product'), [10, -4.5], 'product alone');
        expectEqual(floatsOf(await run(inputs), 'difference'), [3, 4.5], 'all again');
      }),
  },
  {
    name: 'inputs may be given in any order',
    run: (executor) =>
      using(executor, arithmeticModel(), async (run) => {
        const outputs = await run(named(['b', floats([2], [2, -3])], ['a', floats([2], [5, 1.5])]), ['difference']);
        expectEqual(floatsOf(outputs, 'difference'), [3, 4.5], 'difference');
      }),
  },
  {
    name: 'compile tells the names in the order of the model',
    async run(executor) {
      const compiled = await executor.compile(arithmeticModel());
      await compiled.dispose();
      expectEqual(compiled.inputNames, ['a', 'b'], 'inputs');
      expectEqual(compiled.outputNames, ['sum', 'difference', 'product'], 'outputs');
    },
  },
  {
    name: 'tensors may be called __proto__, constructor and toString',
    run: (executor) =>
      using(executor, namesModel(), async (run) => {
        const inputs = named(['__proto__', floats([2], [1, 2])], ['toString', floats([2], [10, 20])]);
        const outputs = await run(inputs);
        expectEqual([...outputs.keys()], ['constructor', 'valueOf'], 'names');
        expectEqual(floatsOf(outputs, 'constructor'), [11, 22], 'constructor');
        expectEqual(floatsOf(outputs, 'valueOf'), [-1, -2], 'valueOf');
        expectEqual([...(await run(inputs, ['constructor'])).keys()], ['constructor'], 'the one asked for');
      }),
  },
  {
    name: 'an output may be called __proto__',
    run(executor) {
      const model = modelOf({
        nodes: [node('Neg', ['x'], ['__proto__']), node('Add', ['x', 'x'], ['y'])],
        inputs: [tensorValueInfo('x', 'float32', [2])],
        outputs: [tensorValueInfo('__proto__', 'float32', [2]), tensorValueInfo('y', 'float32', [2])],
      });
      return using(executor, model, async (run) => {
        const outputs = await run(named(['x', floats([2], [1, 3])]));
        expectEqual([...outputs.keys()], ['__proto__', 'y'], 'names');
        expectEqual(floatsOf(outputs, '__proto__'), [-1, -3], '__proto__');
      });
    },
  },
  {
    name: 'outputs are the next inputs, step after step',
    run: (executor) =>
      using(executor, trainingModel(), async (run) => {
        const target = floats([2], [3, -1]);
        const rate = scalar(0.25);
        let state: readonly [Tensor, Tensor] = [floats([2], [0, 1]), floats([2], [0, 0])];
        const p = [0, 1];
        const moment = [0, 0];
        for (let step = 0; step < 12; step++) {
          const outputs = await run(named(['p', state[0]], ['moment', state[1]], ['target', target], ['rate', rate]));
          for (const [index, goal] of [3, -1].entries()) {
            const gradient = Math.fround((p[index] ?? 0) - goal);
            moment[index] = Math.fround(Math.fround((moment[index] ?? 0) / 2) + gradient);
            p[index] = Math.fround((p[index] ?? 0) - Math.fround(0.25 * (moment[index] ?? 0)));
          }
          const [nextP, nextMoment] = [outputs.get('nextP'), outputs.get('nextMoment')];
          expectTensor(nextP, floats([2], p), `p after step ${step}`);
          expectTensor(nextMoment, floats([2], moment), `moment after step ${step}`);
          if (nextP !== undefined && nextMoment !== undefined) state = [nextP, nextMoment];
        }
      }),
  },
  {
    name: 'outputs of a run stay as they are when the model runs again',
    run: (executor) =>
      using(executor, arithmeticModel(), async (run) => {
        const input = (value: number) => named(['a', floats([2], [value, 0])], ['b', floats([2], [1, 1])]);
        const first = await run(input(4));
        const second = await run(input(40));
        expectEqual(floatsOf(first, 'sum'), [5, 1], 'first');
        expectEqual(floatsOf(second, 'sum'), [41, 1], 'second');
      }),
  },
  {
    name: 'an output shares no memory with the input it repeats',
    run: (executor) =>
      using(executor, identityModel('float32', [2]), async (run) => {
        const x = floats([2], [1, 2]);
        const y = (await run(named(['x', x]))).get('y');
        if (y?.dtype === 'float32') y.data.fill(7);
        expectTensor(x, floats([2], [1, 2]), 'x');
      }),
  },
  {
    name: 'Scan carries its state over any number of rows',
    run: (executor) =>
      using(executor, scanModel(), async (run) => {
        const rows = floats([3, 2], [1, 10, 2, 20, 3, 30]);
        const outputs = await run(named(['start', floats([2], [100, 0])], ['x', rows]));
        expectTensor(outputs.get('total'), floats([2], [106, 60]), 'total');
        expectTensor(outputs.get('running'), floats([3, 2], [101, 10, 103, 30, 106, 60]), 'running');
        const one = await run(named(['start', floats([2], [1, 1])], ['x', floats([1, 2], [2, 3])]));
        expectTensor(one.get('running'), floats([1, 2], [3, 4]), 'running over one row');
      }),
  },
  {
    name: 'If takes the branch its condition says',
    run: (executor) =>
      using(executor, branchModel(), async (run) => {
        const x = floats([2], [1.5, -2]);
        const asked = (bit: number) =>
          run(named(['condition', { dtype: 'bool', shape: [], data: Uint8Array.of(bit) }], ['x', x]));
        expectEqual(floatsOf(await asked(1), 'y'), [3, -4], 'then');
        expectEqual(floatsOf(await asked(0), 'y'), [-1.5, 2], 'else');
      }),
  },
  {
    name: 'the same run gives the same bits, in this model and in another of the same bytes',
    async run(executor) {
      const size = 96;
      const values = Float32Array.from({ length: size * size }, (_, index) => Math.sin(index * index * 0.37));
      const inputs = named(['x', floats([size, size], values)]);
      const first = await using(
        executor,
        squareModel(),
        async (run) => [await run(inputs), await run(inputs)] as const,
      );
      const other = await using(executor, squareModel(), (run) => run(inputs));
      const [y, again, elsewhere] = [first[0].get('y'), first[1].get('y'), other.get('y')];
      expect(floatsOf(first[0], 'y').filter((value) => Math.abs(value) > 0.1).length > size, 'there is a result');
      if (y === undefined) return;
      expectTensor(again, y, 'the second run');
      expectTensor(elsewhere, y, 'the other model');
    },
  },
];
