// A translator trained in seconds, deployed as its files stand: sentences in, translations out, alone and in company.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { type TextPair, type TrainedTranslator, trainTranslator, translatorFiles } from '@amaas/learn/language';
import { outputOf, readInferReply } from './testing/oip-body.ts';
import { startTestServer, type TestServer } from './testing/running-server.ts';
import { deployFiles } from './testing/text-models.ts';

const COLOURS = { rot: 'red', blau: 'blue', alt: 'old' } as const;
const THINGS = { Haus: 'house', Rad: 'wheel', Tor: 'gate', Boot: 'boat' } as const;

const PAIRS: readonly TextPair[] = Object.entries(THINGS).flatMap(([thing, englishThing]) =>
  Object.entries(COLOURS).map(([colour, englishColour]) => ({
    source: `das ${thing} ist ${colour}`,
    target: `the ${englishThing} is ${englishColour}`,
  })),
);

let server: TestServer;
let trained: TrainedTranslator;

before(async () => {
  trained = await trainTranslator({
    pairs: PAIRS,
    executor: await createOrtNodeExecutor({ threads: 1 }),
    ...{ validation: 0, test: PAIRS, tokenizer: { vocabularySize: 60 }, labelSmoothing: 0 },
    architecture: { name: 'transformer', layers: 1, width: 32, heads: 2, dropout: 0 },
    ...{ epochs: 40, batchTokens: 60, lengths: 1, learningRate: 6e-3, warmupSteps: 10 },
  });
  server = await startTestServer();
  const reply = await deployFiles(server, 'translator', Object.fromEntries(translatorFiles(trained)));
  assert.equal(reply.status, 201, reply.text);
});

after(() => server?.stop());

async function translate(texts: readonly string[]): Promise<readonly unknown[]> {
  const inputs = [{ name: 'source', datatype: 'BYTES', shape: [texts.length], data: texts }];
  const outputs = [{ name: 'tokens' }];
  const reply = await server.request('/v2/models/translator/infer', {
    method: 'POST',
    body: JSON.stringify({ inputs, outputs }),
  });
  return outputOf(await readInferReply(reply), 'tokens').data ?? [];
}

test('a deployed translator takes sentences and gives translations, alone and in company', async () => {
  const sources = PAIRS.map(({ source }) => source);
  const expected = trained.scores?.translations.map(({ translation }) => translation);
  assert.deepEqual(
    expected,
    PAIRS.map(({ target }) => target),
  );
  assert.deepEqual(await translate(sources), expected);
  const alone = await Promise.all(sources.map((source) => translate([source])));
  assert.deepEqual(alone.flat(), expected);
});

test('a deployed translator refuses sentences longer than any it was trained on, and says how long', async () => {
  const inputs = [{ name: 'source', datatype: 'BYTES', shape: [1], data: ['das Haus ist rot '.repeat(20)] }];
  const reply = await server.request('/v2/models/translator/infer', {
    method: 'POST',
    body: JSON.stringify({ inputs }),
  });
  assert.equal(reply.status, 400);
  assert.match(await reply.text(), /tokens/);
});
