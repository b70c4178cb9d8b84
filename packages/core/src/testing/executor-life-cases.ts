// Executor contract: how compiled models live and end. Overlapping runs, disposal, many models.
import type { Tensor } from '../index.ts';
import { type ExecutorCase, expectEqual, expectRefusal, floats, floatsOf, named, using } from './executor-case.ts';
import { arithmeticModel, layerModel, squareModel, storedModel } from './executor-models.ts';

const rowOf = (value: number): Tensor => floats([1, 4], [0, value, 0, 0]);

export const LIFE_CASES: readonly ExecutorCase[] = [
  {
    name: 'runs that overlap each get their own answer',
    run: (executor) =>
      using(executor, layerModel(), async (run) => {
        const answers = await Promise.all(
          Array.from({ length: 40 }, async (_, index) => floatsOf(await run(named(['x', rowOf(index)])), 'y')[2]),
        );
        expectEqual(
          answers,
          Array.from({ length: 40 }, (_, index) => index / 2),
          'answers',
        );
      }),
  },
  {
    name: 'a run that is refused does not keep those behind it waiting',
    run: (executor) =>
      using(executor, layerModel(), async (run) => {
        const outcomes = await Promise.allSettled([
          run(named(['x', rowOf(2)])),
          run(new Map()),
          run(named(['x', rowOf(4)])),
        ]);
        expectEqual(
          outcomes.map((outcome) => outcome.status),
          ['fulfilled', 'rejected', 'fulfilled'],
          'outcomes',
        );
      }),
  },
  {
    name: 'models run side by side without mixing',
    async run(executor) {
      const [layer, arithmetic] = [await executor.compile(layerModel()), await executor.compile(arithmeticModel())];
      const [first, second] = await Promise.all([
        layer.run(named(['x', rowOf(6)])),
        arithmetic.run(named(['a', floats([2], [1, 2])], ['b', floats([2], [3, 4])])),
      ]);
      await layer.dispose();
      expectEqual(floatsOf(first, 'y'), [0, 0, 3], 'the layer');
      expectEqual(floatsOf(second, 'product'), [3, 8], 'arithmetic');
      const third = await arithmetic.run(named(['a', floats([2], [5, 6])], ['b', floats([2], [3, 4])]), ['sum']);
      expectEqual(floatsOf(third, 'sum'), [8, 10], 'arithmetic after the other is gone');
      await arithmetic.dispose();
    },
  },
  {
    name: 'dispose lets the runs asked for finish, refuses new ones and may be called twice',
    async run(executor) {
      const compiled = await executor.compile(layerModel());
      const running = [compiled.run(named(['x', rowOf(6)])), compiled.run(named(['x', rowOf(8)]))] as const;
      const disposing = compiled.dispose();
      await expectRefusal(() => compiled.run(named(['x', rowOf(1)])), 'MODEL_NOT_READY', /disposed/);
      expectEqual(floatsOf(await running[0], 'y'), [0, 0, 3], 'the first run');
      expectEqual(floatsOf(await running[1], 'y'), [0, 0, 4], 'the second run');
      await Promise.all([disposing, compiled.dispose()]);
      await compiled.dispose();
      await expectRefusal(() => compiled.run(named(['x', rowOf(1)])), 'MODEL_NOT_READY', /disposed/);
    },
  },
  {
    name: 'compile keeps no reference to the bytes it was given',
    async run(executor) {
      const bytes = layerModel();
      const compiled = await executor.compile(bytes);
      bytes.fill(0);
      const outputs = await compiled.run(named(['x', rowOf(6)]));
      await compiled.dispose();
      expectEqual(floatsOf(outputs, 'y'), [0, 0, 3], 'y');
    },
  },
  {
    name: 'a model may be a view into a larger buffer',
    async run(executor) {
      const bytes = layerModel();
      const larger = new Uint8Array(bytes.length + 33);
      larger.set(bytes, 17);
      await using(executor, larger.subarray(17, 17 + bytes.length), async (run) => {
        expectEqual(floatsOf(await run(named(['x', rowOf(6)])), 'y'), [0, 0, 3], 'y');
      });
    },
  },
  {
    name: 'results with one thread and with two are as near as rounding allows',
    async run(executor) {
      const values = Float32Array.from({ length: 64 * 64 }, (_, index) => Math.cos(index * 0.61) / 4);
      const inputs = named(['x', floats([64, 64], values)]);
      const results: (readonly number[])[] = [];
      for (const threads of [1, 2]) {
        const compiled = await executor.compile(squareModel(), { threads });
        results.push(floatsOf(await compiled.run(inputs), 'y'));
        await compiled.dispose();
      }
      const [one = [], two = []] = results;
      const worst = one.reduce((most, value, index) => Math.max(most, Math.abs(value - (two[index] ?? Number.NaN))), 0);
      expectEqual(worst < 1e-5, true, `differ by ${worst}`);
    },
  },
  {
    name: 'many models come and go',
    async run(executor) {
      const weights = floats([2 ** 18], new Float32Array(2 ** 18).fill(0.25)); // 1 MiB
      const model = storedModel(weights);
      const x = floats([2 ** 18], new Float32Array(2 ** 18).fill(2));
      for (let round = 0; round < 50; round++) {
        const y = await using(executor, model, async (run) => floatsOf(await run(named(['x', x])), 'y'));
        expectEqual([y.length, y[0], y.at(-1)], [2 ** 18, 2.25, 2.25], `round ${round}`);
      }
    },
  },
];
