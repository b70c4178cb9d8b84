// Translators of a made-up language, by both architectures: what they learn, that interruptions change nothing, and that
// translating step by step is what the whole network says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type Manifest } from '@amaas/core';
import { SOURCE_INPUT, TARGET_INPUT } from '../layers/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { readTokenizer } from '../tokenize/index.ts';
import { readSafetensors } from '../train/index.ts';
import { MemoryStore, weightBytes } from '../train/testing/small-training.ts';
import type { TextPair } from './translation-examples.ts';
import type { TrainedTranslator, TrainTranslatorOptions, TranslatorEvent } from './translation-options.ts';
import { translationTokens } from './translation-tokenizer.ts';
import { trainTranslator } from './train-translator.ts';
import { Translator } from './translator.ts';
import { translatorFiles } from './translator-files.ts';

const executor = await ortExecutor();
const COLOURS = ['rot', 'blau', 'alt', 'neu'];
const THINGS = ['Haus', 'Rad', 'Tor', 'Boot', 'Kleid'];
const WORDS: Readonly<Record<string, string>> = {
  ...{ rot: 'red', blau: 'blue', alt: 'old', neu: 'new' },
  ...{ Haus: 'house', Rad: 'wheel', Tor: 'gate', Boot: 'boat', Kleid: 'dress' },
};

/** `da ist das Haus rot` becomes `there is the red house`: words change, and so does their order. */
const PAIRS: readonly TextPair[] = THINGS.flatMap((thing) =>
  COLOURS.map((colour) => ({
    source: `da ist das ${thing} ${colour}`,
    target: `there is the ${WORDS[colour]} ${WORDS[thing]}`,
  })),
);

const options: TrainTranslatorOptions = {
  pairs: PAIRS,
  executor,
  tokenizer: { vocabularySize: 70 },
  validation: 0,
  epochs: 40,
  batchTokens: 60,
  lengths: 2,
  learningRate: 6e-3,
  warmupSteps: 10,
  labelSmoothing: 0,
  seed: 5,
};

const ARCHITECTURES = {
  transformer: { name: 'transformer', layers: 1, width: 32, heads: 2, dropout: 0 },
  lstm: { name: 'lstm', width: 24, units: 24, dropout: 0 },
} as const;

for (const [name, architecture] of Object.entries(ARCHITECTURES)) {
  test(`trainTranslator, ${name}: learns words and their order; step by step as the whole network`, async () => {
    // An LSTM takes longer to find out where to look.
    const epochs = name === 'lstm' ? 120 : 40;
    const learningRate = name === 'lstm' ? 1e-2 : 6e-3;
    const trained = await trainTranslator({ ...options, architecture, test: PAIRS, epochs, learningRate });
    const { scores, facts, history } = trained;
    assert(scores !== null);
    assert.deepEqual(
      scores.translations.map(({ translation }) => translation),
      PAIRS.map(({ target }) => target),
    );
    assert(Math.abs(scores.bleu.value - 100) < 1e-9 && Math.abs(scores.chrf.value - 100) < 1e-9);
    assert.match(scores.bleuSignature, /case:mixed\|.*tok:13a/);
    assert.equal(history.length, epochs);
    assert.deepEqual([facts.pairs, facts.tooLong, facts.validationPairs], [20, 0, 0]);
    await assertGreedy(trained, PAIRS[7] ?? assert.fail());
    await assertFiles(trained);
  });
}

/** The likeliest token each time by the whole network, and by the translator's steps. */
async function assertGreedy({ model, tokenizer, architecture, facts }: TrainedTranslator, { source }: TextPair) {
  const { padding, begin, end } = translationTokens(tokenizer);
  const length = facts.lengths.at(-1) ?? assert.fail();
  const row = (ids: readonly number[]) =>
    createTensor(
      'int32',
      [1, length],
      Int32Array.from({ length }, (_, at) => ids[at] ?? padding),
    );
  const sourceIds = row([...tokenizer.encode(source).ids]);
  const predictor = await model.createPredictor(executor);
  const written = [begin];
  while (written.at(-1) !== end) {
    const logits = await predictor.predict(
      new Map([
        [SOURCE_INPUT, sourceIds],
        [TARGET_INPUT, row(written)],
      ]),
    );
    assert(logits.dtype === 'float32');
    const size = tokenizer.vocabularySize;
    const next = logits.data.subarray((written.length - 1) * size, written.length * size);
    written.push(next.indexOf(Math.max(...next)));
  }
  await predictor.dispose();
  const translator = await Translator.create({ architecture, tokenizer, weights: model.weights }, { executor });
  const [translation] = await translator.translate([source], { beams: 1 });
  await translator.dispose();
  assert.equal(translation, tokenizer.decode(written));
}

/** The graph of the files, asked as their manifest says, gives the translations of the scores. */
async function assertFiles(trained: TrainedTranslator) {
  const files = translatorFiles(trained);
  const text = (name: string): string => new TextDecoder().decode(files.get(name));
  const { preprocess, postprocess, example }: Manifest = JSON.parse(text('amaas.json'));
  const declared = preprocess?.['source'];
  assert(declared?.kind === 'tokens' && declared.tokenizer === 'tokenizer.json' && example === 'example.json');
  assert.deepEqual(postprocess, { tokens: { kind: 'text', tokenizer: 'tokenizer.json' } });
  const tokenizer = readTokenizer(text('tokenizer.json'));
  const { maxTokens = 0, padding = 0 } = declared;
  const rows = PAIRS.flatMap(({ source }) => {
    const { ids } = tokenizer.encode(source);
    return Array.from({ length: maxTokens }, (_, at) => BigInt(ids[at] ?? padding));
  });
  const compiled = await executor.compile(files.get('model.onnx') ?? assert.fail());
  const source = createTensor('int64', [PAIRS.length, maxTokens], BigInt64Array.from(rows));
  const { dtype, shape, data } = (await compiled.run(new Map([['source', source]]))).get('tokens') ?? assert.fail();
  await compiled.dispose();
  assert(dtype === 'int64');
  const time = shape[1] ?? 0;
  for (const [row, { translation }] of (trained.scores?.translations ?? []).entries()) {
    const ids = Array.from({ length: time }, (_, at) => Number(data[row * time + at]));
    assert.equal(tokenizer.decode(ids), translation);
  }
  assert.equal(JSON.parse(text('example.json')).inputs[0].data[0], PAIRS[0]?.source);
  assert.equal(JSON.parse(text('config.json')).name, trained.architecture.name);
  assert.equal(JSON.parse(text('training.json')).scores.translations.length, 20);
  assert.equal(
    readSafetensors(files.get('model.safetensors') ?? assert.fail()).tensors.size,
    trained.model.weights.size,
  );
}

const SHORT = {
  ...options,
  warmupSteps: 1,
  architecture: ARCHITECTURES.lstm,
  epochs: 3,
  validation: 0.3,
  labelSmoothing: 0.1,
};

test('trainTranslator, interrupted and resumed, gives the bits of one never interrupted', async () => {
  const settings = { ...SHORT, architecture: { ...ARCHITECTURES.transformer, dropout: 0.2 }, patience: 2 };
  const once = await trainTranslator(settings);
  const store = new MemoryStore();
  let cancelled = 0;
  for (;;) {
    const controller = new AbortController();
    let left = 2 + 2 * cancelled;
    try {
      const trained = await trainTranslator({
        ...{ ...settings, checkpoint: { store, everyMs: 0 }, signal: controller.signal },
        onEvent: ({ kind }) => {
          if (kind === 'progress' && --left === 0) controller.abort();
        },
      });
      assert.deepEqual(weightBytes(trained.model.weights), weightBytes(once.model.weights));
      assert.deepEqual([trained.history, trained.scores?.bleu], [once.history, once.scores?.bleu]);
      break;
    } catch (error) {
      assert(error instanceof AmaasError && error.reason === 'CANCELLED', String(error));
      cancelled++;
    }
  }
  assert(cancelled > 1);
});

test('trainTranslator holds out sources with all their translations, and shows samples after every epoch', async () => {
  const twice = PAIRS.flatMap((pair) => [pair, { ...pair, target: `${pair.target} today` }]);
  const events: TranslatorEvent[] = [];
  async function* read(): AsyncGenerator<TextPair> {
    for (const pair of twice) yield pair;
  }
  const { scores, facts } = await trainTranslator({
    ...{ ...SHORT, pairs: read(), samples: 2, epochs: 2, decoding: { beams: 2, maxTokens: 9 } },
    onEvent: (event) => void events.push(event),
  });
  const held = new Set(scores?.translations.map(({ source }) => source));
  assert.deepEqual([held.size, scores?.translations.length], [6, 12]);
  assert.deepEqual([facts.pairs, facts.validationPairs, facts.epochs], [28, 12, 2]);
  assert.equal(events[0]?.kind, 'described');
  const epochs = events.filter((event) => event.kind === 'epoch');
  assert.deepEqual(
    epochs.map(({ record, samples }) => [record.epoch, samples.length]),
    [
      [1, 2],
      [2, 2],
    ],
  );
  assert(epochs.every(({ record }) => Number(record.values['validation loss']) > 0));
  assert(events.some((event) => event.kind === 'progress' && event.pairsPerSecond > 0));
});

test('trainTranslator refuses what it cannot train on', async () => {
  const refuses = (more: Partial<TrainTranslatorOptions>, reason: string, message: RegExp): Promise<void> =>
    assert.rejects(trainTranslator({ ...SHORT, ...more }), (error) => {
      assert(error instanceof AmaasError);
      assert.equal(error.reason, reason);
      assert.match(error.message, message);
      return true;
    });
  await refuses({ pairs: [] }, 'INVALID_DATA', /expects texts with words/);
  await refuses({ maxLength: 2 }, 'INVALID_DATA', /no pair to train on has at most 2 ids/);
  await refuses({ validation: 1 }, 'INVALID_ARGUMENT', /validation must be a share/);
  await refuses({ epochs: 0.5 }, 'INVALID_ARGUMENT', /epochs must be a whole number/);
  await refuses(
    { architecture: { name: 'transformer', width: 30, heads: 4 } },
    'INVALID_ARGUMENT',
    /30 wide cannot be cut into 4 equal heads/,
  );
});
