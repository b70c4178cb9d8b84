import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx, simplify } from '../compile/index.ts';
import { createTableSource, describeTable, tableFromColumns } from '../data/index.ts';
import { buildFeatures, featureSizes, rawInputs } from './build-features.ts';
import { fitPreprocessing } from './fit-preprocessing.ts';
import { rawTensors } from './raw-tensors.ts';

const SUBJECTS = ['the printer', 'the screen of my old computer', 'every second key', 'the whole network'];
const COMPLAINTS = [
  'does not work any more since this morning',
  'makes a strange noise',
  'is slow, please help',
  'fell down',
];

test('a column of prose becomes n-grams beside the other columns, missing texts none', async () => {
  const rows = Array.from({ length: 40 }, (_, row) => row);
  const table = tableFromColumns({
    age: rows.map((row) => row * 1.5),
    note: rows.map((row) =>
      row === 7 ? null : `${SUBJECTS[row % 4]} ${COMPLAINTS[(row >> 2) % 4]} in room ${row} of house ${row * 7}`,
    ),
    target: rows.map((row) => row % 2),
  });
  const summary = await describeTable(createTableSource(table), { target: 'target', seed: 0 });
  const preprocessing = fitPreprocessing(table, summary.columns, { exclude: ['target'] });
  const step = preprocessing.steps.find(({ column }) => column === 'note');
  assert(step?.kind === 'text');
  const words = step.vectoriser.blocks[0]?.grams.map((gram) => gram.join(' ')) ?? [];
  assert(words.includes('printer') && words.includes('strange noise') && !words.includes('39'));

  const inputs = rawInputs(preprocessing);
  const { numeric } = buildFeatures(preprocessing, inputs);
  assert(numeric !== null);
  const compiled = await (await createOrtNodeExecutor()).compile(
    compileToOnnx(simplify(new Map([['numeric', numeric]])), { inputs: [...inputs.values()] }),
  );
  const result = (await compiled.run(rawTensors(preprocessing, table))).get('numeric');
  await compiled.dispose();
  assert(result?.dtype === 'float32');
  const { numericWidth } = featureSizes(preprocessing);
  assert.deepEqual(result.shape, [40, numericWidth]);
  const textFeatures = (row: number) => result.data.subarray(row * numericWidth + 1, (row + 1) * numericWidth);
  assert(textFeatures(7).every((value) => value === 0));
  // Two blocks, each of length 1.
  const squares = textFeatures(8).reduce((sum, value) => sum + value * value, 0);
  assert(Math.abs(squares - 2) < 1e-5, `${squares}`);
});
