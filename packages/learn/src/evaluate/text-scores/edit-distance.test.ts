import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../statistics/index.ts';
import { alignSequences } from './edit-distance.ts';
import { rapidfuzzValues } from './testing/published-values.ts';

test("alignSequences gives RapidFuzz's edits", () => {
  const letters = { substitution: 'S', insertion: 'I', deletion: 'D' } as const;
  for (const [first, second, expected] of rapidfuzzValues) {
    const edits = alignSequences(first, second).map((edit) => [
      letters[edit.kind],
      edit.referenceIndex,
      edit.hypothesisIndex,
    ]);
    assert.deepEqual(edits, expected, `${first} → ${second}`);
  }
});

test('alignSequences finds the fewest edits, and they turn one sequence into the other', () => {
  const random = createRandom('edits');
  const draw = (): readonly number[] => Array.from({ length: random.integer(7) }, () => random.integer(3));
  for (let round = 0; round < 300; round++) {
    const [reference, hypothesis] = [draw(), draw()];
    const edits = alignSequences(reference, hypothesis);
    assert.equal(edits.length, fewest(reference, hypothesis));
    const rebuilt = [...reference];
    for (const { kind, referenceIndex, hypothesisIndex } of [...edits].reverse()) {
      const element = hypothesis[hypothesisIndex] ?? Number.NaN;
      if (kind === 'deletion') rebuilt.splice(referenceIndex, 1);
      else rebuilt.splice(referenceIndex, kind === 'insertion' ? 0 : 1, element);
    }
    assert.deepEqual(rebuilt, hypothesis);
  }
});

test('alignSequences refuses a table that would not fit in memory', () => {
  const long = Array.from({ length: 30_000 }, (_, i) => i);
  assert.throws(
    () =>
      alignSequences(
        long,
        long.map((i) => -1 - i),
      ),
    {
      reason: 'INVALID_DATA',
      message: /30000 and 30000 elements need more than 400000000 cells/,
    },
  );
  assert.deepEqual(alignSequences(long, long), []);
});

/** By trying everything. */
function fewest(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  return Math.min(fewest(restA, restB) + (a[0] === b[0] ? 0 : 1), 1 + fewest(restA, b), 1 + fewest(a, restB));
}
