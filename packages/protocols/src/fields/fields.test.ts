import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields, unsupported } from './fields.ts';

const body = { model: 'm', n: 2, stop: ['a', 'b'], deep: { x: true }, none: null };

test('Fields gives values by name and type, null as left out', () => {
  const fields = Fields.of(body);
  assert.equal(fields.text('model'), 'm');
  assert.equal(fields.integer('n', { min: 1, max: 2 }), 2);
  assert.deepEqual(
    fields.list('stop', (item, path) => `${path}=${item}`),
    ['stop[0]=a', 'stop[1]=b'],
  );
  assert.equal(fields.object('deep')?.flag('x'), true);
  assert.equal(fields.text('none'), undefined);
  assert.equal(fields.text('toString'), undefined);
  fields.end();
});

test('Fields names the field, what it expected and what came', () => {
  const fails = (read: (fields: Fields) => unknown, message: string): void =>
    assert.throws(() => read(Fields.of(body)), { reason: 'INVALID_ARGUMENT', message });
  fails((fields) => fields.text('n'), 'n: expected a string, got 2');
  fails((fields) => fields.integer('n', { max: 1 }), 'n: expected a whole number of at most 1, got 2');
  fails((fields) => fields.number('model', { min: 0, max: 1 }), 'model: expected a number from 0 to 1, got "m"');
  fails((fields) => fields.object('deep')?.text('x'), 'deep.x: expected a string, got true');
  fails((fields) => fields.choice('model', ['a', 'b']), 'model: expected one of "a", "b", got "m"');
  fails((fields) => fields.list('model', String), 'model: expected a list, got "m"');
  fails((fields) => fields.need('input', fields.text('input')), 'input: is needed');
  assert.throws(() => Fields.of([]), { message: 'the body: expected an object, got []' });
});

test('Fields.end refuses what nobody asked for by name', () => {
  const fields = Fields.of(body);
  fields.ignore('model', 'n', 'stop');
  assert.throws(() => fields.end(), { message: 'deep: is not supported', details: { field: 'deep' } });
  fields.object('deep');
  fields.end();
});

test('Fields needText refuses a string that is missing or none, unsupported names what is not there', () => {
  assert.equal(Fields.of({ model: '' }).needText('model'), '');
  const refuses = (body: object, message: string) =>
    assert.throws(() => Fields.of(body, 'tools[0]').needText('name'), {
      reason: 'INVALID_ARGUMENT',
      message,
      details: { field: 'tools[0].name' },
    });
  refuses({ name: null }, 'tools[0].name: is needed');
  refuses({ name: 3 }, 'tools[0].name: expected a string, got 3');
  const { reason, message, details } = unsupported('tools[0].type', 'only functions');
  assert.deepEqual(
    [reason, message, details],
    ['UNSUPPORTED_FEATURE', 'tools[0].type: only functions', { field: 'tools[0].type' }],
  );
});
