// What counts in the loss is held against logits computed outside of the trainer; interrupting changes no bit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import type { LlamaOptions } from '../layers/index.ts';
import { type FineTuned, type FineTuneOptions, fineTuneLlama } from './fine-tune-llama.ts';
import type { LearnedSequence } from './fine-tuning-examples.ts';
import type { LlamaModel } from './llama-weights.ts';
import { computeLogits, drawLlama } from './testing/llama-network.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });
const OPTIONS: LlamaOptions = {
  ...{ vocabularySize: 40, blockSize: 24, layers: 2, heads: 2, keyValueHeads: 1, width: 16, innerWidth: 24 },
  ...{ rotary: { base: 10_000 }, tied: true },
};
const base = drawLlama(OPTIONS, 'fine-tuning');

/** Of different lengths; what is learned begins somewhere in the middle. */
const SEQUENCES: readonly LearnedSequence[] = [5, 8, 7, 6].map((tokens, index) => ({
  ids: Int32Array.from({ length: tokens }, (_, at) => (7 * index + 3 * at + 1) % 40),
  learned: Uint8Array.from({ length: tokens }, (_, at) => Number(at >= 2 + (index % 2) && at !== 4)),
}));

const SETTINGS: Omit<FineTuneOptions, 'lora'> = {
  ...{ base, training: SEQUENCES, executor, epochs: 1, batchSize: 4, threads: 1, seed: 3 },
};

/** Mean loss and accuracy over learned tokens, by hand. */
async function measure(model: LlamaModel, sequences: readonly LearnedSequence[]) {
  let [loss, right, count] = [0, 0, 0];
  for (const { ids, learned } of sequences) {
    const logits = await computeLogits(executor, model, [...ids]);
    for (let at = 1; at < ids.length; at++) {
      if (learned[at] === 0) continue;
      const row = [...(logits[at - 1] ?? [])];
      const most = Math.max(...row);
      const sum = row.reduce((total, logit) => total + Math.exp(logit - most), 0);
      const id = ids[at] ?? 0;
      loss += most + Math.log(sum) - (row[id] ?? 0);
      right += Number(row.indexOf(most) === id);
      count++;
    }
  }
  return { loss: loss / count, accuracy: right / count };
}

for (const lora of [null, { rank: 2 }]) {
  const name = lora === null ? 'all weights' : 'thin kernels';

  test(`fineTuneLlama counts learned tokens alone, ${name}`, async () => {
    const expected = await measure(base, SEQUENCES);
    const { epochs } = await fineTuneLlama({ ...SETTINGS, lora });
    assert.ok(Math.abs((epochs[0]?.loss ?? 0) - expected.loss) < 1e-5, `${epochs[0]?.loss} ${expected.loss}`);
    assert.ok(Math.abs((epochs[0]?.accuracy ?? 1) - expected.accuracy) < 1e-6);
  });

  test(`fineTuneLlama gives the model whose held-out loss it has measured, ${name}`, async () => {
    const validation = SEQUENCES.slice(1, 3);
    const tuned = await fineTuneLlama({
      ...SETTINGS,
      lora,
      validation,
      epochs: 3,
      batchSize: 3,
      learningRateMultiplier: 2,
    });
    assert.equal(tuned.steps, 6);
    const expected = await measure(tuned.model, validation);
    const last = tuned.epochs.at(-1);
    assert.ok(Math.abs((last?.validationLoss ?? 0) - expected.loss) < 1e-4, `${last?.validationLoss} ${expected.loss}`);
    assert.ok(Math.abs((last?.validationAccuracy ?? 1) - expected.accuracy) < 1e-6);
    assert.ok(expected.loss < (await measure(base, validation)).loss);
    assert.equal(tuned.adapter === null, lora === null);
  });

  test(`fineTuneLlama goes on to the same bits wherever it is interrupted, ${name}`, async () => {
    const settings = { ...SETTINGS, lora, epochs: 4, batchSize: 1, validation: SEQUENCES.slice(2) };
    const whole = await fineTuneLlama(settings);
    let kept: Uint8Array | null = null;
    const saved: number[] = [];
    const store = {
      load: async () => kept,
      async save(bytes: Uint8Array) {
        kept = bytes;
        saved.push(bytes.length);
      },
    };
    let tuned: FineTuned | null = null;
    let attempts = 0;
    for (; tuned === null && attempts < 20; attempts++) {
      const stopping = new AbortController();
      let calls = 0;
      tuned = await fineTuneLlama({
        ...settings,
        checkpoint: { store },
        signal: stopping.signal,
        onProgress: () => (++calls > 1 ? stopping.abort() : undefined),
      }).catch((error: { readonly reason?: string }) => {
        assert.equal(error.reason, 'CANCELLED');
        return null;
      });
    }
    assert.ok(attempts > 2);
    assert.deepEqual(tuned?.epochs, whole.epochs);
    for (const [parameter, { data }] of whole.model.weights) {
      assert.deepEqual(tuned?.model.weights.get(parameter)?.data, data, parameter);
    }
  });
}

test('fineTuneLlama keeps a checkpoint of every epoch', async () => {
  let saves = 0;
  const store = { load: async () => null, save: async () => void saves++ };
  await fineTuneLlama({ ...SETTINGS, lora: null, epochs: 5, batchSize: 4, checkpoint: { store } });
  assert.equal(saves, 5);
});
