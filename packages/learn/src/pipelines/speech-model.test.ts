import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { decodeCtcGreedy } from '../decode/index.ts';
import { input } from '../graph/index.ts';
import { createRandom } from '../statistics/index.ts';
import { greedyText } from './speech-model.ts';
import { spellLabels } from './speech-symbols.ts';

const executor = await createOrtNodeExecutor();
const SYMBOLS = { characters: [' ', 'ä', '😀', 'e'] };
const CLASSES = SYMBOLS.characters.length + 1;

async function textsOf(scores: Float32Array, rows: number, steps: number): Promise<readonly string[]> {
  const given = input('scores', 'float32', ['N', 'steps', CLASSES]);
  const outputs = simplify(new Map([['text', greedyText(given, SYMBOLS)]]));
  const compiled = await executor.compile(compileToOnnx(outputs, { inputs: [given] }));
  try {
    const found = (
      await compiled.run(new Map([['scores', createTensor('float32', [rows, steps, CLASSES], scores)]]))
    ).get('text');
    if (found?.dtype !== 'string') assert.fail();
    assert.deepEqual(found.shape, [rows]);
    return found.data.map((bytes) => new TextDecoder().decode(bytes));
  } finally {
    await compiled.dispose();
  }
}

test('greedyText writes what decodeCtcGreedy gives, ties and repetitions too', async () => {
  const random = createRandom('greedy');
  let [written, doubled] = [0, 0];
  for (const [rows, steps] of [
    [1, 1],
    [40, 3],
    [7, 60],
    [2, 700],
  ] as const) {
    // Few different numbers make ties, and runs of one symbol.
    const scores = Float32Array.from({ length: rows * steps * CLASSES }, () => random.integer(4) - 5);
    const expected = Array.from({ length: rows }, (_, row) => {
      const own = scores.subarray(row * steps * CLASSES, (row + 1) * steps * CLASSES);
      return spellLabels(SYMBOLS, decodeCtcGreedy(own, { classes: CLASSES }).labels);
    });
    assert.deepEqual(await textsOf(scores, rows, steps), expected);
    written += expected.join('').length;
    doubled += expected.filter((text) => /(.)\1/u.test(text)).length;
  }
  assert(written > 200 && doubled > 3, `${written} ${doubled}`);
});

test('greedyText writes nothing for blanks alone', async () => {
  const scores = new Float32Array(3 * CLASSES).map((_, at) => (at % CLASSES === 0 ? -0.1 : -3));
  assert.deepEqual(await textsOf(scores, 1, 3), ['']);
});
