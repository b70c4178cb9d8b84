import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileToOnnx } from '../../compile/index.ts';
import { arrayFromTensor, evaluate, type NumericArray, tensorFromArray } from '../../reference/index.ts';
import { assertClose, checkOperation, ortExecutor } from '../../reference/testing/check-operation.ts';
import { createRandom } from '../../statistics/index.ts';
import { pullBack } from '../gradients.ts';
import type { Shape } from '../shape.ts';
import { sortNodes } from '../traverse.ts';
import { input, type Value } from '../value.ts';
import { verifyGraph } from '../verify.ts';
import * as op from './index.ts';

/** Equation → shapes, of one operand each. */
const cases: Readonly<Record<string, readonly (readonly number[])[]>> = {
  'ij,jk->ik': [
    [2, 3],
    [3, 4],
  ],
  'ij,jk': [
    [2, 3],
    [3, 4],
  ],
  'ba,ca->cb': [
    [2, 3],
    [4, 3],
  ],
  'bthd,bshd->bhts': [
    [2, 3, 2, 4],
    [2, 5, 2, 4],
  ],
  'bhts,bshd->bthd': [
    [2, 2, 3, 5],
    [2, 5, 2, 4],
  ],
  'btd,de->bte': [
    [2, 3, 4],
    [4, 5],
  ],
  'de,btd->bte': [
    [4, 5],
    [2, 3, 4],
  ],
  'abc,dcb->ad': [
    [2, 3, 4],
    [5, 4, 3],
  ],
  'abcd,ebfd->aecf': [
    [2, 3, 2, 4],
    [2, 3, 2, 4],
  ],
  'i,i->': [[5], [5]],
  'bi,bi->b': [
    [2, 5],
    [2, 5],
  ],
  'i,j->ji': [[2], [3]],
  'ij,j->i': [[2, 3], [3]],
  'j,ij->i': [[3], [2, 3]],
  'ij->ji': [[2, 3]],
  'ij->': [[2, 3]],
  'ijk->k': [[2, 3, 4]],
  'ii->i': [[3, 3]],
  ii: [[3, 3]],
  'iji,jk->ki': [
    [2, 3, 2],
    [3, 2],
  ],
  'ij,ij->ij': [
    [2, 3],
    [2, 3],
  ],
  'ijk,ij->k': [
    [2, 3, 4],
    [2, 3],
  ],
  'i,ij,j->': [[2], [2, 3], [3]],
  'ab,bc,cd->da': [
    [2, 3],
    [3, 4],
    [4, 2],
  ],
  '...ij,...jk->...ik': [
    [2, 1, 3, 4],
    [5, 4, 2],
  ],
  '...i,i->...': [[2, 3, 4], [4]],
  'i...,i...': [
    [3, 2],
    [3, 2],
  ],
  'a...,...->a...': [[2, 3], [1]],
  '...ij->...': [[2, 3, 2]],
  'ab,cb->ac': [
    [2, 1],
    [3, 4],
  ],
};

for (const [equation, shapes] of Object.entries(cases)) {
  test(`einsum ${equation}`, async () => {
    await checkOperation({ shapes, build: (...operands) => op.einsum(equation, operands) });
    // The reference's kernel of ONNX's Einsum knows nothing of how equations are taken apart.
    if (equation.includes('.') || !equation.includes('->') || equation === 'ab,cb->ac') return;
    const sources = shapes.map((shape, index) => input(`x${index}`, 'float64', shape));
    const feeds = new Map(sources.map((source, index) => [source, draw(shapes[index] ?? [], index)]));
    const [found] = evaluate([op.einsum(equation, sources)], feeds);
    assertClose(found ?? assert.fail(), naive(equation, [...feeds.values()]), 1e-12);
  });
}

function draw(shape: readonly number[], seed: number): NumericArray {
  const random = createRandom(`einsum ${seed}`);
  const count = shape.reduce((total, size) => total * size, 1);
  return { dtype: 'float64', shape, data: Float64Array.from({ length: count }, () => random.normal()) };
}

/** Every product, added up. */
function naive(equation: string, arrays: readonly NumericArray[]): NumericArray {
  const [left = '', output = ''] = equation.split('->');
  const terms = left.split(',');
  const sizes = new Map(
    terms.flatMap((term, index) => [...term].map((letter, axis) => [letter, arrays[index]?.shape[axis] ?? 1] as const)),
  );
  const offset = (letters: string, shape: readonly number[], at: ReadonlyMap<string, number>): number =>
    [...letters].reduce((sum, letter, axis) => sum * (shape[axis] ?? 1) + (at.get(letter) ?? 0), 0);
  const shape = [...output].map((letter) => sizes.get(letter) ?? 1);
  const data = new Float64Array(shape.reduce((total, size) => total * size, 1));
  const letters = [...sizes.keys()];
  const visit = (at: Map<string, number>): void => {
    const letter = letters[at.size];
    if (letter === undefined) {
      const factors = arrays.map(
        (array, index) => array.data[offset(terms[index] ?? '', array.shape, at)] ?? Number.NaN,
      );
      const place = offset(output, shape, at);
      data[place] = (data[place] ?? 0) + factors.reduce((product, factor) => product * factor, 1);
      return;
    }
    for (let value = 0; value < (sizes.get(letter) ?? 1); value++) visit(new Map([...at, [letter, value]]));
  };
  visit(new Map());
  return { dtype: 'float64', shape, data };
}

test('einsum of attention is one product between transposes', () => {
  const operands = [input('q', 'float32', ['N', 3, 2, 4]), input('k', 'float32', ['N', 5, 2, 4])];
  const names = sortNodes([op.einsum('bthd,bshd->bhts', operands)]).map(({ operation }) => operation.name);
  assert.deepEqual(names, ['Transpose', 'Transpose', 'MatMul']);
});

test('einsum merges no sizes it does not know', async () => {
  const shapes: readonly Shape[] = [
    ['N', 'T', 2, 3],
    ['N', 'T', 4],
  ];
  const sources = shapes.map((shape, index) => input(`x${index}`, 'float32', shape));
  const y = op.einsum('ntab,ntc->abc', sources);
  assert.deepEqual(y.shape, [2, 3, 4]);
  assert(sortNodes([y]).some(({ operation }) => operation.name === 'Einsum'));
  const pulled = pullBack([y], [y], sources);
  const values = [y, ...pulled.map((gradient) => gradient ?? assert.fail())];
  verifyGraph(values);
  const arrays = [draw([2, 3, 2, 3], 1), draw([2, 3, 4], 2)];
  const feeds = (array: NumericArray): NumericArray => ({ ...array, dtype: 'float32' });
  const expected = evaluate(
    values,
    new Map(sources.map((source, index) => [source, feeds(arrays[index] ?? assert.fail())])),
  );
  assertClose(expected[0] ?? assert.fail(), { ...naive('ntab,ntc->abc', arrays), dtype: 'float32' }, 1e-12);
  const known = arrays.map(({ shape }, index) => input(`k${index}`, 'float32', shape));
  const fixed = op.einsum('ntab,ntc->abc', known);
  const wanted = evaluate(
    [fixed, ...pullBack([fixed], [fixed], known).map((gradient): Value => gradient ?? assert.fail())],
    new Map(known.map((source, index) => [source, feeds(arrays[index] ?? assert.fail())])),
  );
  for (const [index, array] of expected.entries()) assertClose(array, wanted[index] ?? assert.fail(), 1e-12);
  const compiled = await (await ortExecutor()).compile(
    compileToOnnx(new Map(values.map((value, index) => [`y${index}`, value])), { inputs: sources }),
  );
  try {
    const found = await compiled.run(
      new Map(arrays.map((array, index) => [`x${index}`, tensorFromArray(feeds(array))])),
    );
    for (const [index, array] of expected.entries()) {
      assertClose(arrayFromTensor(found.get(`y${index}`) ?? assert.fail()), array, 1e-4);
    }
  } finally {
    await compiled.dispose();
  }
});

test('einsum takes sizes that are not known as they are where it can', () => {
  const x = input('x', 'float32', ['N', 'T', 4]);
  const w = input('w', 'float32', [4, 5]);
  for (const y of [op.einsum('ntd,de->nte', [x, w]), op.einsum('de,ntd->nte', [w, x])]) {
    assert.deepEqual(y.shape, ['N', 'T', 5]);
    assert.deepEqual(
      sortNodes([y]).map(({ operation }) => operation.name),
      ['MatMul'],
    );
  }
});

test('einsum refuses equations that do not fit', () => {
  const x = input('x', 'float32', [2, 3]);
  for (const [equation, operands, message] of [
    ['ij,jk->ik', [x], 'einsum: ij,jk->ik: has 2 operands, got 1'],
    ['ijk->i', [x], 'einsum: ijk->i: operand 0 is [2,3], which ijk does not describe'],
    ['ij->ik', [x], 'einsum: ij->ik: no operand has k'],
    ['ij->ii', [x], 'einsum: ij->ii: a letter comes twice in the result'],
    ['ij,ij->', [x, op.transpose(x)], 'einsum: ij,ij->: i is 2 and 3'],
    ['i1->i', [x], 'einsum: i1->i: is not an equation of letters'],
    ['...j->j', [x], 'einsum: ...j->j: the result needs the ellipsis too'],
  ] as const) {
    assert.throws(() => op.einsum(equation, operands), { reason: 'INVALID_GRAPH', message });
  }
});
