import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type Answer, startTestServer } from '../../../client/src/testing/http-server.ts';
import { runCommand } from '../testing/run-command.ts';

/** A server with one language model, which answers with what it was told, thinking first. */
async function start(t: TestContext) {
  const server = await startTestServer(t, ({ path, body }): Answer => {
    if (path === '/api/tags') return { status: 200, body: { models: [{ name: 'parrot:latest' }] } };
    const { messages, model } = JSON.parse(String(body));
    if (model === 'nobody') {
      const error = { message: 'there is no such model', type: 'x', param: null, code: 'model_not_found' };
      return { status: 404, headers: { 'x-amaas-reason': 'MODEL_NOT_FOUND' }, body: { error } };
    }
    const delta = (value: object, finish: string | null = null) => ({
      choices: [{ delta: value, finish_reason: finish }],
    });
    const chunks = [
      delta({ reasoning_content: 'hm' }),
      delta({ content: messages.at(-1).content }),
      delta({}, messages.at(-1).content === 'cut me' ? 'length' : 'stop'),
      { choices: [], usage: { prompt_tokens: 7, completion_tokens: 1 } },
    ];
    const lines = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'];
    const headers = { 'content-type': 'text/event-stream' };
    return { status: 200, headers, body: lines.map((line) => `data: ${line}\n\n`).join('') };
  });
  const chat = (argv: readonly string[], stdin = '') =>
    runCommand(['chat', ...argv], { environment: { AMAAS_URL: server.url, AMAAS_API_KEY: 'k' }, stdin });
  const sent = () => JSON.parse(String(server.asked.at(-1)?.body));
  return { chat, sent };
}

test('chat answers a message, one piped in, and both together', async (t) => {
  const { chat, sent } = await start(t);
  const said = { code: 0, stderr: '' };
  assert.deepEqual(await chat(['parrot', 'Hi', 'there']), { ...said, stdout: 'Hi there\n' });
  assert.deepEqual(await chat(['parrot'], 'from a pipe\n'), { ...said, stdout: 'from a pipe\n' });
  assert.deepEqual(await chat([], 'to whom?\n'), { ...said, stdout: 'to whom?\n' });
  assert.equal(sent().model, 'parrot');
  assert.deepEqual(await chat(['--model', 'parrot', 'Sum:', '-'], 'a\nb\n'), { ...said, stdout: 'Sum: a\nb\n' });
  const flags = '--system Brief. --temperature 0.5 --max-tokens 9 --seed 3 --verbose'.split(' ');
  const { stdout, stderr } = await chat(['parrot', 'Hi', ...flags]);
  assert.equal(stdout, 'Hi\n');
  assert.match(stderr, /^1 tokens, first after \d\.\d\d s, prompt 7 tokens\n$/);
  const { messages, temperature, max_tokens, seed } = sent();
  assert.deepEqual([messages[0], temperature, max_tokens, seed], [{ role: 'system', content: 'Brief.' }, 0.5, 9, 3]);
});

test('chat says that an answer was cut, and what to do', async (t) => {
  const { chat } = await start(t);
  const asked = await chat(['parrot', 'cut', 'me', '--max-tokens', '1']);
  assert.equal(asked.stdout, 'cut me\n');
  assert.equal(asked.stderr, '(cut after 1 token: --max-tokens is 1; start with a greater one for more)\n');
  const full = await chat(['parrot', 'cut', 'me', '--max-tokens', '3']);
  assert.match(full.stderr, /^\(cut after 1 token: no more room in the model's context, .*\)\n$/);
  assert.equal((await chat(['parrot', 'cut', 'me', '--json'])).stderr, '');
});

test('chat --json prints the answer as one object', async (t) => {
  const { chat } = await start(t);
  const { firstMs, ...answer } = JSON.parse((await chat(['parrot', 'Hi', '--json'])).stdout);
  assert.deepEqual(answer, {
    model: 'parrot',
    text: 'Hi',
    thinking: 'hm',
    reason: 'stop',
    usage: { promptTokens: 7, completionTokens: 1 },
    tokensPerSecond: null,
  });
  assert.ok(firstMs >= 0);
});

test('chat says in a line what is wrong', async (t) => {
  const { chat } = await start(t);
  const rows: readonly (readonly [argv: readonly string[], code: number, stderr: RegExp])[] = [
    [['nobody', 'Hi'], 1, /^amaas: there is no such model\nSee what is there/],
    [['parrot'], 2, /^amaas: there is no message/],
    [['parrot', ' '], 2, /^amaas: there is no message/],
    [['parrot', 'Hi', '--temperature', 'hot'], 2, /--temperature must be a number ≥ 0/],
    [['parrot', 'Hi', '--seed', '-1'], 2, /--seed must be a whole number ≥ 0/],
    [['parrot', 'Hi', '--max-tokens', '0'], 2, /--max-tokens must be a whole number ≥ 1/],
  ];
  for (const [argv, code, stderr] of rows) {
    const result = await chat(argv);
    assert.deepEqual([argv, result.code, result.stdout], [argv, code, '']);
    assert.match(result.stderr, stderr);
  }
});
