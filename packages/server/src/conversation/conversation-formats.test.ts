import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatInput, ChatMessage, PromptPiece, ToolDefinition } from '@amaas/core';
import { createRandom, type Random } from '@amaas/learn/statistics';
import type { ConversationFormat } from '../dataplane/index.ts';
import { ConversationFormats } from './index.ts';
import { subjectOf, templateNamed, TEMPLATES, type TestTemplate } from './testing/templates.ts';

const formats = new ConversationFormats({ newCallId: () => 'call_1', now: () => new Date(2024, 1, 29) });
const open = (template: Pick<TestTemplate, 'specialTokens'> & { readonly source: string | null }) =>
  formats.open(subjectOf(template));
const chat = (messages: readonly ChatMessage[], more: Partial<ChatInput> = {}): ChatInput => ({
  kind: 'chat',
  messages,
  ...more,
});
const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const textOf = (pieces: readonly PromptPiece[]): string =>
  pieces.map((piece) => ('text' in piece ? piece.text : '')).join('');
const write = (format: ConversationFormat, input: ChatInput): string => textOf(format.render(input));

const WEATHER: ToolDefinition = {
  name: 'get_weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** Special texts of a prompt in the order a tokenizer meets them: the longest first, none across pieces. */
function specialsOf(pieces: readonly PromptPiece[], specialTokens: readonly string[]): readonly string[] {
  const texts = specialTokens.filter((text) => text.trim() !== '' && !text.includes('\u2581\u2581'));
  const pattern = texts
    .toSorted((a, b) => b.length - a.length)
    .map((text) => text.replace(/[|[\]]/g, '\\$&'))
    .join('|');
  return pieces.flatMap((piece) => ('text' in piece ? (piece.text.match(new RegExp(pattern, 'g')) ?? []) : []));
}

/** Where contents touch what the template writes, and each other. */
const TOUCHING: readonly TestTemplate[] = [
  {
    name: 'joined',
    specialTokens: ['<|hi|>', '<|im_end|>', '<|im_start|>'],
    source: `{%- for message in messages %}{{- message.content }}{%- endfor %}`,
  },
  {
    name: 'around',
    specialTokens: ['<|user|>', '<|a|>', '<|im_end|>'],
    source: `{%- for message in messages %}{{- '<|' + message.content | trim + '|>' }}{%- endfor %}`,
  },
];

test('ConversationFormats never lets what people write become a special token, and changes nothing else', async () => {
  for (const template of [...TEMPLATES, ...TOUCHING]) {
    const { specialTokens } = template;
    const guarded = await open(template);
    const plain = await formats.open(subjectOf(template, { specialTokens: [] }));
    const random = createRandom(`injection ${template.name}`);
    const rounds = TOUCHING.includes(template) ? 400 : 60;
    for (let round = 0; round < rounds; round++) {
      const input = randomChat(random, specialTokens, template);
      const neutral = neutralChat(input);
      const pieces = guarded.render(input);
      const message = `${template.name}: ${JSON.stringify(input)}`;
      assert.equal(textOf(pieces), write(plain, input), message);
      assert.deepEqual(specialsOf(pieces, specialTokens), specialsOf(guarded.render(neutral), specialTokens), message);
    }
  }
});

function randomChat(random: Random, specialTokens: readonly string[], { name }: TestTemplate): ChatInput {
  const pick = <Each>(list: readonly Each[]): Each => {
    const picked = list[random.integer(list.length)];
    assert(picked !== undefined);
    return picked;
  };
  // Templates cut answers at this one by themselves.
  const usable = specialTokens.filter((text) => text !== '</think>');
  const fragment = (): string => {
    const special = pick(usable);
    const from = random.integer(special.length);
    return pick([
      special,
      special.slice(0, from),
      special.slice(from),
      special.slice(from, from + 3),
      ' ',
      '\n',
      'word',
      '"\\',
      '\u{1F600}',
      '\u{FDD0}',
      '\\ufdd0',
    ]);
  };
  // Something must be left where a template trims.
  const content = (): string =>
    `${Array.from({ length: random.integer(6) }, fragment).join('')}${pick(['', '.', ' '])}` || '-';
  const visible = (): string => {
    const text = content();
    return text.trim() === '' ? `${text}-` : text;
  };
  const messages: ChatMessage[] = [];
  if (random.integer(2) === 0) messages.push({ role: 'system', content: visible() });
  const knowsTools = name !== 'turns' && name !== 'joined' && name !== 'around';
  for (let turn = 0; turn <= random.integer(3); turn++) {
    messages.push(user(visible()));
    if (knowsTools && random.integer(2) === 0) {
      const id = `call_${turn}`;
      const values = { [visible()]: visible(), list: [content(), 3, null] };
      messages.push(
        { ...assistant(''), toolCalls: [{ id, name: visible(), arguments: JSON.stringify(values) }] },
        { role: 'tool', content: visible(), toolCallId: id },
      );
    } else messages.push(assistant(visible()));
  }
  messages.push(user(visible()));
  const tools = [
    { name: visible(), description: content(), parameters: { type: 'object', properties: { [visible()]: {} } } },
  ];
  return chat(messages, random.integer(2) === 0 && knowsTools ? { tools } : {});
}

/** The same, and no letter of it is anybody's. */
function neutralChat(input: ChatInput): ChatInput {
  const neutral = (value: unknown): unknown => {
    if (typeof value === 'string') return value === '' ? '' : '~';
    if (Array.isArray(value)) return value.map(neutral);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([, each], index) => [`~${index}`, neutral(each)]));
  };
  return {
    ...input,
    messages: input.messages.map((message) => ({
      ...message,
      content: message.content === '' ? '' : '~',
      ...(message.toolCalls === undefined
        ? {}
        : { toolCalls: message.toolCalls.map(({ id }) => ({ id, name: '~', arguments: '{"~":"~"}' })) }),
    })),
    ...(input.tools === undefined
      ? {}
      : {
          tools: input.tools.map(({ parameters }) => ({
            name: '~',
            description: '~',
            parameters: neutral(parameters) as object,
          })),
        }), // an object stays one
  } as ChatInput; // the same shape
}

test('ConversationFormats writes a plain prompt in one piece', async () => {
  for (const template of TEMPLATES) {
    const pieces = (await open(template)).render(
      chat([user('Why is\n\nthe sky   blue?'), assistant('Air.'), user('And?')]),
    );
    assert.equal(pieces.length, 1, template.name);
  }
});

test('ConversationFormats gives a system message to the user where the template takes none', async () => {
  const format = await open(templateNamed('turns'));
  const system = { role: 'system', content: 'Be brief.' } as const;
  assert.equal(
    write(format, chat([system, user('Hi')])),
    '<bos><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n',
  );
  assert.equal(
    write(format, chat([system])),
    '<bos><start_of_turn>user\nBe brief.<end_of_turn>\n<start_of_turn>model\n',
  );
});

test('ConversationFormats continues the last message and cuts behind it', async () => {
  for (const template of TEMPLATES) {
    const format = await open(template);
    const text = write(format, chat([user('Tell.'), assistant('Once <|im_end|> upon ')], { continueLast: true }));
    assert.ok(
      text.endsWith(template.name === 'encoded' ? 'upon ' : 'Once <|im_end|> upon '),
      `${template.name}: ${text}`,
    );
  }
  const format = await open(templateNamed('chatml'));
  for (const messages of [[user('x')], [{ ...assistant('x'), toolCalls: [{ id: 'a', name: 'b', arguments: '{}' }] }]]) {
    assert.throws(() => format.render(chat(messages, { continueLast: true })), {
      reason: 'INVALID_ARGUMENT',
      message: /only a last message of the assistant/,
    });
  }
});

test('ConversationFormats passes on whether to think, and sends thoughts back where templates take them', async () => {
  const format = await open(templateNamed('chatml'));
  assert.ok(write(format, chat([user('x')], { thinking: false })).endsWith('<think>\n\n</think>\n\n'));
  assert.ok(write(format, chat([user('x')], { thinking: true })).endsWith('assistant\n'));
  const always = await open(templateNamed('thinks'));
  assert.ok(write(always, chat([user('x')])).endsWith('<think>\n'));
  assert.ok(write(always, chat([user('x')], { thinking: false })).endsWith('<think>\n\n</think>\n\n'));
  const thought = '<think>\nhm\n</think>\n\nyes';
  assert.ok(write(format, chat([user('x'), { ...assistant('yes'), reasoning: 'hm' }])).includes(thought));
  assert.ok(write(format, chat([user('x'), assistant(thought)])).includes(thought));
});

test('ConversationFormats writes calls and results as each template has them', async () => {
  const calls = [
    { id: 'call_a', name: 'get_weather', arguments: '{"city": "Ulm"}' },
    { id: 'call_b', name: 'get_weather', arguments: '{"city": "Bonn"}' },
  ];
  const messages: readonly ChatMessage[] = [
    user('Weather?'),
    { ...assistant(''), toolCalls: calls },
    { role: 'tool', content: 'sun', toolCallId: 'call_a' },
    { role: 'tool', content: 'rain', toolCallId: 'call_b' },
  ];
  const expected: Readonly<Record<string, readonly string[]>> = {
    chatml: [
      '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Ulm"}}\n</tool_call>',
      '<tool_response>\nsun\n</tool_response>\n<tool_response>\nrain',
    ],
    headers: [
      '{"name": "get_weather", "parameters": {"city": "Ulm"}}<|eot_id|><|start_header_id|>ipython<|end_header_id|>\n\n"sun"<|eot_id|>',
    ],
    brackets: [
      '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Ulm"}, "id": "c00000000"}, {',
      '{"content": sun, "call_id": "c00000000"}',
      '{"content": rain, "call_id": "c00000001"}',
    ],
    turns: [
      '<start_of_turn>model\n<tool_call>\n{"name": "get_weather", "arguments": {"city":"Ulm"}}\n</tool_call>',
      '<start_of_turn>user\n<tool_response>\nsun\n</tool_response>\n<tool_response>\nrain\n</tool_response><end_of_turn>',
    ],
  };
  for (const [name, texts] of Object.entries(expected)) {
    const written = write(await open(templateNamed(name)), chat(messages, { tools: [WEATHER] }));
    for (const text of texts) assert.ok(written.includes(text), `${name}: ${written}`);
    assert.ok(name === 'brackets' || written.includes('Tells the weather.'), `${name}: ${written}`);
  }
});

test('ConversationFormats shows tools by the template or in words, and none where none may be called', async () => {
  for (const template of TEMPLATES) {
    const format = await open(template);
    const shown = write(format, chat([user('x')], { tools: [WEATHER] }));
    assert.equal(shown.includes('Tells the weather.'), true, template.name);
    assert.equal(shown.includes('You can call these tools'), !format.abilities.tools, template.name);
    const hidden = write(format, chat([user('x')], { tools: [WEATHER], toolChoice: 'none' }));
    assert.equal(hidden, write(format, chat([user('x')])), template.name);
  }
});

test('ConversationFormats says what a model is able to', async () => {
  const abilities = async (name: string) => (await open(templateNamed(name))).abilities;
  assert.deepEqual(await abilities('chatml'), { chat: true, tools: true, thinking: true });
  assert.deepEqual(await abilities('headers'), { chat: true, tools: true, thinking: false });
  assert.deepEqual(await abilities('thinks'), { chat: true, tools: false, thinking: true });
  assert.deepEqual(await abilities('turns'), { chat: true, tools: false, thinking: false });
  const none = await open({ source: null, specialTokens: [] });
  assert.deepEqual(none.abilities, { chat: false, tools: false, thinking: false });
  assert.throws(() => none.render(chat([user('x')])), {
    reason: 'UNSUPPORTED_FEATURE',
    message: /"chat@1" has no chat template.*language\.chatTemplate/,
  });
});

test('ConversationFormats refuses templates that cannot be read or write nothing, naming where', async () => {
  const broken: readonly (readonly [source: string, message: RegExp])[] = [
    ['a\n{% for %}', /^chat template of "chat@1": line 2: /],
    ['{{ messages[0].content + nothing.at.all }}', /cannot write a plain question: /],
    ['{{ raise_exception("never") }}', /cannot write a plain question: never$/],
    ['always the same', /does not contain what was asked/],
    ['{% for i in range(1000000000) %}{% endfor %}', /more steps than any conversation needs/],
  ];
  const format = await open(templateNamed('words'));
  for (const [source, message] of broken) {
    const subject = { ...subjectOf({ source: null, specialTokens: [] }), chatTemplate: source };
    await assert.rejects(formats.open(subject), { reason: 'INVALID_CONFIG', message }, source);
    assert.throws(() => format.render(chat([user('x')], { template: source })), {
      reason: 'INVALID_ARGUMENT',
      message,
    });
  }
});

test('ConversationFormats leaves a model its other work where its own template writes no plain question', async () => {
  const format = await open({ source: '{{ raise_exception("Name the languages.") }}', specialTokens: [] });
  assert.equal(format.abilities.chat, false);
  assert.deepEqual(format.render({ kind: 'prompt', prompt: 'a' }), [{ text: 'a', special: false }]);
  assert.throws(() => format.render(chat([user('x')])), {
    reason: 'INVALID_ARGUMENT',
    message: /: Name the languages\.$/,
  });
  await assert.rejects(open({ source: '{% if %}', specialTokens: [] }), { reason: 'INVALID_CONFIG' });
});

test('ConversationFormats takes a template of the request in place of the model’s own', async () => {
  const format = await open(templateNamed('words'));
  const template = '{% for message in messages %}<{{ message.content }}>{% endfor %}';
  assert.equal(write(format, chat([user('a'), user('b')], { template })), '<a><b>');
  for (let index = 0; index < 20; index++) {
    assert.equal(write(format, chat([user('a')], { template: `${index}${template}` })), `${index}<a>`);
  }
});

test('ConversationFormats tells a template’s refusal in its own words', async () => {
  const format = await open(templateNamed('turns'));
  assert.throws(() => format.render(chat([user('a'), user('b')])), {
    reason: 'INVALID_ARGUMENT',
    message: 'generate: the chat template refuses the conversation: Conversation roles must alternate user/assistant',
  });
  assert.throws(() => format.render(chat([])), { reason: 'INVALID_ARGUMENT', message: /at least one/ });
  const deep = JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`);
  const nested = chat([user('a')], { tools: [{ name: 'a', parameters: { default: deep } }] });
  assert.throws(() => format.render(nested), { reason: 'INVALID_ARGUMENT', message: /nested more than 100 deep/ });
  const call = { id: 'a', name: 'b', arguments: '[1]' };
  assert.throws(() => format.render(chat([user('a'), { ...assistant(''), toolCalls: [call] }])), {
    reason: 'INVALID_ARGUMENT',
    message: /messages\[1\], call of "b": arguments must be the JSON text of an object/,
  });
});

test('ConversationFormats refuses choices of tools that are not there', async () => {
  const format = await open(templateNamed('chatml'));
  const prepare = (more: Partial<ChatInput>) => () => format.prepare({ input: chat([user('x')], more) });
  assert.throws(prepare({ tools: [WEATHER], toolChoice: { name: 'other' } }), {
    reason: 'INVALID_ARGUMENT',
    message: 'generate: toolChoice names "other", and the tools are "get_weather"',
  });
  assert.throws(prepare({ toolChoice: 'required' }), { reason: 'INVALID_ARGUMENT', message: /there are no tools/ });
  assert.throws(prepare({ tools: [WEATHER, WEATHER] }), { reason: 'INVALID_ARGUMENT', message: /two are named/ });
});

test('ConversationFormats ends answers by text where no token does', async () => {
  const stops = async (name: string) => (await open(templateNamed(name))).prepare({ input: chat([user('x')]) }).stop;
  assert.deepEqual(await stops('words'), ['### Instruction:']);
  for (const name of ['chatml', 'headers', 'brackets', 'turns', 'thinks'])
    assert.deepEqual(await stops(name), [], name);
  const foreign = await formats.open(
    subjectOf(templateNamed('turns'), { specialTokens: ['<s>', '</s>'], endToken: '</s>' }),
  );
  assert.deepEqual(foreign.prepare({ input: chat([user('x')]) }).stop, ['<end_of_turn>']);
});

test('ConversationFormats fills gaps where the model has tokens for it', async () => {
  const gap = { kind: 'prompt', prompt: 'a', suffix: 'b' } as const;
  const texts = async (specialTokens: readonly string[]) =>
    (await open({ source: null, specialTokens }))
      .render(gap)
      .map((piece) => 'text' in piece && `${piece.text}${piece.special ? '!' : ''}`);
  assert.deepEqual(await texts(['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>']), [
    ...['<|fim_prefix|>!', 'a', '<|fim_suffix|>!', 'b', '<|fim_middle|>!'],
  ]);
  assert.deepEqual(await texts(['[SUFFIX]', '[PREFIX]']), ['[SUFFIX]!', 'b', '[PREFIX]!', 'a']);
  await assert.rejects(texts(['<|fim_prefix|>']), { reason: 'UNSUPPORTED_FEATURE', message: /suffix: model "chat@1"/ });
  const plain = await open({ source: null, specialTokens: [] });
  assert.deepEqual(plain.render({ kind: 'prompt', prompt: [1, 2] }), [{ tokens: [1, 2] }]);
  assert.deepEqual(plain.render({ kind: 'prompt', prompt: 'a', special: true }), [{ text: 'a', special: true }]);
});
