import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { AmaasError, type AmaasClient, type ChatEvent, type ChatMessage } from '@amaas/client';
import { createTerminal } from '../terminal.ts';
import { Conversation } from './conversation.ts';
import { chatInteractively } from './interactive.ts';
import type { Input } from './read-input.ts';

type Chat = AmaasClient['chat'];

/** Answers with what it was told last, or as the word says. */
async function* echo(model: string, messages: readonly ChatMessage[], signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const said = messages.at(-1)?.content ?? '';
  if (said === 'fail') throw new AmaasError('CONTEXT_OVERFLOW', 'too long by 7 tokens');
  if (said === 'ponder') yield { type: 'thinking', text: 'hm' };
  if (said === 'silence') {
    yield { type: 'end', reason: 'stop', promptTokens: 7, completionTokens: 0 };
    return;
  }
  yield { type: 'text', text: `${model} hears ` };
  if (said === 'hang') {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new AmaasError('CANCELLED', 'chat: cancelled by the caller');
  }
  yield { type: 'text', text: said };
  yield { type: 'end', reason: said === 'long' ? 'length' : 'stop', promptTokens: 7, completionTokens: 3 };
}

interface Talk {
  readonly inputs: readonly (string | Input)[];
  /** Ctrl-C this often once an answer is under way, each later than two signals count as one. */
  readonly interruptions?: number;
  readonly isTTY?: boolean;
  readonly isVerbose?: boolean;
}

async function talk(t: TestContext, { inputs, interruptions = 0, isTTY = false, isVerbose = false }: Talk) {
  const cwd = await mkdtemp(join(tmpdir(), 'amaas-chat-'));
  t.after(() => rm(cwd, { recursive: true, force: true }));
  const shown = { stdout: '', stderr: '' };
  const asked: (readonly ChatMessage[])[] = [];
  const stream = (name: keyof typeof shown) => ({
    isTTY,
    write(text: string) {
      shown[name] += text;
    },
  });
  const world = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    stdin: Readable.from([]),
    environment: {},
    cwd,
  };
  let timeMs = 0;
  const chat = ((model, messages, options) => {
    // The conversation sends a list of messages, and a signal.
    asked.push(messages as readonly ChatMessage[]);
    return echo(model, messages as readonly ChatMessage[], options?.signal as AbortSignal);
  }) satisfies Chat;
  const conversation = new Conversation({
    client: { chat },
    model: 'parrot',
    system: undefined,
    settings: {},
    nowMs: () => (timeMs += 125),
  });
  const rest = inputs.map((input): Input => (typeof input === 'string' ? { kind: 'text', text: input } : input));
  let unread = 0;
  await chatInteractively({
    context: { world, terminal: createTerminal(world) },
    client: {
      chatModels: async () => [
        { name: 'parrot', labels: [] },
        { name: 'crow', labels: ['canary'] },
      ],
    },
    conversation,
    readLine: async () => rest.shift() ?? (unread++ === 0 ? { kind: 'end' } : assert.fail('it does not leave')),
    onInterrupt: (listener) => {
      const timers = Array.from({ length: interruptions }, (_, index) => setTimeout(listener, 20 + 550 * index));
      return () => timers.forEach(clearTimeout);
    },
    isVerbose,
  });
  return { ...shown, asked, conversation, cwd, unread: rest };
}

const user = (content: string) => ({ role: 'user', content }) as const;
const assistant = (content: string) => ({ role: 'assistant', content }) as const;

test('chatInteractively answers with all that was said before', async (t) => {
  const { stdout, stderr, asked } = await talk(t, { inputs: ['one', '  ', 'two'], isVerbose: true });
  assert.match(stdout, /\nparrot hears one\nparrot hears two\n$/);
  assert.equal(stderr, '3 tokens, 16 tokens/s, first after 0.13 s, prompt 7 tokens\n'.repeat(2));
  assert.deepEqual(asked[1], [user('one'), assistant('parrot hears one'), user('two')]);
});

test('chatInteractively takes texts of several lines, and leaves at a Ctrl-D within', async (t) => {
  const { asked } = await talk(t, { inputs: ['"""', 'a', ' b"""', '"""c"""', '"""d', { kind: 'end' }, 'never'] });
  assert.deepEqual([asked.length, asked[0]?.at(-1), asked[1]?.at(-1)], [2, user('a\n b'), user('c')]);
});

test('chatInteractively obeys commands', async (t) => {
  const inputs = ['/system Be brief.', 'one', '/clear', '/model crow:canary', 'two', '/system -', '/model', 'three'];
  const { asked, stdout, cwd } = await talk(t, { inputs: [...inputs, '/save talk.json', '/exit', 'never'] });
  const system = { role: 'system', content: 'Be brief.' };
  const later = [user('two'), assistant('crow:canary hears two'), user('three')];
  assert.deepEqual(asked, [[system, user('one')], [system, user('two')], later]);
  const saved = JSON.parse(await readFile(join(cwd, 'talk.json'), 'utf8'));
  assert.deepEqual(saved, { model: 'crow:canary', messages: [...later, assistant('crow:canary hears three')] });
  assert.match(stdout, /no system message\ncrow:canary\n[\s\S]*4 messages in .*talk\.json\n$/);
});

test('chatInteractively says what goes wrong in a line and goes on without what was not answered', async (t) => {
  const inputs = ['fail', '/model eagle', '/save', '/frob', '/save a.json', '/save a.json', 'long'];
  const { stderr, asked } = await talk(t, { inputs });
  assert.deepEqual(
    stderr
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(/\/\S*\/a\.json/, 'a.json')),
    [
      'amaas: too long by 7 tokens',
      'amaas: there is no language model "eagle"; there are: parrot, crow',
      'See what is there with: amaas models list',
      '/save needs the name of a file',
      'there is no /frob; /help shows what there is',
      'amaas: a.json is there already; it is not written over',
      "(cut after 3 tokens: no more room in the model's context, or its maxTokens; /clear or a shorter text makes room, --max-tokens asks for more)",
    ],
  );
  assert.deepEqual(asked.at(-1), [user('long')]);
  const { asked: two } = await talk(t, { inputs: ['silence', 'one'] });
  assert.deepEqual(two[1], [user('one')]);
});

test('Ctrl-C stops an answer, of which what came is kept; at the prompt twice leaves', async (t) => {
  const interrupted: Input = { kind: 'interrupted' };
  const first = await talk(t, { inputs: ['hang', 'and?', interrupted, interrupted, 'never'], interruptions: 1 });
  assert.deepEqual(first.asked[1], [user('hang'), assistant('parrot hears '), user('and?')]);
  assert.match(first.stderr, /\(stopped\)/);
  assert.deepEqual(first.unread, [{ kind: 'text', text: 'never' }]);
  const second = await talk(t, { inputs: ['hang', interrupted, 'never'], interruptions: 1 });
  assert.equal(second.unread.length, 1, 'the one that stopped the answer counts');
  const third = await talk(t, { inputs: [interrupted, '/model', interrupted, 'one'] });
  assert.equal(third.asked.length, 1, 'what is said between them begins the count anew');
});

test('thoughts are dimmed on a terminal and left out elsewhere', async (t) => {
  const { stdout } = await talk(t, { inputs: ['ponder'], isTTY: true });
  assert.ok(stdout.endsWith('\u001b[2mhm\u001b[22m\n\nparrot hears ponder\n'), JSON.stringify(stdout));
  assert.match((await talk(t, { inputs: ['ponder'] })).stdout, /leaves\)\nparrot hears ponder\n$/);
  const { stdout: tame } = await talk(t, { inputs: ['\u001b]0;title\u0007x'], isTTY: true });
  assert.ok(tame.endsWith('parrot hears ]0;titlex\n'), JSON.stringify(tame));
});
