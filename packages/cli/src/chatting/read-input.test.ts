import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { TerminalLines } from './read-input.ts';

function typing() {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  stdout.resume();
  return { stdin, lines: new TerminalLines(stdin, stdout) };
}

test('TerminalLines gives lines as they are typed, and those pasted together one by one', async () => {
  const { stdin, lines } = typing();
  const first = lines.read('> ');
  stdin.write('one\r');
  assert.deepEqual(await first, { kind: 'text', text: 'one' });
  const second = lines.read('> ');
  stdin.write('two\rthree\r');
  assert.deepEqual(await second, { kind: 'text', text: 'two' });
  assert.deepEqual(await lines.read('> '), { kind: 'text', text: 'three' });
  const again = lines.read('> ');
  stdin.write('\u001b[A\r'); // up
  assert.deepEqual(await again, { kind: 'text', text: 'three' });
});

test('TerminalLines tells Ctrl-C and Ctrl-D from lines', async () => {
  const { stdin, lines } = typing();
  const stopped = lines.read('> ');
  stdin.write('half\u0003');
  assert.deepEqual(await stopped, { kind: 'interrupted' });
  const ended = lines.read('> ');
  stdin.write('\u0004');
  assert.deepEqual(await ended, { kind: 'end' });
});
