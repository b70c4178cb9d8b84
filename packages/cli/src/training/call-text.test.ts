import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { curlLine, predictLine } from './call-text.ts';

const row = new Map<string, string | number | boolean | null>([
  ['age', 63.5],
  ["who's", 'O\'Brien $HOME `x` \\ "q"'],
  ['missing', null],
  ['__proto__', true],
]);
const plain = Object.fromEntries(row);

/** The words a POSIX shell makes of a line, without the program. */
function shellWords(line: string): readonly string[] {
  const script = `set -- ${line}\nshift\nprintf '%s\\0' "$@"`;
  const text = execFileSync('sh', ['-c', script], { env: { AMAAS_API_KEY: 'the-key' } }).toString();
  return text.split('\0').slice(0, -1);
}

test('curlLine survives the shell, whatever the row holds', {
  skip: process.platform === 'win32' ? 'needs sh' : false,
}, () => {
  const words = shellWords(curlLine({ url: 'http://h:1', model: 'm', row, command: 'amaas' }));
  assert.deepEqual(words.slice(0, 3), ['-H', 'Authorization: Bearer the-key', 'http://h:1/v1/models/m:predict']);
  assert.deepEqual(JSON.parse(words[4] ?? ''), { instances: [plain] });
});

test('predictLine gives every column as an array of one', {
  skip: process.platform === 'win32' ? 'needs sh' : false,
}, () => {
  const words = shellWords(predictLine({ model: 'm', row, command: 'amaas' }));
  assert.deepEqual(words.slice(0, 3), ['predict', 'm', '--data']);
  const columns = Object.entries(JSON.parse(words[3] ?? '') as object);
  assert.deepEqual(
    columns,
    Object.entries(plain).map(([name, cell]) => [name, [cell]]),
  );
});
