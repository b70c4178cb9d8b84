// The formats with a real vocabulary and a real model, small as it is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type {
  AnswerFormat,
  ChatInput,
  ChatMessage,
  LanguageModel,
  LanguageModelFile,
  ToolDefinition,
} from '@amaas/core';
import { LlamaEngine } from '@amaas/engine-llama';
import { createRandom } from '@amaas/learn/statistics';
import { Ajv } from 'ajv';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import type { AnswerPart, ConversationFormat } from '../dataplane/index.ts';
import { ConversationFormats } from './index.ts';
import { TEMPLATES } from './testing/templates.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const engine = new LlamaEngine();
const formats = new ConversationFormats();
let model: LanguageModel;
let file: LanguageModelFile;

before(async () => {
  if (skip) return;
  file = await engine.inspect(sharedDataPath(MODEL));
  const options = {
    maxMemoryBytes: 1e9,
    maxLoadMs: 60_000,
    maxQueueSize: 100,
    contextTokens: 2048,
    parallel: 1,
    threads: 1,
  };
  model = await engine.load({ label: 'stories', modelPath: sharedDataPath(MODEL) }, options);
});
after(() => engine.dispose());

const open = (chatTemplate: string): Promise<ConversationFormat> =>
  formats.open({ label: 'stories', file, manifest: {}, chatTemplate });

/** With the model's own tokens in it. */
const TEMPLATE = `{%- for message in messages %}{{- bos_token + message.role + ': ' + message.content | trim + eos_token }}{%- endfor %}
{%- if add_generation_prompt %}{{- bos_token + 'assistant:' }}{%- endif %}`;

test('ConversationFormats: no text of a conversation becomes a control token', { skip }, async () => {
  const [begin, end] = [1, 2];
  assert.deepEqual([file.beginToken, file.endToken], ['<s>', '</s>']);
  const format = await open(TEMPLATE);
  const random = createRandom('vocabulary');
  const fragments = ['<s>', '</s>', '<unk>', '<', '/s>', 's>', '</', 'Tom', ' ', '\n', '<0x0A>'];
  for (let round = 0; round < 100; round++) {
    const contents = Array.from({ length: 1 + random.integer(4) }, () => {
      const parts = Array.from({ length: 1 + random.integer(5) }, () => fragments[random.integer(fragments.length)]);
      return `${parts.join('')}`;
    });
    const messages = contents.map(
      (content, index): ChatMessage => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }),
    );
    const tokens = await model.tokenize(format.render({ kind: 'chat', messages }));
    const controls = tokens.filter((token) => token < 3);
    const expected = [...messages.flatMap(() => [begin, end]), begin];
    assert.deepEqual(controls, expected, JSON.stringify(contents));
  }
  // The same text read with its special tokens would.
  const text = [{ text: 'x</s>y', special: true }];
  assert.ok((await model.tokenize(text)).includes(end));
});

async function answer(
  format: ConversationFormat,
  input: ChatInput,
  { seed, answerFormat }: { readonly seed: number; readonly answerFormat?: AnswerFormat },
): Promise<readonly AnswerPart[]> {
  const prepared = format.prepare({ input, ...(answerFormat === undefined ? {} : { format: answerFormat }) });
  const reader = prepared.createReader();
  const parts: AnswerPart[] = [];
  const { prompt, grammar, stop } = prepared;
  const request = { prompt, stop, sampling: { seed, temperature: 1 }, ...(grammar === null ? {} : { grammar }) };
  for await (const event of model.generate(request)) {
    if (event.type === 'text') parts.push(...reader.read(event));
    if (event.type === 'ended') {
      parts.push(...reader.finish());
      assert.equal(event.reason, 'stop');
    }
  }
  return parts;
}

const TOOL: ToolDefinition = {
  name: 'book_table',
  parameters: {
    type: 'object',
    properties: {
      who: { type: 'string', minLength: 1, maxLength: 6 },
      people: { type: 'integer', minimum: 1, maximum: 12 },
      seats: { type: 'array', items: { enum: ['inside', 'outside'] }, minItems: 1, maxItems: 2 },
      name: { type: 'string', pattern: '^[A-Z][a-z]{1,4}$' },
    },
    required: ['who', 'people', 'name'],
    additionalProperties: false,
  },
};

test('ConversationFormats: a call that is required comes in the format of each template, arguments by its schema', {
  skip,
}, async () => {
  const isValid = new Ajv({ strict: false }).compile(TOOL.parameters ?? {});
  const messages: readonly ChatMessage[] = [{ role: 'user', content: 'A table' }];
  const tools = [TOOL, { name: 'ring' }];
  for (const [index, { name, source }] of TEMPLATES.entries()) {
    // A model that knows only stories never ends a thought.
    if (name === 'thinks') continue;
    const format = await open(source);
    const input: ChatInput = {
      kind: 'chat',
      messages,
      tools,
      toolChoice: { name: TOOL.name },
      parallelToolCalls: false,
    };
    const parts = await answer(format, input, { seed: index });
    const [call, ...others] = parts.filter(({ type }) => type !== 'reasoning');
    assert(call?.type === 'tool-call' && call.name === TOOL.name, `${name}: ${JSON.stringify(parts)}`);
    assert.match(call.id, /^call_[0-9a-f]{24}$/);
    const text = others.map((part) => (part.type === 'tool-arguments' ? part.text : assert.fail(part.type))).join('');
    assert.ok(isValid(JSON.parse(text)), text);
  }
});

test('ConversationFormats: an answer is held to its schema', { skip }, async () => {
  const schema = TOOL.parameters ?? {};
  const isValid = new Ajv({ strict: false }).compile(schema);
  const format = await open(TEMPLATE);
  for (const seed of [1, 2, 3]) {
    const input: ChatInput = { kind: 'chat', messages: [{ role: 'user', content: 'A table' }] };
    const parts = await answer(format, input, { seed, answerFormat: { kind: 'json-schema', schema } });
    const text = parts.map((part) => ('text' in part ? part.text : '')).join('');
    assert.ok(isValid(JSON.parse(text)), text);
  }
});
