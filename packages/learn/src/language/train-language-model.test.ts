import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createRandom } from '../statistics/index.ts';
import { trainBpe } from '../tokenize/index.ts';
import type { CheckpointStore } from '../train/index.ts';
import {
  type LanguageTrainingEvent,
  type TrainedLanguageModel,
  trainLanguageModel,
  type TrainLanguageModelOptions,
} from './index.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });

/** Sentences of a grammar with little chance in it, so that a small network learns it in a moment. */
function madeStories(count: number): readonly string[] {
  const random = createRandom('stories');
  const pick = (words: readonly string[]): string => words[random.integer(words.length)] ?? '';
  return Array.from(
    { length: count },
    () => `The ${pick(['cat', 'dog', 'hen'])} saw a ${pick(['ball', 'tree'])}. It was ${pick(['red', 'big'])}.`,
  );
}

const stories = madeStories(120);
const small: TrainLanguageModelOptions = {
  corpus: stories,
  executor,
  tokenizer: { kind: 'characters' },
  architecture: { name: 'llama', layers: 1, heads: 2, width: 16, blockSize: 24, dropout: 0.1 },
  steps: 60,
  evaluateEvery: 20,
  batchSize: 4,
  learningRate: 1e-2,
  validation: 0.1,
  samples: { prompts: ['The'], maxTokens: 40, temperature: 0.7 },
  seed: 'small',
};

function outcome({ model, curve, step, validation, samples }: TrainedLanguageModel): unknown {
  const weights = [...model.weights].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('hex')]);
  return { weights, curve, step, validation, samples };
}

class MemoryStore implements CheckpointStore {
  bytes: Uint8Array | null = null;
  async load(): Promise<Uint8Array | null> {
    return this.bytes;
  }
  async save(bytes: Uint8Array): Promise<void> {
    this.bytes = bytes.slice();
  }
}

test('trainLanguageModel learns sentences, and says so in nats, bits per byte and text', async () => {
  const events: LanguageTrainingEvent[] = [];
  const trained = await trainLanguageModel({
    ...small,
    architecture: { name: 'llama', layers: 2, heads: 2, width: 32, blockSize: 40 },
    steps: 240,
    batchSize: 8,
    onEvent: (event) => void events.push(event),
  });
  const { validation, facts, curve, samples } = trained;
  // The grammar itself: 0.1 bits per byte; blocks that begin amid a sentence have to guess what came before.
  assert(validation !== null && (validation.bitsPerByte ?? 9) < 0.6, JSON.stringify(validation));
  const last = curve.at(-1) ?? assert.fail('no curve');
  assert(last.loss < (curve[0]?.loss ?? 0) / 2);
  assert(Math.abs((last.validationLoss ?? 0) - validation.nats) < 1e-5);
  assert(Math.abs((last.bitsPerByte ?? 0) - (validation.bitsPerByte ?? 0)) < 1e-5);
  const bits = (validation.nats * facts.heldOutTokens) / Math.LN2 / facts.heldOutBytes;
  assert(Math.abs((validation.bitsPerByte ?? 0) - bits) < 1e-12);
  assert.match(samples[0]?.text ?? '', /^ (cat|dog|hen) saw a (ball|tree)\. It was (red|big)\.$/);
  assert.equal(samples[0]?.ended, true);
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'progress' ? [] : [event.kind])),
    ['described', ...Array.from({ length: 12 }, () => ['measured', 'sampled']).flat()],
  );
});

test('trainLanguageModel counts what it holds out exactly', async () => {
  const { facts } = await trainLanguageModel({
    ...small,
    corpus: ['aé<|endoftext|>b'],
    validation: { read: () => ['xé', 'yz'] },
    tokenizer: trainBpe(['aébxyz'], { vocabularySize: 300 }),
    architecture: { name: 'gpt', layers: 1, heads: 1, width: 4, blockSize: 2 },
    steps: 1,
  });
  assert.equal(facts.documents, 2);
  assert.equal(facts.trainingTokens, 3 + 1 + 1 + 1); // a, the two bytes of é, b, and two ends
  assert.equal(facts.heldOutTokens, 3 + 1 + 2 + 1);
  assert.equal(facts.heldOutBytes, 5);
  assert.deepEqual([facts.steps, facts.evaluateEvery, facts.tokensPerStep], [1, 1, 8]);
});

const once = outcome(await trainLanguageModel(small));

test('trainLanguageModel gives the same bits again, and others for another seed', async () => {
  assert.deepEqual(outcome(await trainLanguageModel(small)), once);
  assert.notDeepEqual(outcome(await trainLanguageModel({ ...small, seed: 'other' })), once);
});

for (const [name, options] of Object.entries({
  'from memory': small,
  'from a stream': { ...small, maxCharactersInMemory: 10, bufferBlocks: 16, accumulate: 2 },
})) {
  test(`trainLanguageModel ${name}, cancelled and asked again, ends with the same bits`, async () => {
    const whole = outcome(await trainLanguageModel(options));
    const store = new MemoryStore();
    let cancelled = 0;
    for (const cut of [1, 3, 2]) {
      const controller = new AbortController();
      let seen = 0;
      const attempt = trainLanguageModel({
        ...options,
        checkpoint: { store, everyMs: Number.MAX_VALUE },
        signal: controller.signal,
        onEvent(event) {
          if (event.kind === 'progress' && ++seen === cut) controller.abort();
        },
      });
      await attempt.catch((error: unknown) => {
        assert(error instanceof AmaasError && error.reason === 'CANCELLED', String(error));
        cancelled++;
      });
    }
    assert(cancelled >= 2, `${cancelled} attempts were cancelled before they ended`);
    assert.deepEqual(outcome(await trainLanguageModel({ ...options, checkpoint: { store } })), whole);
  });
}

test('trainLanguageModel that was killed goes on from its last checkpoint and ends with the same bits', async () => {
  const store = new MemoryStore();
  for (const cut of [2, 4, 1]) {
    let seen = 0;
    const attempt = trainLanguageModel({
      ...small,
      checkpoint: { store, everyMs: 0 },
      onEvent(event) {
        if (event.kind === 'progress' && ++seen === cut) throw new Error('killed'); // nothing is saved on the way out
      },
    });
    await assert.rejects(attempt, /killed/);
  }
  assert(store.bytes !== null);
  assert.deepEqual(outcome(await trainLanguageModel({ ...small, checkpoint: { store } })), once);
});

test('trainLanguageModel goes on from given weights', async () => {
  const { model, tokenizer, curve } = await trainLanguageModel(small);
  const again = { ...small, tokenizer, initialWeights: model.weights, learningRate: 1e-12, steps: 1 };
  const tuned = await trainLanguageModel(again);
  assert(Math.abs((tuned.validation?.nats ?? 0) - (curve.at(-1)?.validationLoss ?? 9)) < 1e-5);
  await assert.rejects(trainLanguageModel({ ...again, architecture: { name: 'gpt', width: 16 } }), {
    reason: 'INVALID_CHECKPOINT',
  });
});

test('trainLanguageModel reads no more of a streamed corpus than it needs', async () => {
  const [documents, every, blockSize, bufferBlocks, batchSize] = [20_000, 25, 24, 16, 4];
  const counts: number[] = [];
  const corpus = {
    *read() {
      const reading = counts.push(0) - 1;
      for (let index = 0; index < documents; index++) {
        counts[reading] = index + 1;
        yield `Document ${index} of so many.`;
      }
    },
  };
  const { facts } = await trainLanguageModel({
    ...small,
    ...{ corpus, batchSize, bufferBlocks, maxCharactersInMemory: 1000, evaluateEvery: every, steps: 2 * every },
    validation: 0.001,
  });
  assert.deepEqual([facts.documents, facts.trainingTokens], [documents, null]);
  // What the survey and the held-out part read whole, the tokenizer and the training do not.
  assert.deepEqual(counts.slice(0, 1), [documents]);
  const training = counts.at(-1) ?? 0;
  const shortest = 'Document 0 of so many.'.length + 1;
  const needed = (2 * every * batchSize + bufferBlocks + 2) * blockSize;
  assert(training <= needed / shortest, `${training} documents were read for ${needed} tokens`);
  assert(training >= (2 * every * batchSize * blockSize) / (shortest + 5), `${training}`);
});

test('trainLanguageModel holds out about a tenth unasked', async () => {
  const heldOutShare = async (corpus: readonly string[]): Promise<number> => {
    const { validation: _, samples: __, ...others } = small;
    const { facts } = await trainLanguageModel({ ...others, corpus, steps: 1, batchSize: 1 });
    return facts.heldOutBytes / facts.characters;
  };
  const share = await heldOutShare(stories);
  assert(share > 0.04 && share < 0.2, `${share}`);
});

test('trainLanguageModel refuses a checkpoint of other text, tokenizer or buffer', async () => {
  const store = new MemoryStore();
  await trainLanguageModel({ ...small, steps: 20, checkpoint: { store } });
  for (const change of [{ corpus: stories.with(3, `${stories[3]}!`) }, { maxCharactersInMemory: 10 }]) {
    await assert.rejects(trainLanguageModel({ ...small, steps: 20, ...change, checkpoint: { store } }), {
      reason: 'INVALID_CHECKPOINT',
    });
  }
});

test('trainLanguageModel stops when the held-out text is predicted no better, and keeps the best weights', async () => {
  const trained = await trainLanguageModel({
    ...small,
    corpus: stories.slice(0, 24),
    steps: 400,
    evaluateEvery: 10,
    patience: 2,
    learningRate: 3e-2,
    schedule: 'constant',
    samples: {},
  });
  const losses = trained.curve.map(({ validationLoss }) => validationLoss ?? Number.NaN);
  const best = losses.indexOf(Math.min(...losses));
  assert.equal(trained.stoppedEarly, true);
  assert.equal(trained.step, 10 * (best + 1));
  assert.equal(losses.length, best + 3);
  assert(Math.abs((trained.validation?.nats ?? 0) - (losses[best] ?? 0)) < 1e-5);
});

test('trainLanguageModel plans steps so that the last is measured, or by passes over the text', async () => {
  const plan = async (change: Partial<TrainLanguageModelOptions>): Promise<readonly number[]> => {
    const { steps: _, evaluateEvery: __, samples: ___, ...others } = small;
    const { facts } = await trainLanguageModel({ ...others, ...change });
    return [facts.steps, facts.evaluateEvery];
  };
  assert.deepEqual(await plan({ steps: 7, evaluateEvery: 3 }), [9, 3]);
  assert.deepEqual(await plan({ steps: 2, evaluateEvery: 30 }), [2, 2]);
  const [steps = 0] = await plan({ epochs: 0.5 });
  assert(steps > 10 && steps < 25, `${steps}`); // half of about 3,500 tokens, 96 a step
});

test('trainLanguageModel refuses settings that cannot be', async () => {
  const cases: readonly (readonly [Partial<TrainLanguageModelOptions>, RegExp])[] = [
    [{ epochs: 1 }, /steps or epochs, not both/],
    [{ steps: 0 }, /steps must be a whole number ≥ 1, got 0/],
    [{ evaluateEvery: 1.5 }, /evaluateEvery must be a whole number/],
    [{ architecture: { name: 'gpt', width: 10, heads: 4 } }, /10 wide cannot be cut into 4 equal heads/],
    [{ validation: 1.5 }, /validation must lie between 0 and 1/],
    [{ endToken: '<eos>' }, /has no token <eos>/],
    [{ schedule: 'warmup-stable-decay', steps: 10, warmupSteps: 9 }, /must fit into 10 steps/],
  ];
  for (const [change, message] of cases) {
    await assert.rejects(trainLanguageModel({ ...small, ...change }), { reason: 'INVALID_ARGUMENT', message });
  }
  await assert.rejects(trainLanguageModel({ ...small, corpus: ['short'], validation: 0 }), {
    reason: 'INVALID_DATA',
    message: /a block takes 25 tokens, and the text has 6/,
  });
});

test('trainLanguageModel trains thin kernels beside given weights, and adds them in the end', async () => {
  const base = await trainLanguageModel(small);
  const { tokenizer, architecture } = base;
  assert.ok(architecture.name === 'llama');
  const given = { ...small, tokenizer, architecture, initialWeights: base.model.weights, samples: { maxTokens: 4 } };
  const tuned = await trainLanguageModel({ ...given, lora: { rank: 2 }, steps: 40 });
  assert.deepEqual([...tuned.model.weights.keys()].toSorted(), [...base.model.weights.keys()].toSorted());
  const norms = [...base.model.weights].filter(([, { shape }]) => shape.length === 1);
  for (const [name, { data }] of norms) assert.deepEqual(tuned.model.weights.get(name)?.data, data, name);
  // What was measured beside the kernels is measured anew with what was added to them.
  const again = { ...given, initialWeights: tuned.model.weights, learningRate: 1e-12, steps: 1, evaluateEvery: 1 };
  const { validation } = await trainLanguageModel(again);
  assert.ok(Math.abs((validation?.nats ?? 0) - (tuned.validation?.nats ?? 9)) < 1e-5);
  assert.ok((validation?.nats ?? 9) < (base.validation?.nats ?? 0));
  const { initialWeights: _, ...drawn } = given;
  await assert.rejects(trainLanguageModel({ ...drawn, lora: {} }), { message: /lora expects .* no initialWeights/ });
});
