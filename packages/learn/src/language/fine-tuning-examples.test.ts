import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countLearned, type LearnedSequence, sequenceExamples, sequenceRows } from './fine-tuning-examples.ts';

function sequence(ids: readonly number[], learned: readonly number[]): LearnedSequence {
  return { ids: Int32Array.from(ids), learned: Uint8Array.from(learned) };
}

function long(tokens: number): LearnedSequence {
  return sequence(
    Array.from({ length: tokens }, (_, at) => at % 7),
    Array.from({ length: tokens }, () => 1),
  );
}

test('sequenceExamples gives learned tokens as targets behind those before them, and nothing else', () => {
  const { inputs, target } = sequenceExamples([sequence([5, 6, 7, 8], [1, 0, 1, 1]), sequence([9, 4], [0, 1])], 4);
  assert.deepEqual(inputs.get('ids')?.shape, [2, 4]);
  assert.deepEqual([...(inputs.get('ids')?.data ?? [])], [5, 6, 7, 0, 9, 0, 0, 0]);
  assert.deepEqual([...target.data], [-100n, 7n, 8n, -100n, 4n, -100n, -100n, -100n]);
  assert.throws(() => sequenceExamples([sequence([1], [1])], 4), { reason: 'INVALID_DATA' });
  assert.throws(() => sequenceExamples([long(6)], 4), { reason: 'INVALID_DATA', message: /2 to 5 tokens, got 6/ });
});

test('countLearned leaves out the first token, which nothing comes before', () => {
  assert.equal(countLearned(sequence([5, 6, 7], [1, 0, 1])), 1);
});

test('sequenceRows pads to a few lengths, the longest first, and held-out rows are of that length', () => {
  const training = [...Array.from({ length: 20 }, () => long(9)), ...Array.from({ length: 5 }, () => long(60))];
  const { parts, validation } = sequenceRows({ training, validation: [long(30)] }, 512);
  assert.deepEqual(
    parts.map(({ examples }) => examples.target.shape),
    [
      [5, 64],
      [20, 8],
    ],
  );
  assert.deepEqual(validation?.target.shape, [1, 64]);
});

test('sequenceRows lets the first part grow for a longer held-out row, and nothing beyond what the network sees', () => {
  const rows = sequenceRows({ training: [long(9), long(20)], validation: [long(61)] }, 60);
  assert.deepEqual(rows.parts[0]?.examples.target.shape, [1, 60]);
  assert.deepEqual(rows.validation?.target.shape, [1, 60]);
  assert.equal(sequenceRows({ training: [long(9)], validation: [] }, 60).validation, null);
});
