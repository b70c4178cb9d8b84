import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceSlots } from './sequence-slots.ts';

const prompt = (...tokens: readonly number[]) => Uint32Array.from(tokens);
const counted = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);

function use(slots: SequenceSlots, tokens: readonly number[]) {
  const choice = slots.choose(Uint32Array.from(tokens)) ?? assert.fail('no slot');
  slots.take(choice.slot, tokens);
  return choice;
}

test('SequenceSlots.choose takes the free sequence that knows most, and never the whole prompt from it', () => {
  const slots = new SequenceSlots(3);
  for (const tokens of [[1, 2, 3, 4], [7, 8], [5]]) slots.leave(use(slots, tokens).slot);
  const found = (...tokens: readonly number[]) => {
    const choice = slots.choose(prompt(...tokens));
    return [choice?.slot.sequence, choice?.common];
  };
  assert.deepEqual(
    [found(1, 2, 3, 5), found(1, 2, 3), found(7, 8, 9), found(7)],
    [
      [0, 3],
      [0, 2],
      [1, 2],
      [0, 0],
    ],
  );
});

test('SequenceSlots.choose leaves a long conversation alone where another sequence is free', () => {
  const slots = new SequenceSlots(2);
  const long = use(slots, counted(300)).slot;
  slots.leave(long);
  const fork = slots.choose(Uint32Array.from([...counted(100), 900]));
  assert.deepEqual([fork?.slot.sequence, fork?.copyFrom, fork?.common], [1, long, 100]);
  const short = slots.choose(Uint32Array.from([...counted(10), 900]));
  assert.deepEqual([short?.slot.sequence, short?.copyFrom, short?.common], [1, null, 0]);
  const next = slots.choose(Uint32Array.from([...counted(300), 900]));
  assert.deepEqual([next?.slot, next?.copyFrom, next?.common], [long, null, 300]);
  // With no other sequence free it is cut.
  use(slots, [9]);
  const only = slots.choose(Uint32Array.from([...counted(100), 900]));
  assert.deepEqual([only?.slot, only?.copyFrom, only?.common], [long, null, 100]);
});

test('SequenceSlots.choose takes the longest unused where none knows more, and none when all are busy', () => {
  const slots = new SequenceSlots(2);
  slots.leave(use(slots, [1]).slot);
  slots.leave(use(slots, [2]).slot);
  assert.equal(slots.choose(prompt(5, 6))?.slot.sequence, 0);
  use(slots, [5]);
  use(slots, [6]);
  assert.deepEqual([slots.choose(prompt(5, 6)), slots.free], [null, 0]);
});

test('SequenceSlots.choose copies from a busy sequence that knows much more', () => {
  const slots = new SequenceSlots(2);
  const busy = use(slots, counted(100)).slot;
  const choice = slots.choose(Uint32Array.from([...counted(80), 500]));
  assert.deepEqual([choice?.copyFrom, choice?.common], [busy, 80]);
  const little = slots.choose(Uint32Array.from([...counted(20), 500]));
  assert.deepEqual([little?.copyFrom, little?.common], [null, 0]);
});

test('SequenceSlots.choose prefers sequences beside busy ones, which are computed together, to the longest unused', () => {
  const slots = new SequenceSlots(5);
  const used = [1, 2, 3, 4, 5].map((token) => use(slots, [token]).slot);
  for (const slot of used) slots.leave(slot);
  const busy = slots.choose(prompt(3, 1))?.slot ?? assert.fail('no slot');
  assert.equal(busy.sequence, 2);
  slots.take(busy, [3]);
  assert.equal(slots.choose(prompt(9, 9))?.slot.sequence, 1);
  // What is known of the prompt is worth more.
  assert.equal(slots.choose(prompt(5, 1))?.slot.sequence, 4);
});
