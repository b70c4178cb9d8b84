// What every isolation of the engine has in common, as one suite: same results, same refusals, same manners.
// Time limits, crashes and stuck runs differ by isolation and have suites of their own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  DTYPES,
  type Engine,
  type Isolation,
  type LoadedModel,
  type LoadOptions,
  type ModelSource,
  type Tensor,
} from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { createOrtEngine } from './engine.ts';
import { MNIST_FILES, readMnistTestImages } from './testing/mnist.ts';
import { defaultInputModel, identityModel, layerModel, ModelFolder, namesModel, sourceOf } from './testing/models.ts';
import {
  externalInitializer,
  model,
  type OnnxShape,
  type OnnxType,
  sequenceInfo,
  tensorInfo,
} from './testing/onnx-writer.ts';
import { failsWith, floats, longs, named, texts, valuesOf } from './testing/tensors.ts';

/** Declares the suite; call it from a test file. */
export function describeEngineContract(isolation: Isolation): void {
  describe(`engine contract, isolation ${isolation}`, () => {
    let engine: Engine;
    let folder: ModelFolder;
    before(() => {
      engine = createOrtEngine();
      folder = new ModelFolder();
    });
    after(async () => {
      await engine.dispose();
      folder[Symbol.dispose]();
    });

    const load = (source: ModelSource, options: Partial<LoadOptions> = {}): Promise<LoadedModel> =>
      engine.load(source, { isolation, instances: 1, resources: {}, maxRunMs: 60_000, ...options });

    /** Loads, uses and disposes a model. */
    async function using<T>(source: ModelSource, use: (model: LoadedModel) => Promise<T>): Promise<T> {
      const loaded = await load(source);
      try {
        return await use(loaded);
      } finally {
        await loaded.dispose();
      }
    }

    async function identity(type: OnnxType, shape: OnnxShape, tensor: Tensor): Promise<Tensor> {
      const source = folder.add(`identity-${type}`, identityModel(type, shape));
      return await using(source, async (loaded) => {
        const { outputs } = await loaded.run(named({ x: tensor }));
        const output = outputs.get('y');
        assert.ok(output !== undefined);
        return output;
      });
    }

    test('load tells names, dtypes and dims with their symbols', async () => {
      const source = folder.add('identity', identityModel('float32', ['batch', null, 3]));
      await using(source, async (loaded) => {
        assert.deepEqual(loaded.inputs, [{ name: 'x', dtype: 'float32', shape: ['batch', null, 3] }]);
        assert.deepEqual(loaded.outputs, [{ name: 'y', dtype: 'float32', shape: ['batch', null, 3] }]);
        assert.equal(loaded.isolation, isolation);
        assert.equal(loaded.instances, 1);
      });
    });

    test('run gives what the layer computes and the time it took', async () => {
      await using(folder.add('layer', layerModel(4, 3)), async (loaded) => {
        const { outputs, timing } = await loaded.run(named({ x: floats([2, 4], [1, 2, 3, 4, -1, 0, 2, 5]) }));
        // Weights ((i + 2j) mod 7 − 3) / 10, rows i: [-3 -1 1], [-2 0 2], [-1 1 3], [0 2 -3], then relu.
        assert.deepEqual(outputs.get('y')?.shape, [2, 3]);
        const expected = [0, 1, 0.2, 0.1, 1.3, 0];
        for (const [index, value] of valuesOf(outputs, 'y').entries()) {
          assert.ok(Math.abs(Number(value) - (expected[index] ?? NaN)) < 1e-6, `${index}: ${value}`);
        }
        assert.ok(timing.computeMs > 0);
      });
    });

    test('mnist.onnx gets 98.40 % of the first 2,000 test images', {
      skip: skipWithoutSharedData(...MNIST_FILES),
    }, async () => {
      await using(sourceOf('mnist', sharedDataPath(MNIST_FILES[0])), async (loaded) => {
        let correct = 0;
        for (const { pixels, label } of readMnistTestImages(2000)) {
          const image: Tensor = { dtype: 'float32', shape: [1, 1, 28, 28], data: pixels };
          const { outputs } = await loaded.run(named({ Input3: image }), { transferInputs: true });
          const scores = valuesOf(outputs, 'Plus214_Output_0').map(Number);
          if (scores.indexOf(Math.max(...scores)) === label) correct++;
        }
        assert.equal(correct, 1968);
      });
    });

    const silero = 'onnx/silero_vad.onnx';
    test('silero_vad keeps its state between runs', { skip: skipWithoutSharedData(silero) }, async () => {
      await using(sourceOf('silero', sharedDataPath(silero)), async (loaded) => {
        const window = floats(
          [1, 512],
          Array.from({ length: 512 }, (_, index) => Math.sin(index / 7) / 2),
        );
        const step = async (state: Tensor): Promise<{ state: Tensor; output: number }> => {
          const { outputs } = await loaded.run(named({ input: window, state, sr: longs([], [16000n]) }));
          const next = outputs.get('stateN');
          assert.ok(next !== undefined);
          assert.deepEqual(next.shape, [2, 1, 128]);
          return { state: next, output: Number(valuesOf(outputs, 'output')[0]) };
        };
        const first = await step(floats([2, 1, 128], new Float32Array(256)));
        const second = await step(first.state);
        const again = await step(floats([2, 1, 128], new Float32Array(256)));
        assert.equal(again.output, first.output);
        assert.notEqual(second.output, first.output);
      });
    });

    const forest = 'onnx/rf_iris.onnx';
    test('load refuses a ZipMap output and names it', { skip: skipWithoutSharedData(forest) }, async () => {
      await assert.rejects(
        load(sourceOf('iris', sharedDataPath(forest))),
        failsWith('UNSUPPORTED_TENSOR', /output "output_probability" of model "iris@1" is a sequence, map or optional/),
      );
    });

    test('load refuses dtypes and kinds the binding cannot carry, naming tensor and type', async () => {
      for (const type of ['bfloat16', 'float8e4m3fn'] as const) {
        const source = folder.add(type, identityModel(type, [2]));
        await assert.rejects(load(source), failsWith('UNSUPPORTED_TENSOR', new RegExp(`input "x" .* is ${type}`)));
      }
      const sequence = model({
        nodes: [{ op: 'SequenceConstruct', inputs: ['x'], outputs: ['y'] }],
        inputs: [tensorInfo('x', 'float32', [2])],
        outputs: [sequenceInfo('y', 'float32')],
      });
      await assert.rejects(load(folder.add('sequence', sequence)), failsWith('UNSUPPORTED_TENSOR', /output "y"/));
    });

    test('run refuses every dtype the binding cannot carry, naming tensor and type', async () => {
      await using(folder.add('identity', identityModel('float32', [2])), async (loaded) => {
        const carried = /^(float(16|32|64)|u?int(8|16|32|64)|bool|string)$/;
        for (const dtype of DTYPES.filter((name) => !carried.test(name))) {
          // Only the dtype matters: it is refused before the data is looked at.
          const tensor = { dtype, shape: [2], data: new Uint8Array(2) } as Tensor;
          await assert.rejects(
            loaded.run(named({ x: tensor })),
            failsWith('UNSUPPORTED_TENSOR', new RegExp(`input "x" of model "identity@1" is ${dtype},`)),
          );
        }
      });
    });

    test('numbers of every carried dtype come back bit by bit', async () => {
      const bits = Uint16Array.of(0x3c00, 0x7e01, 0x8001, 0xfbff); // 1, a NaN with payload, the least negative, −65504
      const tensors: readonly (readonly [OnnxType, Tensor])[] = [
        ['float16', { dtype: 'float16', shape: [4], data: bits }],
        ['float64', { dtype: 'float64', shape: [4], data: Float64Array.of(-0, 1e-310, Number.NaN, -Infinity) }],
        ['int8', { dtype: 'int8', shape: [4], data: Int8Array.of(-128, -1, 5, 127) }],
        ['uint8', { dtype: 'uint8', shape: [4], data: Uint8Array.of(0, 1, 200, 255) }],
        ['int16', { dtype: 'int16', shape: [4], data: Int16Array.of(-32768, -1, 5, 32767) }],
        ['uint16', { dtype: 'uint16', shape: [4], data: Uint16Array.of(0, 1, 5, 65535) }],
        ['int32', { dtype: 'int32', shape: [4], data: Int32Array.of(-(2 ** 31), -1, 5, 2 ** 31 - 1) }],
        ['uint32', { dtype: 'uint32', shape: [4], data: Uint32Array.of(0, 1, 5, 2 ** 32 - 1) }],
        ['int64', longs([4], [-(2n ** 63n), -1n, 2n ** 53n + 1n, 2n ** 63n - 1n])],
        ['uint64', { dtype: 'uint64', shape: [4], data: BigUint64Array.of(0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n) }],
        ['bool', { dtype: 'bool', shape: [4], data: Uint8Array.of(1, 0, 0, 1) }],
      ];
      for (const [type, tensor] of tensors) assert.deepEqual(await identity(type, [4], tensor), tensor);
    });

    test('scalars, zero-size dims and unknown ranks pass', async () => {
      assert.deepEqual(await identity('float32', [], floats([], [2.5])), floats([], [2.5]));
      assert.deepEqual(await identity('float32', ['N', 3], floats([0, 3], [])), floats([0, 3], []));
      assert.deepEqual(await identity('string', ['N'], texts([0], [])), texts([0], []));
      assert.deepEqual(await identity('float32', null, floats([1, 2, 1], [3, 4])), floats([1, 2, 1], [3, 4]));
    });

    test('strings pass as bytes: empty, long, with a byte order mark and beyond the BMP', async () => {
      const strings = texts([2, 3], ['', 'ärger', '\ufeffmark', '😀', 'x'.repeat(70_000), 'a\u0301']);
      assert.deepEqual(await identity('string', [2, 3], strings), strings);
    });

    test('strings with NUL or of invalid UTF-8 are refused, naming the tensor', async () => {
      await using(folder.add('identity', identityModel('string', ['N'])), async (loaded) => {
        const nul = named({ x: texts([2], ['ab', 'c\0d']) });
        await assert.rejects(loaded.run(nul), failsWith('UNSUPPORTED_TENSOR', /input "x" .* NUL byte/));
        // Two halves of one character: valid only when looked at together.
        const halves = named({ x: texts([2], [Uint8Array.of(0xc3), Uint8Array.of(0xa4)]) });
        await assert.rejects(
          loaded.run(halves),
          failsWith('UNSUPPORTED_TENSOR', /input "x" .*element 0 .*not valid UTF-8/),
        );
      });
    });

    test('run refuses bytes that are no booleans', async () => {
      const tensor: Tensor = { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 7) };
      await assert.rejects(
        identity('bool', [2], tensor),
        failsWith('INVALID_ARGUMENT', /input "x" .*0 or 1, got 7 at 1/),
      );
    });

    test('run refuses inputs that do not fit, and serves on', async () => {
      await using(folder.add('layer', layerModel(4, 3)), async (loaded) => {
        const good = named({ x: floats([1, 4], [1, 2, 3, 4]) });
        const short = { dtype: 'float32', shape: [2, 4], data: new Float32Array(4) } as const;
        await assert.rejects(
          loaded.run(named({ x: short })),
          failsWith('INVALID_SHAPE', /needs 8 stored values, got 4/),
        );
        const negative = { dtype: 'float32', shape: [-1, 4], data: new Float32Array(4) } as const;
        await assert.rejects(loaded.run(named({ x: negative })), failsWith('INVALID_SHAPE', /\[-1,4\]/));
        const huge = { dtype: 'float32', shape: [2 ** 33, 0], data: new Float32Array(0) } as const;
        await assert.rejects(loaded.run(named({ x: huge })), failsWith('INVALID_SHAPE', /at most 4294967295/));
        await assert.rejects(
          loaded.run(named({ x: longs([1, 4], [1n, 2n, 3n, 4n]) })),
          failsWith('RUN_FAILED', /model "layer@1" refused its inputs: .*int64.*expected.*float/),
        );
        await assert.rejects(
          loaded.run(named({ x: floats([1, 5], [1, 2, 3, 4, 5]) })),
          failsWith('RUN_FAILED', /invalid dimensions for input: x/),
        );
        await assert.rejects(loaded.run(named({})), failsWith('INPUT_MISMATCH', /needs input "x", float32 \[N,4\]/));
        const extra = named({ x: floats([1, 4], [1, 2, 3, 4]), z: floats([1], [1]) });
        await assert.rejects(loaded.run(extra), failsWith('INPUT_MISMATCH', /takes no input "z"; its inputs are "x"/));
        const { outputs } = await loaded.run(good);
        assert.deepEqual(outputs.get('y')?.shape, [1, 3]);
      });
    });

    test('run gives only the outputs asked for, in their order', async () => {
      await using(folder.add('default', defaultInputModel()), async (loaded) => {
        const inputs = named({ x: floats([2], [1, 2]) });
        const second = await loaded.run(inputs, { outputs: ['product'] });
        assert.deepEqual([...second.outputs.keys()], ['product']);
        assert.deepEqual(valuesOf(second.outputs, 'product'), [5, 10]);
        const both = await loaded.run(inputs, { outputs: ['product', 'sum'] });
        assert.deepEqual([...both.outputs.keys()], ['product', 'sum']);
        assert.deepEqual(valuesOf(both.outputs, 'sum'), [6, 7]);
        await assert.rejects(
          loaded.run(inputs, { outputs: ['quotient'] }),
          failsWith('UNKNOWN_OUTPUT', /no output "quotient"; its outputs are "sum", "product"/),
        );
      });
    });

    test('inputs with a stored default are left out, and refused when given', async () => {
      await using(folder.add('default', defaultInputModel()), async (loaded) => {
        assert.deepEqual(
          loaded.inputs.map((input) => input.name),
          ['x'],
        );
        const { outputs } = await loaded.run(named({ x: floats([1], [1]) }));
        assert.deepEqual(valuesOf(outputs, 'sum'), [6]);
        const given = named({ x: floats([1], [1]), bias: floats([1], [100]) });
        await assert.rejects(loaded.run(given), failsWith('INPUT_MISMATCH', /takes no input "bias"/));
      });
    });

    test('tensors may be called __proto__, constructor and toString', async () => {
      await using(folder.add('names', namesModel()), async (loaded) => {
        const inputs = new Map([
          ['__proto__', floats([2], [1, 2])],
          ['toString', floats([2], [10, 20])],
        ]);
        const { outputs } = await loaded.run(inputs);
        assert.deepEqual([...outputs.keys()], ['constructor', 'valueOf']);
        assert.deepEqual(valuesOf(outputs, 'constructor'), [11, 22]);
        assert.deepEqual(valuesOf(outputs, 'valueOf'), [-1, -2]);
        const first = await loaded.run(inputs, { outputs: ['constructor'] }); // every object has a valueOf
        assert.deepEqual([...first.outputs.keys()], ['constructor']);
      });
    });

    test('run leaves buffers alone unless it may take them, and takes every kind', async () => {
      await using(folder.add('identity', identityModel('float32', ['N'])), async (loaded) => {
        const roundTrip = async (data: Float32Array, transferInputs: boolean): Promise<readonly unknown[]> => {
          const tensor: Tensor = { dtype: 'float32', shape: [data.length], data };
          return valuesOf((await loaded.run(named({ x: tensor }), { transferInputs })).outputs, 'y');
        };
        const kept = Float32Array.of(1, 2, 3);
        assert.deepEqual(await roundTrip(kept, false), [1, 2, 3]);
        assert.deepEqual([...kept], [1, 2, 3]);
        const view = new Float32Array(new ArrayBuffer(64), 16, 2).fill(7);
        assert.deepEqual(await roundTrip(view, false), [7, 7]);
        const pooled = Buffer.allocUnsafe(16); // a slice of the pool that Node never hands over
        const start = pooled.byteOffset + 8 - (pooled.byteOffset % 8);
        const inPool = new Float32Array(pooled.buffer, start, 2).fill(4);
        assert.deepEqual(await roundTrip(inPool, true), [4, 4]);
        assert.equal(pooled.length, 16);
        const shared = new Float32Array(new SharedArrayBuffer(8)).fill(9);
        assert.deepEqual(await roundTrip(shared, true), [9, 9]);
        const wasm = new Float32Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, 2).fill(6);
        assert.deepEqual(await roundTrip(wasm, true), [6, 6]);
        assert.equal(wasm.length, 2);
      });
    });

    test('two inputs may be views of one buffer that is handed over', async () => {
      await using(folder.add('names', namesModel()), async (loaded) => {
        const buffer = Float32Array.of(1, 2, 10, 20).buffer;
        const inputs = new Map<string, Tensor>([
          ['__proto__', { dtype: 'float32', shape: [2], data: new Float32Array(buffer, 0, 2) }],
          ['toString', { dtype: 'float32', shape: [2], data: new Float32Array(buffer, 8, 2) }],
        ]);
        const { outputs } = await loaded.run(inputs, { transferInputs: true });
        assert.deepEqual(valuesOf(outputs, 'constructor'), [11, 22]);
      });
    });

    test('many runs at once each get their own answer', async () => {
      const loaded = await load(folder.add('layer', layerModel(2, 1)), { instances: isolation === 'inline' ? 1 : 2 });
      const answers = await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const { outputs } = await loaded.run(named({ x: floats([1, 2], [-index, 0]) }));
          return Number(valuesOf(outputs, 'y')[0]).toFixed(3);
        }),
      );
      assert.deepEqual(
        answers,
        Array.from({ length: 60 }, (_, index) => (index * 0.3).toFixed(3)),
      );
      await loaded.dispose();
    });

    test('run fails with CANCELLED when its caller has gone', async () => {
      await using(folder.add('layer', layerModel(4, 3)), async (loaded) => {
        const inputs = named({ x: floats([1, 4], [1, 2, 3, 4]) });
        await assert.rejects(loaded.run(inputs, { signal: AbortSignal.abort() }), failsWith('CANCELLED', /layer@1/));
        await loaded.run(inputs);
      });
    });

    test('load fails with CANCELLED when its caller has gone', async () => {
      const source = folder.add('layer', layerModel(4, 3));
      await assert.rejects(load(source, { signal: AbortSignal.abort() }), failsWith('CANCELLED', /layer@1/));
      const controller = new AbortController();
      const loading = load(source, { signal: controller.signal });
      controller.abort();
      await assert.rejects(loading, failsWith('CANCELLED', /layer@1/));
    });

    test('dispose lets the runs under way finish, refuses new ones and may be called twice', async () => {
      const loaded = await load(folder.add('layer', layerModel(4, 3)));
      const inputs = named({ x: floats([1, 4], [1, 2, 3, 4]) });
      const running = loaded.run(inputs);
      await Promise.all([loaded.dispose(), loaded.dispose()]);
      await running;
      await assert.rejects(loaded.run(inputs), failsWith('MODEL_NOT_READY', /being unloaded/));
    });

    test('load says what is wrong with the file, without folders of this machine', async () => {
      const noPath = (error: unknown): true => {
        assert.ok(error instanceof Error);
        assert.ok(!error.message.includes(folder.path), error.message);
        return true;
      };
      const layer = layerModel(40, 30);
      const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
        ['empty', new Uint8Array(0), /does not have a graph/],
        ['text', Buffer.from('hello'), /Protobuf parsing failed/],
        ['truncated', layer.subarray(0, layer.length - 100), /Protobuf parsing failed/],
        ['operator', namedOperatorModel('NoSuchOperator'), /NoSuchOperator/],
        ['outside', externalModel('../secret.bin'), /escapes model directory/],
        ['missing', externalModel('absent.bin'), /does not exist/],
      ];
      for (const [name, bytes, message] of cases) {
        const fails = failsWith('INVALID_MODEL', message);
        await assert.rejects(load(folder.add(name, bytes)), (error) => fails(error) && noPath(error));
      }
      const nowhere = { label: 'nowhere@1', directory: folder.path, modelPath: `${folder.path}/nowhere.onnx` };
      await assert.rejects(load(nowhere), failsWith('INVALID_MODEL', /nowhere.onnx.*doesn't exist/));
    });

    test('load refuses options it cannot follow', async () => {
      const source = folder.add('layer', layerModel(4, 3));
      await assert.rejects(
        load(source, { resources: { executionProviders: ['abacus', 'cpu'] } }),
        failsWith('INVALID_CONFIG', /execution provider "abacus"; this ONNX Runtime has .*cpu/),
      );
      // Listed, but its library is not part of the package.
      await assert.rejects(
        load(source, { resources: { executionProviders: ['tensorrt'] } }),
        failsWith('INVALID_CONFIG', /cannot be loaded on tensorrt here, only on cpu/),
      );
      await assert.rejects(load(source, { instances: 0 }), failsWith('INVALID_CONFIG', /instances .* got 0/));
      await assert.rejects(load(source, { maxRunMs: 0 }), failsWith('INVALID_CONFIG', /maxRunMs .* got 0/));
    });
  });
}

function namedOperatorModel(op: string): Uint8Array {
  return model({
    nodes: [{ op, inputs: ['x'], outputs: ['y'] }],
    inputs: [tensorInfo('x', 'float32', [1])],
    outputs: [tensorInfo('y', 'float32', [1])],
  });
}

function externalModel(location: string): Uint8Array {
  return model({
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    initializers: [externalInitializer('w', [3], location)],
    inputs: [tensorInfo('x', 'float32', [3])],
    outputs: [tensorInfo('y', 'float32', [3])],
  });
}
