// Spaces for tables: the default ones, and what is refused before anything is trained.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import { parseSearchSpace, sampleConfiguration } from '../tune/index.ts';
import { namedCandidate } from './table-candidate.ts';
import { checkTableSpace, defaultTableSpace, tunedSettings } from './tune-table-space.ts';

test('defaultTableSpace follows the rows, leaves out what is given, and passes its own check', () => {
  const random = createRandom(3);
  for (const rows of [20, 300, 1999, 2000, 50_000]) {
    const space = defaultTableSpace(rows);
    checkTableSpace(space);
    for (let draw = 0; draw < 20; draw++) {
      const { name, options } = namedCandidate(rows, tunedSettings(sampleConfiguration(space, random)));
      assert.equal(name, 'perceptron');
      assert.ok(options.batchSize <= Math.max(16, rows / 4), `${options.batchSize} of ${rows}`);
    }
  }
  const names = defaultTableSpace(300, { hidden: [5], dropout: 0 }).parameters.map(({ name }) => name);
  assert.deepEqual(names, ['learningRate', 'weightDecay', 'batchSize']);
});

test('checkTableSpace refuses settings and values that a network of a table cannot have', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ momentum: { uniform: [0, 1] } }, /"momentum" cannot be searched: .*known are hidden, dropout, /],
    [{ epochs: { integer: [5, 50] } }, /"epochs" cannot be searched: the epochs are what/],
    [{ dropout: { uniform: [0, 1] } }, /"dropout" takes numbers from 0 to 0.95; the space has 1/],
    [{ learningRate: { uniform: [0, 0.1] } }, /"learningRate" takes numbers above 0.*has 0/],
    [{ batchSize: { uniform: [16, 64] } }, /"batchSize" takes whole numbers/],
    [{ hidden: { integer: [1, 3] } }, /"hidden" takes lists.*has 1/],
    [{ hidden: { choice: [[32], [32, 0]] } }, /has \[32,0\]/],
    [{ weightDecay: 'high' }, /has "high"/],
    [{ l2: { boolean: true } }, /has false/],
  ];
  for (const [space, message] of refused) {
    assert.throws(
      () => checkTableSpace(parseSearchSpace(space)),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_CONFIG' && message.test(error.message),
      JSON.stringify(space),
    );
  }
  const space = parseSearchSpace({ dropout: { uniform: [0, 0.5] } });
  assert.throws(() => checkTableSpace(space, { dropout: 0.1 }), /"dropout" is searched and given as a setting/);
});

test('checkTableSpace takes every setting in every way of writing it', () => {
  checkTableSpace(
    parseSearchSpace({
      hidden: { choice: [[], [32], [64, 32]] },
      dropout: { uniform: [0, 0.5], step: 0.25 },
      learningRate: { logUniform: [1e-4, 0.1] },
      weightDecay: 0.01,
      l2: { choice: [0, 0.001] },
      batchSize: { logInteger: [8, 512] },
    }),
  );
});
