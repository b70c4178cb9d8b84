import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { type Corpus, readBeginning, splitCorpus, splitDocuments, surveyCorpus, textCorpus } from './corpus.ts';

async function read(corpus: Corpus): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const text of corpus.read()) texts.push(text);
  return texts;
}

test('splitDocuments cuts at ends of texts, and leaves a text without them as it is', () => {
  assert.deepEqual(splitDocuments('One.\n<|endoftext|>\n  Two.<|endoftext|>\n<|endoftext|>'), ['One.', 'Two.']);
  assert.deepEqual(splitDocuments(' One.\n'), [' One.\n']);
  assert.deepEqual(splitDocuments(''), []);
});

test('surveyCorpus counts, and tells corpora apart by texts, order and borders', async () => {
  const { documents, characters, digest } = await surveyCorpus(textCorpus(['ab', 'cdé']));
  assert.deepEqual([documents, characters], [2, 5]);
  const others = [['ab', 'cde'], ['cdé', 'ab'], ['abc', 'dé'], ['abcdé'], ['ab<|endoftext|>cdé']];
  const digests = await Promise.all(others.map(async (texts) => (await surveyCorpus(textCorpus(texts))).digest));
  assert.equal(new Set([digest, ...digests]).size, 5);
  assert.equal(digests.at(-1), digest); // the same two documents in one text
});

test('surveyCorpus refuses a corpus without text, and hears that it is cancelled', async () => {
  await assert.rejects(surveyCorpus(textCorpus([''])), { reason: 'INVALID_DATA', message: /has no text/ });
  await assert.rejects(surveyCorpus(textCorpus('abc'), AbortSignal.abort()), { reason: 'CANCELLED' });
});

test('splitCorpus holds out whole documents about as often as asked, chosen by the seed', async () => {
  const texts = Array.from({ length: 500 }, (_, index) => `story ${index}`);
  const split = (seed: string) =>
    splitCorpus(textCorpus(texts), { documents: 500, share: 0.2, random: createRandom(seed) });
  const { training, validation } = split('a');
  const [kept, held] = [await read(training), await read(validation)];
  assert.deepEqual([...kept, ...held].toSorted(), texts.toSorted());
  assert(held.length > 70 && held.length < 130, `${held.length}`);
  assert.deepEqual(await read(split('a').validation), held);
  assert.notDeepEqual(await read(split('b').validation), held);
});

test('splitCorpus leaves a document on each side of the smallest and the largest shares', async () => {
  const corpus = textCorpus(Array.from({ length: 30 }, (_, index) => `story ${index}`));
  for (const [share, held] of [
    [1e-9, 1],
    [1 - 1e-9, 29],
  ] as const) {
    const { validation } = splitCorpus(corpus, { documents: 30, share, random: createRandom(3) });
    assert.equal((await read(validation)).length, held);
  }
});

test('splitCorpus of few documents holds out their ends, cut at white space or between characters', async () => {
  const texts = ['aa bb cc dd', '😀😀😀😀😀', 'eeeeeeeeee'];
  const { training, validation } = splitCorpus(textCorpus(texts), {
    documents: 3,
    share: 0.3,
    random: createRandom(0),
  });
  assert.deepEqual(await read(training), ['aa bb ', '😀😀😀😀', 'eeeeeee']);
  assert.deepEqual(await read(validation), ['cc dd', '😀', 'eee']);
});

test('splitCorpus refuses shares that leave nothing', () => {
  for (const share of [0, 1, Number.NaN]) {
    const split = () => splitCorpus(textCorpus('a'), { documents: 1, share, random: createRandom(0) });
    assert.throws(split, { reason: 'INVALID_ARGUMENT', message: /between 0 and 1/ });
  }
});

test('readBeginning stops where it has enough', async () => {
  let given = 0;
  const corpus: Corpus = {
    *read() {
      for (const text of ['abc', 'defg', 'hij']) {
        given++;
        yield text;
      }
    },
  };
  assert.deepEqual(await readBeginning(corpus, 5), ['abc', 'de']);
  assert.equal(given, 2);
});
