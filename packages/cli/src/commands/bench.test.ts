import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type Answer, startTestServer } from '../../../client/src/testing/http-server.ts';
import { runCommand } from '../testing/run-command.ts';

/** A server with one language model, which answers everything with 7 tokens. */
async function start(t: TestContext) {
  const server = await startTestServer(t, ({ path, body }): Answer => {
    if (path === '/v2/models/teller%401') {
      const text = { datatype: 'BYTES', shape: [1] };
      const sides = { inputs: [{ name: 'text_input', ...text }], outputs: [{ name: 'text_output', ...text }] };
      return { status: 200, body: { name: 'teller', versions: ['1'], platform: 'llama.cpp', ...sides } };
    }
    if (!JSON.parse(String(body)).stream) return { status: 200, body: { choices: [] } };
    const chunks = [
      { choices: [{ delta: { content: 'so' }, finish_reason: 'length' }] },
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 7 } },
    ];
    const lines = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'];
    const headers = { 'content-type': 'text/event-stream' };
    return { status: 200, headers, body: lines.map((line) => `data: ${line}\n\n`).join('') };
  });
  const environment = { AMAAS_URL: server.url, AMAAS_API_KEY: 'k' };
  const short = ['--duration', '0.2', '--warmup', '0', '--concurrency', '2'];
  const bench = (...argv: string[]) => runCommand(['bench', 'teller@1', ...short, ...argv], { environment });
  return { server, bench };
}

test('bench measures a language model in requests and tokens', async (t) => {
  const { server, bench } = await start(t);
  const json = await bench('--json', '--tokens', '9', '--text', 'One', 'day');
  assert.equal(json.code, 0, json.stderr);
  const { succeeded, succeededPerSecond, tokensPerSecond, answerTokens } = JSON.parse(json.stdout);
  assert.ok(succeeded > 0, json.stdout);
  assert.deepEqual([answerTokens, tokensPerSecond], [7, 7 * succeededPerSecond]);
  const last = server.asked.at(-1);
  assert.equal(last?.path, '/v1/chat/completions');
  assert.deepEqual(JSON.parse(String(last?.body)), {
    model: 'teller@1',
    messages: [{ role: 'user', content: 'One day' }],
    temperature: 0,
    max_tokens: 9,
  });
  const { stdout } = await bench();
  assert.match(stdout, /^request +a message of 16 characters, answered in 7 tokens\n[\s\S]*\ntokens\/s +\d+\.\d\n/);
});

test('bench refuses tensors for a language model', async (t) => {
  const { bench } = await start(t);
  const { code, stderr } = await bench('--data', '[[1, 2]]');
  assert.deepEqual([code, /is a language model: give what it is to answer with --text/.test(stderr)], [2, true]);
});
