import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GeneratedToken } from '@amaas/core';
import { createRandom, type Random } from '@amaas/learn/statistics';
import type { AnswerPart } from '../dataplane/index.ts';
import { ConversationReader, type ReaderOptions } from './answer-reader.ts';
import { BARE, type CallFormat, LIST, TAGGED } from './call-formats.ts';

interface Read {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

type Options = Pick<ReaderOptions, 'thought'> & {
  readonly format?: CallFormat;
  readonly hidesOpening?: boolean;
  readonly isForced?: boolean;
};

const token = (id: number, text: string): GeneratedToken => ({ token: id, text, logProbability: -1, top: [] });

function partsOf(chunks: readonly string[], options: Options): readonly AnswerPart[] {
  const { thought, format, hidesOpening = false, isForced = false } = options;
  let calls = 0;
  const reader = new ConversationReader({
    thought,
    calls: format === undefined ? null : { format, names: new Set(['get_weather', 'a']), hidesOpening, isForced },
    newCallId: () => `id${calls++}`,
  });
  const parts = chunks.flatMap((text, index) => reader.read({ type: 'text', text, tokens: [token(index, text)] }));
  return [...parts, ...reader.finish()];
}

function gather(parts: readonly AnswerPart[]): Read {
  let [text, reasoning] = ['', ''];
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const part of parts) {
    if (part.type === 'text') text += part.text;
    else if (part.type === 'reasoning') reasoning += part.text;
    else if (part.type === 'tool-call') calls[part.index] = { id: part.id, name: part.name, arguments: '' };
    else {
      const call = calls[part.index];
      assert(call !== undefined, 'arguments come after their call');
      call.arguments += part.text;
    }
  }
  return { text, reasoning, calls };
}

function chunked(text: string, random: Random): readonly string[] {
  const characters = Array.from(text);
  const chunks: string[] = [];
  while (characters.length > 0) chunks.push(characters.splice(0, 1 + random.integer(9)).join(''));
  return chunks;
}

const WEATHER = '{"name": "get_weather", "arguments": {"city": "Ulm"}}';
const call = (json: string): string => `<tool_call>\n${json}\n</tool_call>`;
const ULM = { id: 'id0', name: 'get_weather', arguments: '{"city": "Ulm"}' };
const BONN = { id: 'id1', name: 'a', arguments: '{}' };

/** What a whole answer is, and what is read of it. */
const ANSWERS: readonly (readonly [options: Options, answer: string, read: Partial<Read>])[] = [
  [{ thought: 'none' }, ' Once <think>x</think> <tool_call> ', { text: ' Once <think>x</think> <tool_call> ' }],
  [{ thought: 'possible' }, 'Yes <think>x</think>', { text: 'Yes <think>x</think>' }],
  [{ thought: 'possible' }, '\n<think>\nhm\n\nso\n</think>\n\nYes ', { reasoning: 'hm\n\nso', text: 'Yes ' }],
  [{ thought: 'possible' }, '<thi', { text: '<thi' }],
  [{ thought: 'possible' }, ' \n', { text: ' \n' }],
  [{ thought: 'open' }, 'hm < </thin </think>Yes', { reasoning: 'hm < </thin', text: 'Yes' }],
  [{ thought: 'open' }, 'hm </thi', { reasoning: 'hm </thi' }],
  [{ thought: 'open' }, '</think>\n', {}],
  [{ thought: 'none', format: TAGGED }, `Look.\n\n${call(WEATHER)}\n`, { text: 'Look.', calls: [ULM] }],
  [
    { thought: 'open', format: TAGGED },
    `hm\n</think>\n\n${call(WEATHER)}\n${call('{"name": "a", "arguments": {}}')}`,
    { reasoning: 'hm', calls: [ULM, BONN] },
  ],
  [{ thought: 'none', format: TAGGED }, `${call(WEATHER)} Done.`, { calls: [ULM], text: ' Done.' }],
  [
    { thought: 'none', format: TAGGED },
    '<tool_call>{"arguments":{"a":"}\\"]{","b":[{}]},"id":"x","name":"a"}',
    { calls: [{ id: 'id0', name: 'a', arguments: '{"a":"}\\"]{","b":[{}]}' }] },
  ],
  [
    { thought: 'none', format: TAGGED },
    '<tool_call> {"name": "\\u0061", "parameters": {"x": "</tool_call>"} } </tool_call>',
    { calls: [{ id: 'id0', name: 'a', arguments: '{"x": "</tool_call>"}' }] },
  ],
  [
    { thought: 'none', format: TAGGED },
    `<tool_call>{"name": "a", "arguments": {"x": [1`,
    { calls: [{ id: 'id0', name: 'a', arguments: '{"x": [1' }] },
  ],
  [
    { thought: 'none', format: TAGGED },
    `<tool_call>{"name": "a", "arguments": {"x": [1} rest`,
    { calls: [{ id: 'id0', name: 'a', arguments: '{"x": [1' }], text: '} rest' },
  ],
  ...[
    'A < b <tool_cal',
    call('{"name": "other", "arguments": {}}'),
    call('{"name": "a", "arguments": "{}"}'),
    call('{"name": "a"}'),
    call('{"name": "a", "name": "a", "arguments": {}}'),
    call('["a"]'),
    call('{"city": "Ulm"}'),
    '<tool_call> is a tag <tool_call>',
    '  <tool_call>',
  ].map((text) => [{ thought: 'none', format: TAGGED }, text, { text }] as const),
  [{ thought: 'none', format: TAGGED }, `<tool_call> ${call(WEATHER)}`, { text: '<tool_call>', calls: [ULM] }],
  [
    { thought: 'none', format: LIST },
    `Look. [TOOL_CALLS] [${WEATHER}, {"name": "a", "arguments": {}, "id": "c12345678"}]`,
    { text: 'Look.', calls: [ULM, BONN] },
  ],
  [{ thought: 'none', format: LIST, hidesOpening: true }, ` [${WEATHER}]`, { calls: [ULM] }],
  [{ thought: 'none', format: LIST, hidesOpening: true }, `[TOOL_CALLS]${WEATHER}`, { calls: [ULM] }],
  [{ thought: 'none', format: LIST, hidesOpening: true }, '[1, 2]', { text: '[1, 2]' }],
  [{ thought: 'none', format: LIST, hidesOpening: true }, '[TOO', { text: '[TOO' }],
  [
    { thought: 'none', format: TAGGED, hidesOpening: true },
    `\n${WEATHER}\n\n{"name": "a", "arguments": {}}\n`,
    { calls: [ULM, BONN] },
  ],
  [{ thought: 'none', format: TAGGED, hidesOpening: true }, `${call(WEATHER)}\n{"a"`, { calls: [ULM], text: '\n{"a"' }],
  [{ thought: 'none', format: TAGGED, hidesOpening: true }, `{"a": ${call(WEATHER)}`, { text: '{"a":', calls: [ULM] }],
  [{ thought: 'none', format: LIST }, `[${WEATHER}]`, { text: `[${WEATHER}]` }],
  [{ thought: 'none', format: LIST }, `[TOOL_CALLS] [${WEATHER}, 3]`, { calls: [ULM], text: ', 3]' }],
  [
    { thought: 'none', format: BARE },
    `\n{"type": "function", "name": "get_weather", "parameters": {"city": "Ulm"}}`,
    { calls: [ULM] },
  ],
  [{ thought: 'none', format: BARE }, `${WEATHER}; {"name": "a", "parameters": {}}\n`, { calls: [ULM, BONN] }],
  [{ thought: 'none', format: BARE }, `${WEATHER}; or`, { calls: [ULM], text: '; or' }],
  [{ thought: 'none', format: BARE }, `Look: ${WEATHER}`, { text: `Look: ${WEATHER}` }],
  [{ thought: 'none', format: BARE }, '{"title": "x", "name": "a"}', { text: '{"title": "x", "name": "a"}' }],
  [{ thought: 'none', format: BARE }, '{', { text: '{' }],
];

test('ConversationReader tells thought, text and calls apart, however the answer is cut', () => {
  const random = createRandom('reader');
  for (const [options, answer, read] of ANSWERS) {
    const expected = { text: '', reasoning: '', calls: [], ...read };
    assert.deepEqual(gather(partsOf([answer], options)), expected, answer);
    assert.deepEqual(gather(partsOf(Array.from(answer), options)), expected, answer);
    for (let round = 0; round < 20; round++) {
      assert.deepEqual(gather(partsOf(chunked(answer, random), options)), expected, answer);
    }
  }
});

test('ConversationReader loses nothing of any text, and reads it alike however it is cut', () => {
  const random = createRandom('fuzz');
  const fragments = [
    ...['<think>', '</think>', '<tool_call>', '</tool_call>', '[TOOL_CALLS]', '[', ']', '{', '}', '"', ',', ';', ':'],
    ...['"name"', '"arguments"', '"parameters"', '"a"', WEATHER, ' ', '\n', 'word', '\\', '<', '\u{1F600}', '{}'],
  ];
  const thoughts = ['open', 'possible', 'none'] as const;
  const formats = [TAGGED, LIST, BARE, undefined];
  for (let round = 0; round < 3000; round++) {
    const answer = Array.from(
      { length: 1 + random.integer(14) },
      () => fragments[random.integer(fragments.length)],
    ).join('');
    const thought = thoughts[random.integer(3)] ?? 'none';
    const format = formats[random.integer(4)];
    const options = { thought, ...(format === undefined ? {} : { format }), hidesOpening: random.integer(2) === 0 };
    const whole = gather(partsOf([answer], options));
    assert.deepEqual(gather(partsOf(chunked(answer, random), options)), whole, JSON.stringify([options, answer]));
    // Every visible character of what came out stands in the answer, in its order, and what is missing are tags and calls.
    const said = `${whole.reasoning}${whole.text}`.replace(/\s/g, '');
    if (format === undefined && thought === 'none') assert.equal(whole.text, answer);
    const left = withoutSubsequence(answer.replace(/\s/g, ''), said);
    assert(left !== null, JSON.stringify([options, answer, whole]));
    if (whole.calls.length === 0) assert.match(left, /^[<>/think]*$/, JSON.stringify([options, answer, whole]));
    for (const each of whole.calls) assert.ok(answer.includes(each.arguments), answer);
  }
});

/** What is left of a text without the characters of another, taken in order from the end; null: they are not in it. */
function withoutSubsequence(text: string, part: string): string | null {
  const left = Array.from(text);
  let at = left.length - 1;
  for (const character of Array.from(part).toReversed()) {
    while (at >= 0 && left[at] !== character) at--;
    if (at < 0) return null;
    left.splice(at--, 1);
  }
  return left.join('');
}

test('ConversationReader tells a call as soon as it is one, and its arguments as they come', () => {
  const parts = partsOf(['Hi', ' <tool', '_call>{"name": "a", "argu', 'ments": {', '"x": 1', '}', '}</tool_call>'], {
    thought: 'none',
    format: TAGGED,
  });
  assert.deepEqual(
    parts.map((part) => (part.type === 'tool-call' ? part.name : part.text)),
    ['Hi', 'a', '{', '"x": 1', '}'],
  );
});

test('ConversationReader leaves tokens with the text they belong to', () => {
  const parts = partsOf(['<think>', 'hm', '</think>', '\n', 'Yes', ' <tool_', 'x', call(WEATHER), ' !'], {
    thought: 'possible',
    format: TAGGED,
  });
  const said = parts.flatMap((part) =>
    'tokens' in part ? [[part.type, part.text, part.tokens.map(({ text }) => text).join('|')]] : [],
  );
  assert.deepEqual(said, [
    ['reasoning', 'hm', 'hm'],
    ['text', 'Yes', 'Yes'],
    ['text', ' <tool_x', ' <tool_|x'],
    ['text', ' !', ' !'],
  ]);
});

test('ConversationReader leaves no text behind of a forced call that was cut off', () => {
  const format = TAGGED;
  for (let length = 1; length < call(WEATHER).length; length++) {
    const cut = call(WEATHER).slice(0, length);
    const { text, calls } = gather(partsOf([`\n${cut}`], { thought: 'none', format, isForced: true }));
    assert.equal(text, '', cut);
    assert(calls.length <= 1 && (calls[0] === undefined || ULM.arguments.startsWith(calls[0].arguments)), cut);
    const free = gather(partsOf([`\n${cut}`], { thought: 'none', format }));
    assert(free.calls.length === 1 || free.text !== '', cut);
  }
});
