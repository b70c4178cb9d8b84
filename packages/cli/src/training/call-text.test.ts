import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { curlLine, curlPictureLine, curlRequestLine, predictLine, predictPictureLine } from './call-text.ts';

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
  const [, , path] = shellWords(curlLine({ url: 'http://h:1', model: 'm@3', row, command: 'amaas' }));
  assert.equal(path, 'http://h:1/v1/models/m/versions/3:predict');
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

test('lines with a file survive the shell, whatever it is called', {
  skip: process.platform === 'win32' ? 'needs sh' : false,
}, () => {
  const file = "my cats/it's $HOME.JPG";
  const call = { url: 'http://h:1', model: 'm', file, command: 'amaas' };
  assert.deepEqual(shellWords(predictPictureLine(call)), ['predict', 'm', '--image', file]);
  const type = (name: string): string | undefined => shellWords(curlPictureLine({ ...call, file: name }))[3];
  assert.deepEqual(shellWords(curlPictureLine(call)).slice(4), [
    '--data-binary',
    `@${file}`,
    'http://h:1/v2/models/m/infer',
  ]);
  assert.deepEqual(
    [type(file), type('a.png'), type('a.tif')],
    ['Content-Type: image/jpeg', 'Content-Type: image/png', 'Content-Type: image/tiff'],
  );
  assert.deepEqual(shellWords(curlRequestLine({ ...call, model: 'm@12', file: 'a/b.json' })).slice(2), [
    'http://h:1/v2/models/m/versions/12/infer',
    '-d',
    '@a/b.json',
  ]);
  assert.equal(predictPictureLine({ ...call, file: 'a/b-1.png' }), 'amaas predict m --image a/b-1.png');
});
