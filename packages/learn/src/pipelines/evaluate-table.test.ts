// Evaluation of models that only pretend to be some: what they are sent, and what is made of their scores.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedTensors, Tensor } from '@amaas/core';
import { createTableSource, tableFromColumns } from '../data/index.ts';
import { evaluateTableModel, scoresOutput, scoreTable, tableModelKinds } from './evaluate-table.ts';
import type { TableModelDescription } from './table-description.ts';

const classifier: TableModelDescription = {
  format: 'amaas-table-1',
  target: { task: 'binary', column: 'sick', classes: ['no', 'yes'] },
  columns: [
    { name: 'age', kind: 'number', dtype: 'float32', role: 'numeric' },
    { name: 'sex', kind: 'string', dtype: 'string', role: 'categorical' },
    { name: 'smokes', kind: 'boolean', dtype: 'bool', role: 'categorical' },
    { name: 'asked', kind: 'boolean', dtype: 'string', role: 'categorical' },
  ],
};

const table = tableFromColumns({
  age: [20, null, 61],
  sex: ['m', null, 'f'],
  smokes: [true, false, true],
  asked: [true, null, false],
  other: [1, 2, 3],
  sick: ['no', 'yes', null],
});

/** Answers every row with the probability of its place, and keeps what it was sent. */
function pretend(sent: NamedTensors[], scoreOf: (row: number) => readonly number[]) {
  return async (inputs: NamedTensors): Promise<Tensor> => {
    sent.push(inputs);
    const rows = inputs.get('age')?.shape[0] ?? 0;
    const data = Float32Array.from(Array.from({ length: rows }, (_, row) => scoreOf(row)).flat());
    return { dtype: 'float32', shape: [rows, data.length / rows], data };
  };
}

test('scoreTable sends raw columns as the model takes them, missing values as NaN and empty text', async () => {
  const sent: NamedTensors[] = [];
  const scores = await scoreTable(
    pretend(sent, (row) => [0.25 * row, 1 - 0.25 * row]),
    classifier,
    table,
  );
  assert.deepEqual([...scores], [0, 1, 0.25, 0.75, 0.5, 0.5]);
  const [inputs] = sent;
  const elements = (name: string): readonly unknown[] => {
    const tensor = inputs?.get(name);
    assert.ok(tensor !== undefined, name);
    return tensor.dtype === 'string' ? tensor.data.map((bytes) => new TextDecoder().decode(bytes)) : [...tensor.data];
  };
  assert.deepEqual([...(inputs?.keys() ?? [])], ['age', 'sex', 'smokes', 'asked']);
  assert.deepEqual(elements('age'), [20, Number.NaN, 61]);
  assert.deepEqual(elements('sex'), ['m', '', 'f']);
  assert.deepEqual(elements('smokes'), [1, 0, 1]);
  assert.deepEqual(elements('asked'), ['true', '', 'false']);
});

test('scoreTable runs at most 1,024 rows at once and keeps their order', async () => {
  const long = tableFromColumns({ age: Array.from({ length: 2500 }, (_, row) => row) });
  const [age] = classifier.columns;
  assert.ok(age !== undefined);
  const description: TableModelDescription = {
    ...classifier,
    target: { task: 'regression', column: 'y', mean: 0, stdDev: 1 },
    columns: [age],
  };
  const sizes: number[] = [];
  const echo = async (inputs: NamedTensors): Promise<Tensor | undefined> => {
    const tensor = inputs.get('age');
    sizes.push(tensor?.shape[0] ?? 0);
    return tensor;
  };
  assert.deepEqual(
    [...(await scoreTable(echo, description, long))],
    Array.from({ length: 2500 }, (_, row) => row),
  );
  assert.deepEqual(sizes, [1024, 1024, 452]);
  assert.deepEqual([scoresOutput(description), scoresOutput(classifier)], ['value', 'probabilities']);
});

test('scoreTable refuses scores of another kind or number', async () => {
  const wrong = async (): Promise<Tensor> => ({ dtype: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) });
  await assert.rejects(scoreTable(wrong, classifier, table), {
    reason: 'INVALID_MODEL',
    message: /expected 6 float32 scores from the model, got float32 \[3\]/,
  });
  await assert.rejects(
    scoreTable(async () => undefined, classifier, table),
    { reason: 'INVALID_MODEL', message: /got nothing/ },
  );
});

test('evaluateTableModel judges the rows that have an answer, under the column it is told', async () => {
  const scored = pretend([], (row) => (row === 0 ? [0.9, 0.1] : [0.2, 0.8]));
  const source = createTableSource(table, { name: 'clinic.csv', digest: 'sha256:ab' });
  const { report, scores } = await evaluateTableModel({ run: scored, description: classifier, source, name: 'm' });
  assert.equal(report.n, 2);
  assert.deepEqual(report.confusionMatrix, [
    [1, 0],
    [0, 1],
  ]);
  assert.equal(scores.length, 4);
  assert.deepEqual(
    report.data.facts?.map(({ label, value }) => `${label} ${value}`),
    ['Target sick', 'Rows 3', 'Rows evaluated 2', 'Columns used 4', 'Digest sha256:ab'],
  );
  assert(!report.warnings.some((warning) => warning.includes('very file')));
  const trainedOnIt = { ...classifier, dataDigest: 'sha256:ab' };
  const known = await evaluateTableModel({ run: scored, description: trainedOnIt, source, name: 'm' });
  assert.match(known.report.warnings[0] ?? '', /^clinic\.csv is the very file the model was trained on/);
  const renamed = tableFromColumns({ age: [20], sex: ['m'], smokes: [true], asked: ['x'], ill: ['maybe'] });
  const judge = (target?: string) =>
    evaluateTableModel({
      run: scored,
      description: classifier,
      source: createTableSource(renamed),
      name: 'm',
      ...(target === undefined ? {} : { target }),
    });
  await assert.rejects(judge(), { reason: 'INVALID_DATA', message: /there is no column "sick"/ });
  await assert.rejects(judge('ill'), {
    reason: 'INVALID_DATA',
    message: /row 1 of "ill" is maybe, which is none of the classes/,
  });
});

test('tableModelKinds has cells read as they were in training', () => {
  const kinds = tableModelKinds({ ...classifier, target: { task: 'regression', column: 'cost', mean: 1, stdDev: 2 } });
  assert.deepEqual(
    [...kinds],
    [
      ['age', 'number'],
      ['sex', 'string'],
      ['smokes', 'boolean'],
      ['asked', 'boolean'],
      ['cost', 'number'],
    ],
  );
  assert.equal(tableModelKinds(classifier).has('sick'), false, 'classes are compared as text, whatever their kind');
});
