import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createTestDirectory } from '../storage/testing/databases.ts';
import { checkInput, indexInput, MOST_INPUT_BYTES, MOST_LINES } from './check-input.ts';
import { InputLines, LineIndex, scanLines } from './input-lines.ts';
import { collect, requests } from './testing/batches-fixture.ts';

async function fileOf(context: TestContext, content: string | Uint8Array): Promise<string> {
  const path = join(await createTestDirectory(context), 'input.jsonl');
  await writeFile(path, content);
  return path;
}

test('scanLines gives lines with their numbers, and where InputLines finds them again', async (t) => {
  const texts = ['ü', 'x'.repeat(700_000), '', ' \t\r', '{"a":1}\r', 'last'];
  const path = await fileOf(t, texts.join('\n'));
  const lines = await collect(scanLines(path, 1_000_000));
  const shown = lines.map((line) => ('isOverlong' in line ? null : [line.number, line.text]));
  assert.deepEqual(shown, [
    [1, 'ü'],
    [2, 'x'.repeat(700_000)],
    [5, '{"a":1}\r'],
    [6, 'last'],
  ]);
  const index = await indexInput(path, 1_000_000);
  assert.equal(index.length, 4);
  const input = await InputLines.open(path, index);
  for (const at of [3, 0, 2, 1]) assert.equal(await input.read(at), shown[at]?.[1]);
  await assert.rejects(input.read(4), RangeError);
  await input.close();
});

test('scanLines says which lines are too long or no text, and holds none of the former', async (t) => {
  const bytes = Buffer.concat([
    Buffer.from(`${'x'.repeat(101)}\n${'y'.repeat(100)}\n`),
    Buffer.from([0xff, 0x0a]),
    Buffer.from('z'.repeat(300_000)),
  ]);
  const lines = await collect(scanLines(await fileOf(t, bytes), 100));
  assert.deepEqual(lines, [
    { number: 1, isOverlong: true },
    { number: 2, startByte: 102, endByte: 202, text: 'y'.repeat(100) },
    { number: 3, startByte: 203, endByte: 204, text: null },
    { number: 4, isOverlong: true },
  ]);
});

test('LineIndex knows no line that is not there', () => {
  assert.throws(() => new LineIndex().range(0), RangeError);
});

async function check(context: TestContext, text: string, more: Partial<Parameters<typeof checkInput>[0]> = {}) {
  const path = await fileOf(context, text);
  const subject = { path, sizeBytes: text.length, endpoint: '/v1/completions', maxLineBytes: 200, ...more } as const;
  const { index, problems, model } = await checkInput(subject);
  return { lines: index.length, model, problems: problems.map(({ line, code, param }) => [line, code, param]) };
}

test('checkInput takes requests of one kind for one model', async (t) => {
  assert.deepEqual(await check(t, requests(7)), { lines: 7, model: 'm', problems: [] });
  const line = { custom_id: 'a', method: 'POST', url: '/v1/moderations', body: { input: 'b' } };
  const moderations = [line, { ...line, custom_id: 'b' }].map((each) => JSON.stringify(each)).join('\n');
  assert.deepEqual(await check(t, moderations, { endpoint: '/v1/moderations' }), {
    lines: 2,
    model: null,
    problems: [],
  });
});

test('checkInput names every line that is wrong, and how', async (t) => {
  const line = { custom_id: 'a', method: 'POST', url: '/v1/completions', body: { model: 'm' } };
  const lines = [
    line,
    { ...line, custom_id: 'a', body: { model: 'm', n: 2 } },
    { ...line, custom_id: 'b', url: '/v1/embeddings' },
    { ...line, custom_id: 'c', body: { model: 'other' } },
    { ...line, custom_id: 'd', body: {} },
    { ...line, custom_id: 'e', method: 'GET' },
    { ...line, custom_id: 'f'.repeat(300) },
    { ...line, custom_id: 'g' },
  ];
  const text = `${lines.map((each) => JSON.stringify(each)).join('\n')}\nnot JSON\n`;
  const { problems } = await check(t, text);
  assert.deepEqual(problems, [
    [2, 'duplicate_custom_id', 'custom_id'],
    [3, 'invalid_url', 'url'],
    [4, 'mismatched_model', 'body.model'],
    [5, 'missing_required_parameter', 'body.model'],
    [6, 'invalid_method', 'method'],
    [7, 'line_too_long', null],
    [9, 'invalid_json_line', null],
  ]);
});

test('checkInput refuses files that are empty or too large, and gives up on one that is wrong throughout', async (t) => {
  assert.deepEqual((await check(t, '\n\n')).problems, [[null, 'empty_file', 'input_file_id']]);
  const large = await check(t, '', { sizeBytes: MOST_INPUT_BYTES + 1 });
  assert.deepEqual(large.problems, [[null, 'file_too_large', 'input_file_id']]);
  assert.equal((await check(t, 'x\n'.repeat(500))).problems.length, 100);
  const many = await check(t, requests(MOST_LINES + 1));
  assert.deepEqual(many.problems, [[null, 'too_many_tasks', 'input_file_id']]);
});
