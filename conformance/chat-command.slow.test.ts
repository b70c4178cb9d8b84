// `amaas chat` as a user runs it on the first day: a server with nothing but what amaas brings, and its story-teller.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ChatMessage, createClient } from '@amaas/client';
import {
  AmaasHome,
  assertDone,
  assertFailed,
  type CommandResult,
  parseJson,
  type RunOptions,
  type ServedAmaas,
} from './testing/amaas-command.ts';

let home: AmaasHome;
let server: ServedAmaas;

before(async () => {
  home = await AmaasHome.create();
  server = await home.serve();
});

after(() => home?.dispose());

function chat(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  return home.run(['chat', ...argv], { environment: { AMAAS_URL: server.url }, ...options });
}

test('a story is told to whoever asks for one, and goes on from the beginning that is given', async () => {
  const asked = assertDone(await chat(['story-teller', 'Tell me a story, please!', '--seed', '3']));
  assert.match(asked, /^Once upon a time.{80,}\n$/s);
  const begun = assertDone(await chat(['--model', 'story-teller', 'Once upon a time', '--seed', '3']));
  assert.match(begun, /^, there was .{60,}\n$/s);
});

test('what is piped in is answered once, by the only model there is, the same again for the same seed', async () => {
  const once = { stdin: 'One day, a little fox\n' };
  const { stdout: first } = await chat(['--seed', '11', '--max-tokens', '30'], once);
  assert.match(first, /^.{60,}\n$/s);
  const again = await chat(['--seed', '11', '--max-tokens', '30', '--verbose'], once);
  assert.deepEqual([again.code, again.stdout], [0, first]);
  assert.match(
    again.stderr,
    /^\(cut after 30 tokens: --max-tokens is 30; .*\)\n30 tokens, [\d.]+ tokens\/s, first after \d+\.\d\d s, prompt \d+ tokens\n$/,
  );
});

test('amaas bench measures a model that writes', async () => {
  const short = ['--duration', '0.5', '--warmup', '0', '--concurrency', '2', '--tokens', '9', '--json'];
  const environment = { AMAAS_URL: server.url };
  const result = await home.run(['bench', 'story-teller', ...short], { environment });
  const { succeeded, errors, answerTokens } = Object(parseJson(result));
  assert.deepEqual([succeeded > 0, errors, answerTokens], [true, [], 9]);
});

test('--json prints one object', async () => {
  const result = await chat(['story-teller', 'Once', '--max-tokens', '5', '--temperature', '0', '--json']);
  const answer = parseJson(result) as { readonly [name: string]: unknown }; // as the next line says
  assert.deepEqual(
    [answer['model'], answer['text'], answer['reason'], answer['usage']],
    ['story-teller', ' upon a time, there', 'length', { promptTokens: 2, completionTokens: 5 }],
  );
});

test('what cannot be done is said, with the exit code of its kind', async () => {
  assertFailed(await chat(['nobody', 'Hi']), 1, /^amaas: .*'?nobody'?.*\nSee what is there with: amaas models list\n$/);
  assertFailed(await chat(['iris', 'Hi']), 1, /^amaas: model "iris" is no language model: it takes tensors/);
  assertFailed(await chat(['story-teller', 'é'.repeat(5000)]), 1, /256 tokens/);
  assertFailed(await chat(['story-teller']), 2, /^amaas: there is no message/);
  assertFailed(await chat(['story-teller', 'Hi', '--temperature', 'hot']), 2, /--temperature must be a number/);
  const stranger = await home.run(['chat', 'story-teller', 'Hi'], { environment: { AMAAS_URL: 'http://127.0.0.1:2' } });
  assertFailed(stranger, 1, /^amaas: chat: cannot reach .*\nStart a server with: amaas serve\./);
});

test('a conversation with the story-teller goes on for as long as anyone likes', async () => {
  const { stdout } = await home.run(['keys', 'create', 'talker', '--scope', 'infer', '--json'], {
    environment: { AMAAS_URL: server.url },
  });
  const client = createClient({ url: server.url, apiKey: JSON.parse(stdout).key });
  assert.deepEqual(await client.chatModels(), [{ name: 'story-teller', labels: [] }]);
  const messages: ChatMessage[] = [];
  for (const said of [
    'Hello',
    'What happened next?',
    'One day, the dog',
    'Go on',
    'And then',
    'Tell me more',
    'The end.',
  ]) {
    messages.push({ role: 'user', content: said });
    let answer = '';
    for await (const event of client.chat('story-teller', messages, { seed: 5 })) {
      if (event.type === 'text') answer += event.text;
    }
    assert.notEqual(answer.trim(), '', `${said} → ${answer}`);
    messages.push({ role: 'assistant', content: answer });
  }
});
