// Which answers the grammars let through, as llama.cpp reads them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerFormat, ToolDefinition } from '@amaas/core';
import { loadBinding } from '../../../engines/llama/src/binding.ts';
import { answerGrammar, type AnswerPlan, type PlannedCalls } from './answer-grammar.ts';
import { BARE, type CallFormat, LIST, TAGGED } from './call-formats.ts';

const binding = await loadBinding(() => {});

const WEATHER: ToolDefinition = {
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { $ref: '#/$defs/city' } },
    required: ['city'],
    $defs: { city: { enum: ['Ulm', 'Bonn'] } },
  },
};
const CLOCK: ToolDefinition = { name: 'clock "now"' };
const ZONE: ToolDefinition = {
  name: 'zone',
  parameters: {
    properties: { z: { $ref: '#/$defs/zone' } },
    required: ['z'],
    $defs: { zone: { type: 'integer', minimum: 0, maximum: 9 } },
  },
};

function lets(plan: Partial<AnswerPlan>): (text: string) => boolean {
  const grammar = answerGrammar({ format: { kind: 'text' }, calls: null, opensThought: false, ...plan });
  assert(grammar !== null);
  const compiled = new binding.AddonGrammar(grammar, { addonExports: binding });
  return (text) => compiled.isTextCompatible(text);
}

function check(plan: Partial<AnswerPlan>, right: readonly string[], wrong: readonly string[]): void {
  const isRight = lets(plan);
  for (const text of right) assert.equal(isRight(text), true, `should be let through: ${text}`);
  for (const text of wrong) assert.equal(isRight(text), false, `should not be let through: ${text}`);
}

const calls = (format: CallFormat, more: Partial<PlannedCalls> = {}): PlannedCalls => ({
  format,
  tools: [WEATHER, CLOCK, ZONE],
  isForced: true,
  mayBeSeveral: true,
  hidesOpening: true,
  ...more,
});

const ULM = '{"name": "get_weather", "arguments": {"city":"Ulm"}}';
const PARIS = '{"name": "get_weather", "arguments": {"city":"Paris"}}';
const NOW = '{"name": "clock \\"now\\"", "arguments": {}}';
const THREE = '{"name": "zone", "arguments": {"z": 3}}';
const tagged = (...objects: readonly string[]): string =>
  objects.map((each) => `<tool_call>\n${each}\n</tool_call>`).join('\n');

test('answerGrammar forces calls in each format, arguments by the schema of each tool', () => {
  check(
    { calls: calls(TAGGED) },
    [tagged(ULM), tagged(NOW), tagged(THREE), tagged(ULM, THREE, NOW)],
    [
      '',
      'text',
      tagged(PARIS),
      `${tagged(ULM)}text`,
      '<tool_call>',
      tagged('{"name": "zone", "arguments": {"z": 30}}'),
      tagged('{"name": "other", "arguments": {}}'),
      tagged(NOW.replace('{}', '{"a": 1}')),
    ],
  );
  check(
    { calls: calls(LIST) },
    [`[TOOL_CALLS][${ULM}]`, `[TOOL_CALLS] [${ULM}, ${THREE}]`],
    [`[${ULM}]`, `[TOOL_CALLS][${PARIS}]`, '[TOOL_CALLS][]'],
  );
  const bare = (json: string): string => json.replace('arguments', 'parameters');
  check({ calls: calls(BARE) }, [bare(ULM), bare(THREE)], [ULM, bare(PARIS), `${bare(ULM)}; ${bare(ULM)}`, ' ']);
});

test('answerGrammar lets one call through where several are not allowed, and only the named tool', () => {
  check({ calls: calls(TAGGED, { mayBeSeveral: false }) }, [tagged(ULM)], [tagged(ULM, ULM)]);
  check({ calls: calls(LIST, { mayBeSeveral: false }) }, [`[TOOL_CALLS][${ULM}]`], [`[TOOL_CALLS][${ULM}, ${ULM}]`]);
  check({ calls: calls(TAGGED, { tools: [ZONE] }) }, [tagged(THREE)], [tagged(ULM)]);
});

const STRICT = { tools: [{ ...WEATHER, strict: true }, ZONE], isForced: false };

test('answerGrammar leaves text free beside strict tools, and holds every call that begins in it', () => {
  const paris = tagged(PARIS);
  const loose = tagged('{"name": "zone", "arguments": {"z": 30, "more": [{}]}}');
  check(
    { calls: calls(TAGGED, STRICT) },
    [
      '',
      'A < b <tool_cal',
      '<tool_<tool_call',
      `Look.\n${tagged(ULM)}`,
      tagged(ULM, ULM),
      loose,
      'x{"name": "get_weather"}\n\u{1F600}',
      '<b>{}</b>',
    ],
    [
      paris,
      PARIS,
      ` ${PARIS}`,
      `Look. ${paris}`,
      '<tool_call>',
      '<tool_<tool_call>',
      `<<tool_call>`,
      `${tagged(ULM)} and more`,
    ],
  );
  check(
    { calls: calls(LIST, STRICT) },
    ['', 'Text [TOOL_CALLS', ' a [1]', `Text [TOOL_CALLS] [${ULM}]`, `[TOOL_CALLS][${ULM}, ${ULM}]`],
    [`[${PARIS}]`, ` [${PARIS}]`, '[1]', `Text [TOOL_CALLS][${PARIS}]`],
  );
  const parameters = (json: string): string => json.replace('arguments', 'parameters');
  check(
    { calls: calls(BARE, STRICT) },
    ['', 'Text {"a": 1}', parameters(ULM), ' Text'],
    [parameters(PARIS), ` ${parameters(PARIS)}`, '{"a": 1}', `<|python_tag|>${parameters(PARIS)}`],
  );
  const grammar = answerGrammar({
    format: { kind: 'text' },
    calls: calls(TAGGED, { isForced: false }),
    opensThought: false,
  });
  assert.equal(grammar, null);
  check({ calls: calls(TAGGED, { isForced: false, mayBeSeveral: false }) }, ['Text', paris], [tagged(ULM, ULM)]);
});

const OBJECT: AnswerFormat = {
  kind: 'json-schema',
  schema: { properties: { a: { type: 'integer' } }, required: ['a'] },
};

test('answerGrammar holds answers to their form, beside calls and behind a thought', () => {
  check({ format: OBJECT }, ['{"a": 1}'], ['{"a": "1"}', 'text']);
  check({ format: { kind: 'json-object' } }, ['{}', '{"b": [1]}'], ['[]', '']);
  check({ format: { kind: 'expression', pattern: 'yes|no' } }, ['yes', 'no'], ['yesno', '']);
  const grammar = 'root ::= "on" | off # root "root"\noff ::= "o" [f"root]{2}\n';
  check({ format: { kind: 'grammar', grammar } }, ['on', 'off', 'oro'], ['of', '']);
  check(
    { format: OBJECT, calls: calls(TAGGED, { isForced: false }) },
    ['{"a": 1}', tagged(ULM), tagged(PARIS, NOW)],
    ['{"a": ""}', 'text', `text ${tagged(ULM)}`],
  );
  check(
    { format: OBJECT, opensThought: true },
    ['</think>{"a": 1}', 'so < </thin </think>\n\n{"a": 1}'],
    ['{"a": 1}', 'so', '</think>text', '</think>\n\n\n{"a": 1}', '</think></think>{"a": 1}'],
  );
  check({ format: { kind: 'grammar', grammar }, opensThought: true }, ['hm</think>on'], ['hm</think>text', 'on']);
  check({ calls: calls(TAGGED), opensThought: true }, [`hm\n</think>\n\n${tagged(ULM)}`], [tagged(ULM), 'hm</think>']);
  check(
    { calls: calls(TAGGED, STRICT), opensThought: true },
    ['hm</think>', 'hm</think>\nText'],
    ['hm', `</think>${tagged(PARIS)}`],
  );
});

test('answerGrammar refuses what it cannot hold to, naming the tool, the keyword and its place', () => {
  const refused = (tool: ToolDefinition, message: string, details: object): void =>
    assert.throws(
      () =>
        answerGrammar({
          format: { kind: 'text' },
          calls: calls(TAGGED, { tools: [CLOCK, tool] }),
          opensThought: false,
        }),
      {
        reason: 'INVALID_ARGUMENT',
        message,
        details,
      },
    );
  refused(
    { name: 'odd', parameters: { properties: { a: { not: {} } } } },
    'generate: tools: parameters of "odd": schema: #/properties/a has the keyword "not", which is not supported',
    { field: 'tools', tool: 'odd', path: '#/properties/a', keyword: 'not' },
  );
  refused(
    { name: 'text', parameters: { type: 'string' } },
    'generate: tools: parameters of "text": #/type must be "object", got "string"',
    { field: 'tools', tool: 'text', path: '#/type' },
  );
  const form = (format: AnswerFormat) => () => answerGrammar({ format, calls: null, opensThought: false });
  assert.throws(form({ kind: 'expression', pattern: '(?=a)' }), {
    reason: 'INVALID_ARGUMENT',
    message: /an assertion/,
  });
  assert.throws(form({ kind: 'json-schema', schema: { oneOf: [] } }), {
    reason: 'INVALID_ARGUMENT',
    message: /"oneOf"/,
    details: { field: 'format', path: '#', keyword: 'oneOf' },
  });
  assert.throws(form({ kind: 'grammar', grammar: 'root ::= x' }), {
    reason: 'INVALID_ARGUMENT',
    message: /"x" is used and not defined/,
  });
});

test('answerGrammar refuses what would hold the model that follows it', () => {
  const alternatives = Array.from({ length: 300 }, () => '"x"?').join(' | ');
  const formats: readonly AnswerFormat[] = [
    { kind: 'expression', pattern: '(a?){300}' },
    { kind: 'grammar', grammar: `root ::= one*\none ::= ${alternatives}` },
    { kind: 'grammar', grammar: 'root ::= [a-z] root "b" | [a-z] root "c" | ""' },
    { kind: 'json-schema', schema: { type: 'string', pattern: '^(-?){300}$' } },
    { kind: 'json-schema', schema: { items: { anyOf: Array.from({ length: 40 }, () => ({ type: 'integer' })) } } },
  ];
  for (const format of formats) {
    const plan: AnswerPlan = { format, calls: null, opensThought: false };
    const message = /^grammar: the rule ".+" reads ".*" in too many ways; let each text be read in one or a few$/;
    assert.throws(() => answerGrammar(plan), { reason: 'INVALID_ARGUMENT', message });
    assert.throws(() => answerGrammar({ ...plan, opensThought: true, calls: calls(TAGGED, { isForced: false }) }), {
      message,
    });
  }
});
