import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type NamedTensors, type Signature, type Tensor } from '@amaas/core';
import type { ScheduledResult } from '../scheduler/index.ts';
import type { CallRequest, InputPreparer, RequestPart, TextSteps } from './ports.ts';
import { SteppedCalls } from './stepped-calls.ts';

const signature: Signature = {
  method: 'predict',
  inputs: [{ name: 'ids', dtype: 'int64', shape: ['N', 'T'] }],
  outputs: [{ name: 'y', dtype: 'float32', shape: ['N', 2] }],
};
const strings: NamedTensors = new Map([['ids', createTensor('string', [1], [Uint8Array.of(97)])]]);
const noPictures: InputPreparer = { prepare: () => Promise.reject(new Error('there are no pictures')) };

class FakeTexts implements TextSteps {
  readonly inputs = new Set(['ids']);
  readonly derivedInputs = new Set<string>();
  readonly outputs: ReadonlySet<string>;
  readonly greatestIds = new Map<string, number>();
  readonly paddingOff = null;
  released = 0;
  elapsedMs = 0;
  readonly #parts: readonly RequestPart[];

  constructor(rows: readonly (readonly number[] | null)[], outputs: readonly string[] = []) {
    this.outputs = new Set(outputs);
    this.#parts = rows.map((own): RequestPart => {
      const chosen = own ?? [0];
      return {
        rows: own,
        inputs: new Map([['ids', createTensor('int64', [chosen.length, 1], BigInt64Array.from(chosen, BigInt))]]),
      };
    });
  }

  prepare = async () => ({ parts: this.#parts, elapsedMs: this.elapsedMs, release: () => void this.released++ });
  provePadding = async () => {};
  close = () => {};
  finish = async (outputs: NamedTensors): Promise<NamedTensors> =>
    new Map(
      [...outputs].map(([name, tensor]): [string, Tensor] => {
        if (!this.outputs.has(name)) return [name, tensor];
        const [rows = 0] = tensor.shape;
        const perRow = tensor.data.length / rows;
        const data = Array.from({ length: rows }, (_, row) =>
          Uint8Array.from(Array.from(tensor.data, Number).slice(row * perRow, (row + 1) * perRow)),
        );
        return [name, createTensor('string', [rows], data)];
      }),
    );
}

function calls(texts: TextSteps): SteppedCalls {
  return new SteppedCalls({ model: 'm', manifest: {}, preparer: noPictures, texts });
}

/** Answers y = [id, 10 · id] per row. */
const submit = async ({ inputs }: CallRequest): Promise<ScheduledResult> => {
  const ids = Array.from(inputs.get('ids')?.data ?? [], Number);
  const y = createTensor('float32', [ids.length, 2], Float32Array.from(ids.flatMap((id) => [id, 10 * id])));
  return { outputs: new Map([['y', y]]), timing: { queueMs: ids.length, computeMs: 1, batchRows: ids.length } };
};

test('SteppedCalls.answer puts the rows of parts back where the request has them', async () => {
  const texts = new FakeTexts([[0, 3], [1], [2, 4, 5]]);
  const { outputs, timing } = await calls(texts).answer({ inputs: strings }, signature, submit);
  const y = createTensor('float32', [6, 2], Float32Array.of(0, 0, 1, 10, 2, 20, 3, 30, 4, 40, 5, 50));
  assert.deepEqual([...outputs], [['y', y]]);
  assert.deepEqual(timing, { queueMs: 3, computeMs: 3, batchRows: 3 });
  assert.equal(texts.released, 1);
});

test('SteppedCalls.answer joins texts made of ids of different lengths', async () => {
  const texts = new FakeTexts([[0, 2], [1]], ['y']);
  const wide = async (request: CallRequest): Promise<ScheduledResult> => {
    const result = await submit(request);
    const rows = result.outputs.get('y')?.shape[0] ?? 0;
    const width = rows === 1 ? 3 : 1;
    const data = new Int32Array(rows * width).fill(rows);
    return { ...result, outputs: new Map([['y', createTensor('int32', [rows, width], data)]]) };
  };
  const { outputs } = await calls(texts).answer({ inputs: strings }, signature, wide);
  const expected = createTensor('string', [3], [Uint8Array.of(2), Uint8Array.of(1, 1, 1), Uint8Array.of(2)]);
  assert.deepEqual(outputs.get('y'), expected);
});

test('SteppedCalls.answer keeps few parts in the queue at once, and refuses answers that cannot be joined', async () => {
  let running = 0;
  let most = 0;
  const slow = async (request: CallRequest): Promise<ScheduledResult> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return submit(request);
  };
  const many = new FakeTexts(Array.from({ length: 30 }, (_, row) => [row]));
  const { outputs } = await calls(many).answer({ inputs: strings }, signature, slow);
  assert.deepEqual(outputs.get('y')?.shape, [30, 2]);
  assert.equal(most, 8);
  const ragged = async (request: CallRequest): Promise<ScheduledResult> => {
    const rows = request.inputs.get('ids')?.shape[0] ?? 0;
    const result = await submit(request);
    return {
      ...result,
      outputs: new Map([['y', createTensor('float32', [rows, rows], new Float32Array(rows * rows))]]),
    };
  };
  const texts = new FakeTexts([[0, 1], [2]]);
  await assert.rejects(calls(texts).answer({ inputs: strings }, signature, ragged), {
    reason: 'INPUT_MISMATCH',
    message:
      'infer: texts of different lengths run apart in model "m", and output "y" has shape [2,2] for some and [1,1] for others; send texts of one length together',
  });
  assert.equal(texts.released, 1, 'whatever happens');
});

test('SteppedCalls.answer counts reading texts against the time a request may wait', async () => {
  const texts = new FakeTexts([null]);
  texts.elapsedMs = 25;
  const answer = (timeoutMs: number) =>
    calls(texts).answer({ inputs: strings, timeoutMs }, signature, async (request) => {
      assert.equal(request.timeoutMs, timeoutMs - 25);
      return submit(request);
    });
  await answer(30);
  await assert.rejects(answer(20), {
    reason: 'DEADLINE_EXCEEDED',
    message: 'infer: reading the texts for model "m" took 25 ms; the request may wait 20 ms',
  });
});

test('SteppedCalls.concern leaves alone what needs no step', () => {
  const ids: NamedTensors = new Map([['ids', createTensor('int64', [1, 1], BigInt64Array.of(5n))]]);
  assert.equal(calls(new FakeTexts([null])).concern(signature, { inputs: strings }), true);
  assert.equal(calls(new FakeTexts([null])).concern(signature, { inputs: ids }), false);
  assert.equal(calls(new FakeTexts([null], ['y'])).concern(signature, { inputs: ids }), true);
});
