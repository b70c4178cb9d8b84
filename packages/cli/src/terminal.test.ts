import assert from 'node:assert/strict';
import test from 'node:test';
import { createTerminal, formatBytes, formatMs, pairs, progressBar, table } from './terminal.ts';

function recorder(isTTY: boolean) {
  const written = { stdout: '', stderr: '' };
  const into = (name: keyof typeof written) => (text: string) => {
    written[name] += text;
  };
  const terminal = createTerminal({
    stdout: { write: into('stdout') },
    stderr: { write: into('stderr'), isTTY, columns: 20 },
  });
  return { terminal, written };
}

test('createTerminal draws progress on a terminal only, cut to its width, and clears it before text', () => {
  const interactive = recorder(true);
  interactive.terminal.progress('x'.repeat(50));
  interactive.terminal.print('done');
  assert.equal(interactive.written.stderr, `\r\u001b[2K${'x'.repeat(19)}\r\u001b[2K`);
  assert.equal(interactive.written.stdout, 'done\n');
  const piped = recorder(false);
  piped.terminal.progress('x');
  piped.terminal.note('careful');
  assert.equal(piped.written.stderr, 'careful\n');
});

test('progressBar shows the share done', () => {
  assert.equal(progressBar('upload', 3, 8, '3 of 8'), `upload  ${'█'.repeat(11)}${'░'.repeat(17)}  37%  3 of 8`);
  assert.match(progressBar('upload', 0, 0, ''), /100%/);
});

test('table and pairs line up their columns', () => {
  assert.equal(
    table(
      ['name', 'n'],
      [
        ['a', '1'],
        ['longer', '22'],
      ],
    ),
    'name    n\na       1\nlonger  22',
  );
  assert.equal(
    pairs([
      ['a', '1'],
      ['bcd', '2'],
    ]),
    'a    1\nbcd  2',
  );
});

test('formatBytes and formatMs keep three digits', () => {
  assert.deepEqual([0, 999, 1000, 26_454, 999_500, 1_234_567_890].map(formatBytes), [
    '0 B',
    '999 B',
    '1.00 kB',
    '26.5 kB',
    '1.00 MB',
    '1.23 GB',
  ]);
  assert.deepEqual([0.0421, 1.5, 42.25, 740, 999.7, 61_000].map(formatMs), [
    '0.042 ms',
    '1.50 ms',
    '42.3 ms',
    '740 ms',
    '1.00 s',
    '61.0 s',
  ]);
});
