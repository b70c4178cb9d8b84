// A whole training of a tagger on made sentences, and the exported graph asked with raw ones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createRandom } from '../statistics/index.ts';
import { textRows } from './tagger-model.ts';
import { madeSentences } from './testing/made-sentences.ts';
import { type TrainedTagger, trainTagger } from './train-tagger.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });
const SMALL = { executor, threads: 1, network: { wordWidth: 16, partWidth: 8, units: 16 } } as const;

async function ask({ onnx }: TrainedTagger, texts: readonly string[]) {
  const compiled = await executor.compile(onnx);
  const data = texts.map((text) => new TextEncoder().encode(text));
  const found = await compiled.run(new Map([['text', createTensor('string', [texts.length], data)]]));
  await compiled.dispose();
  const probabilities = found.get('probabilities');
  assert(probabilities?.dtype === 'float32');
  return { words: textRows(found.get('words')), tags: textRows(found.get('tags')), probabilities };
}

test('trainTagger learns tags by neighbours and endings, and serves raw sentences', async () => {
  const sentences = madeSentences(200, createRandom(1));
  const trained = await trainTagger({
    ...SMALL,
    sentences,
    training: { epochs: 12, batchSize: 16, learningRate: 0.01 },
  });
  const { report, tags } = trained;
  assert.deepEqual(tags, ['ADV', 'DET', 'NOUN', 'PRON', 'PUNCT', 'VERB']);
  assert.deepEqual(trained.split, { train: 130, validation: 30, test: 40 });
  assert(report.accuracy > 0.97, `accuracy ${report.accuracy}`);
  assert(report.baselineAccuracy < 0.9, `baseline ${report.baselineAccuracy}`);
  assert(report.unknown.words > 5 && report.unknown.accuracy > 0.9, `unknown words ${report.unknown.accuracy}`);

  const texts = ['The mev.', '', 'they mev brandnewly, the lup', 'they rost.'];
  const together = await ask(trained, texts);
  assert.deepEqual(together.words[2], ['they', 'mev', 'brandnewly', ',', 'the', 'lup', '']);
  assert.deepEqual(together.words[0], ['The', 'mev', '.', '', '', '', '']);
  assert.deepEqual(together.tags[0], ['DET', 'NOUN', 'PUNCT', '', '', '', '']);
  assert.deepEqual(together.tags[1], new Array<string>(7).fill(''));
  assert.deepEqual(
    [together.tags[2]?.slice(0, 3), together.tags[2]?.slice(4, 6)],
    [
      ['PRON', 'VERB', 'ADV'],
      ['DET', 'NOUN'],
    ],
  );
  const { shape, data } = together.probabilities;
  assert.deepEqual(shape, [4, 7, 6]);
  const sums = Array.from({ length: 28 }, (_, word) => data.slice(6 * word, 6 * word + 6).reduce((a, b) => a + b, 0));
  for (const [at, sum] of sums.entries()) {
    const expected = together.words[Math.floor(at / 7)]?.[at % 7] === '' ? 0 : 1;
    assert(Math.abs(sum - expected) < 1e-5, `word ${at}: ${sum}`);
  }
  for (const [row, text] of texts.entries()) {
    const alone = await ask(trained, [text]);
    const length = alone.tags[0]?.length ?? 0;
    assert.deepEqual(alone.tags[0], together.tags[row]?.slice(0, length));
    for (const [at, share] of alone.probabilities.data.entries()) {
      assert(Math.abs(share - (data[row * 42 + at] ?? 0)) < 1e-6, `${text}: ${at}`);
    }
  }
});

test('trainTagger gives the same model with the same seed, another with another', async () => {
  const sentences = madeSentences(40, createRandom(2));
  const train = (seed: number) => trainTagger({ ...SMALL, sentences, seed, training: { epochs: 2 } });
  const [first, again, other] = [await train(1), await train(1), await train(2)];
  assert.deepEqual(first.onnx, again.onnx);
  assert.notDeepEqual(first.onnx, other.onnx);
});

test('trainTagger refuses what it cannot learn from, and says what to do', async () => {
  const sentences = madeSentences(20, createRandom(3));
  const refused = (message: RegExp) => ({ reason: 'INVALID_DATA', message });
  await assert.rejects(
    trainTagger({ ...SMALL, sentences: sentences.slice(0, 5) }),
    refused(/at least 10 sentences, got 5/),
  );
  const one = sentences.map(({ words }) => ({ words, tags: words.map(() => 'X') }));
  await assert.rejects(trainTagger({ ...SMALL, sentences: one }), refused(/all words have one tag, "X"/));
  const uneven = [...sentences, { words: ['a', 'b'], tags: ['X'] }];
  await assert.rejects(trainTagger({ ...SMALL, sentences: uneven }), refused(/number 21 has 2 and 1/));
  const split = sentences.map(({ words, tags }) => ({ words: ["do n't", ...words], tags: ['VERB', ...tags] }));
  await assert.rejects(trainTagger({ ...SMALL, sentences: split }), refused(/"do n't" becomes "do"; give a pattern/));
  const stopped = AbortSignal.abort();
  await assert.rejects(trainTagger({ ...SMALL, sentences, signal: stopped }), { reason: 'CANCELLED' });
});
