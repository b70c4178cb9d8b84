import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../statistics/index.ts';
import { allotSeats, allotStratifiedSeats } from './sizes.ts';

test('allotSeats keeps the sum and is never off by a whole seat', () => {
  const random = createRandom('seats');
  for (let round = 0; round < 500; round++) {
    const sizes = Array.from({ length: 1 + random.integer(12) }, () => random.integer(300));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const seats = total === 0 ? 0 : random.integer(total + 1);
    const allotted = allotSeats(sizes, seats);
    assert.equal(
      allotted.reduce((sum, count) => sum + count, 0),
      seats,
    );
    allotted.forEach((count, i) => {
      assert(Math.abs(count - ((sizes[i] ?? 0) * seats) / Math.max(1, total)) < 1, `${sizes} ${seats}: ${allotted}`);
    });
  }
});

test('allotSeats gives a tied seat to the larger class, then to the earlier', () => {
  assert.deepEqual(allotSeats([5, 5, 5], 1), [1, 0, 0]);
  assert.deepEqual(allotSeats([1, 3], 2), [0, 2]);
});

test('allotStratifiedSeats leaves every class a row and seats those with enough rows', () => {
  assert.deepEqual(allotStratifiedSeats([1, 1, 20], 11, 2), [0, 0, 11]);
  assert.deepEqual(allotStratifiedSeats([90, 4, 3], 8, 3), [6, 1, 1]);
  assert.deepEqual(allotStratifiedSeats([90, 4, 2], 8, 3), [7, 1, 0]);
});
