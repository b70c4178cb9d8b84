import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../../tools/test-data.ts';
import { createLabelledMedia } from './labelled-media.ts';
import { readLabelsCsv } from './labels-csv.ts';
import { decodeText, filesOfTexts, readLabelledLines, textLines } from './text.ts';

const SMS = 'text/SMSSpamCollection';
const encode = (text: string) => new TextEncoder().encode(text);

test('decodeText goes by the byte order mark, else by the encoding', () => {
  assert.equal(decodeText(encode('größe 🎉'), 'f'), 'größe 🎉');
  assert.equal(decodeText(encode('\uFEFFx'), 'f'), 'x');
  assert.equal(decodeText(Uint8Array.of(0xff, 0xfe, 0x41, 0, 0xf6, 0), 'f'), 'Aö');
  assert.equal(decodeText(Uint8Array.of(0xfe, 0xff, 0, 0x41), 'f'), 'A');
  assert.equal(decodeText(Uint8Array.of(0x66, 0xe9, 0x80), 'f', 'windows-1252'), 'fé€');
  assert.throws(() => decodeText(Uint8Array.of(0x66, 0xe9), 'f'), {
    reason: 'INVALID_DATA',
    message: 'text: f is not valid utf-8; say its encoding, "windows-1252" perhaps',
  });
  assert.throws(() => decodeText(encode('x'), 'f', 'ebcdic'), { message: 'text: the encoding "ebcdic" is not known' });
});

test('readLabelledLines parts label and text at the first or the last separator', () => {
  assert.deepEqual(readLabelledLines('ham\tsee you\tat 8\r\n\r\nspam\tWIN\n', 'f'), [
    { label: 'ham', text: 'see you\tat 8' },
    { label: 'spam', text: 'WIN' },
  ]);
  assert.deepEqual(readLabelledLines('good, really, 1', 'f', { separator: ',', labelAt: 'last' }), [
    { label: '1', text: 'good, really' },
  ]);
  assert.throws(() => readLabelledLines('a\tb\n\nno label', 'f'), { message: 'text: f line 3 has no "\\t"' });
  assert.throws(() => readLabelledLines('a\tb\n \tc', 'f'), { message: 'text: f line 2 has an empty label' });
  assert.deepEqual(textLines('a\r\n\n  \nb '), ['a', 'b ']);
});

test('readLabelledLines reads the SMS spam collection', { skip: skipWithoutSharedData(SMS) }, async () => {
  const collection = decodeText(readFileSync(sharedDataPath(SMS)), SMS);
  // One message is broken over two lines.
  assert.throws(() => readLabelledLines(collection, SMS), { message: `text: ${SMS} line 6 has no "\\t"` });
  const texts = readLabelledLines(collection, SMS, { loneLine: 'join' });
  assert.match(texts[4]?.text ?? '', /around he\nre though$/);
  assert.equal(texts.length, 5574);
  assert.equal(texts.filter(({ label }) => label === 'spam').length, 747); // as its authors count them
  const media = createLabelledMedia({
    kind: 'text',
    files: filesOfTexts(texts, SMS),
    decode: (bytes, name) => decodeText(bytes, name),
  });
  assert.deepEqual(media.classNames, ['ham', 'spam']);
  assert.equal(await media.load(5573), texts[5573]?.text);
  assert.equal(media.files[1]?.name, `${SMS}#0002`);
});

test('readLabelsCsv reads what spreadsheets write', () => {
  const expected = new Map([
    ['a/1.png', 'cat'],
    ['b "2", x.png', 'dog\nor wolf'],
  ]);
  assert.deepEqual(readLabelsCsv('file,label\na/1.png,cat\n"b ""2"", x.png","dog\nor wolf"\n', 'f'), expected);
  assert.deepEqual(
    readLabelsCsv('\uFEFFn;label;file\r\n1;cat;a\\1.png\r\n\r\n2;"dog\nor wolf";"b ""2"", x.png"', 'f'),
    expected,
  );
  const columns = { fileColumn: 'name', labelColumn: 'class' };
  assert.deepEqual(readLabelsCsv('class\tname\ncat\ta.png\r\n', 'f', columns), new Map([['a.png', 'cat']]));
  for (const [text, message] of [
    ['', 'has no column "file"; it has no header'],
    ['name,label\n', 'has no column "file"; it has "name", "label"'],
    ['file,label\n', 'has no rows'],
    ['file,label\na,b\nc\n', 'row 2 has 1 values; the header has 2 columns'],
    ['file,label\na,\n', 'row 1 has no label for "a"'],
    ['file,label\na,x\na,y\n', 'names "a" twice'],
  ] as const)
    assert.throws(() => readLabelsCsv(text, 'f'), { reason: 'INVALID_DATA', message: `labels: f ${message}` });
});
