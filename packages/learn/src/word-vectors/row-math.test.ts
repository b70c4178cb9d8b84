import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { RowMath } from './row-math.ts';

for (const dimensions of [1, 4, 7, 100]) {
  test(`RowMath computes on rows of ${dimensions} as JavaScript does`, () => {
    const math = new RowMath({ first: 3, second: 3 }, dimensions);
    const { functions, tables } = math;
    const { first, second } = tables;
    const random = createRandom(dimensions);
    for (const table of [first, second]) math.fill(table, () => random.normal());
    const { rowBytes } = first;
    const [a, b, c] = [first.start + rowBytes, first.start + 2 * rowBytes, second.start + rowBytes];
    const d = second.start + 2 * rowBytes;
    const values = (): readonly number[][] =>
      [
        [first, 1],
        [first, 2],
        [second, 1],
        [second, 2],
      ].map(([table, row]) => [...math.row(table as typeof first, row as number)]); // pairs as written
    const assertNear = (found: readonly number[] | undefined, expected: readonly number[] | undefined): void => {
      expected?.forEach((value, k) => {
        assert(
          Math.abs((found?.[k] ?? Number.NaN) - value) < 1e-5 * (1 + Math.abs(value)),
          `${found?.[k]}, not ${value}`,
        );
      });
    };
    const untouched = [...math.row(first, 0), ...math.row(second, 0)];

    let [va = [], vb = [], vc = [], vd = []] = values();
    assertNear([functions.dot(a, c, rowBytes)], [va.reduce((sum, value, k) => sum + value * (vc[k] ?? 0), 0)]);

    functions.addScaled(a, c, rowBytes, -0.7);
    assertNear(
      values()[0],
      va.map((value, k) => value - 0.7 * (vc[k] ?? 0)),
    );

    [va = [], vb = [], vc = [], vd = []] = values();
    functions.exchange(a, b, c, rowBytes, 0.3, -1.2);
    assertNear(
      values()[1],
      vb.map((value, k) => value + 0.3 * (vc[k] ?? 0)),
    );
    assertNear(
      values()[2],
      vc.map((value, k) => value - 1.2 * (va[k] ?? 0)),
    );

    math.fillAll(second, 2.5); // the squares
    [va = [], vb = [], vc = [], vd = []] = values();
    functions.adagrad(a, b, c, d, rowBytes, 0.8, 0.05);
    const after = values();
    assertNear(
      after[0],
      va.map((value, k) => value - (0.05 * 0.8 * (vb[k] ?? 0)) / Math.sqrt(2.5)),
    );
    assertNear(
      after[1],
      vb.map((value, k) => value - (0.05 * 0.8 * (va[k] ?? 0)) / Math.sqrt(2.5)),
    );
    assertNear(
      after[2],
      vc.map((value, k) => value + (0.8 * (vb[k] ?? 0)) ** 2),
    );
    assertNear(
      after[3],
      vd.map((value, k) => value + (0.8 * (va[k] ?? 0)) ** 2),
    );
    assert(Number.isFinite(functions.dot(a, b, rowBytes)));
    assert.deepEqual([...math.row(first, 0)], untouched.slice(0, dimensions));
  });
}

test('RowMath copies rows without padding, and refuses more memory than there is', () => {
  const math = new RowMath({ only: 3 }, 5);
  let next = 0;
  math.fill(math.tables.only, () => next++);
  assert.deepEqual([...math.copy(math.tables.only, 1)], [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  assert.throws(() => new RowMath({ huge: 2 ** 31 }, 100), { reason: 'INVALID_ARGUMENT', message: /4096/ });
});
