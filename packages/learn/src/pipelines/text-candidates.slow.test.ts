// Networks that read words in their order, through a whole training of made texts: order alone tells the classes apart, and
// the served graph answers every text alone as it does among others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { metricOf } from '../evaluate/index.ts';
import { createRandom } from '../statistics/index.ts';
import { labelsOf, textMedia, texts } from './testing/made-media.ts';
import { trainText } from './train-text.ts';

const executor = await createOrtNodeExecutor({ threads: 1 });

function madeTexts() {
  const random = createRandom(5);
  return Array.from({ length: 200 }, (_, row) => {
    const noise = () => `n${random.integer(6)} `.repeat(1 + random.integer(2));
    const pair = row % 2 === 0 ? 'dog bites man' : 'man bites dog';
    return { label: row % 2 === 0 ? 'dog' : 'man', text: `${noise()}${pair} ${noise()}` };
  });
}

for (const name of ['recurrent', 'transformer'] as const) {
  test(`trainText reads words in their order with the ${name} candidate`, async () => {
    const trained = await trainText({
      media: textMedia(madeTexts()),
      executor,
      threads: 1,
      candidates: [name],
      training: { epochs: 15, batchSize: 16, learningRate: 0.005 },
    });
    assert.equal(trained.candidate.name, name);
    assert((metricOf(trained.report, 'accuracy') ?? 0) > 0.9);
    const feeds = texts(['Dog bites man', 'man bites dog today']);
    assert.deepEqual(await labelsOf(trained.onnx, { executor, feeds }), ['dog', 'man']);
    const asked = ['dog', '', 'n1 n2 man bites dog n3 '.repeat(40), 'something else, dog bites man'];
    const compiled = await executor.compile(trained.onnx);
    const probabilities = async (values: readonly string[]): Promise<readonly number[]> => {
      const found = (await compiled.run(texts(values))).get('probabilities');
      assert(found?.dtype === 'float32');
      return [...found.data];
    };
    const together = await probabilities(asked);
    const alone = (await Promise.all(asked.map((text) => probabilities([text])))).flat();
    for (const [at, value] of alone.entries()) assert(Math.abs(value - (together[at] ?? 0)) < 1e-6, `${at}`);
    await compiled.dispose();
  });
}
