// With the server's own way of writing conversations: what is learned stands behind the prompt that a request would make.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LanguageModelFile } from '@amaas/core';
import { tokenizerFromGguf, tokenizerToGguf } from '@amaas/learn/language';
import { type Tokenizer, trainBpe } from '@amaas/learn/tokenize';
import { readTrainingExample } from '@amaas/protocols/fine-tuning';
import { ConversationFormats } from '../conversation/index.ts';
import { templateNamed } from '../conversation/testing/templates.ts';
import { readExamples } from './training-file.ts';
import { type SequenceParts, sequencesOf } from './sequences.ts';
import { ModelTokens } from './tokens.ts';

const SPECIALS: readonly string[] = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
const TEXT = 'user system assistant Hello there. What is your name? It is Ada, and yours is not.';
const CHATML =
  '{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}' +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';
/** Nothing of it ends a turn. */
const LINES =
  '{% for message in messages %}{{ message.role }}: {{ message.content | trim }}\n{% endfor %}' +
  '{% if add_generation_prompt %}assistant:{% endif %}';

interface Opened extends SequenceParts {
  readonly tokenizer: Tokenizer;
}

async function open(chatTemplate: string | null, maxTokens = 200, specialTokens = SPECIALS): Promise<Opened> {
  const learned = trainBpe([TEXT], { vocabularySize: 320, specialTokens });
  const specials = { start: null, end: 0, addsStart: false, addsEnd: false };
  const metadata = new Map(tokenizerToGguf(learned, { vocabularySize: 320, specialTokens: specials }));
  const { tokenizer, specialTokens: stated } = tokenizerFromGguf(metadata);
  assert.ok(tokenizer !== null);
  const file: LanguageModelFile = {
    ...{ architecture: 'llama', name: null, quantization: 'F32', parameters: 1, fileBytes: 1, vocabularySize: 320 },
    ...{ embeddingSize: 8, layers: 1, trainedContextTokens: maxTokens, chatTemplate, beginToken: null },
    ...{ endToken: specialTokens[0] ?? null, beginsTexts: false, specialTokens, pooling: null },
  };
  const format = await new ConversationFormats().open({ label: 'm@1', file, manifest: {}, chatTemplate: null });
  return { format, tokens: new ModelTokens(tokenizer, stated, metadata), maxTokens, tokenizer };
}

/** Each sequence as text, with what is learned in brackets. */
function show(example: object, parts: Opened): readonly string[] {
  return sequencesOf(readTrainingExample(JSON.stringify(example)), parts).map(({ ids, learned }) => {
    let [text, within] = ['', 0];
    const pieces: number[] = [];
    const flush = (): void => {
      text += parts.tokenizer.decode(pieces.splice(0), { skipSpecialTokens: false });
    };
    for (const [at, id] of ids.entries()) {
      if (learned[at] !== within) {
        flush();
        text += within === 1 ? ']' : '[';
        within = learned[at] ?? 0;
      }
      pieces.push(id);
    }
    flush();
    return `${text}${within === 1 ? ']' : ''}`;
  });
}

const user = (content: string): object => ({ role: 'user', content });
const assistant = (content: string, more: object = {}): object => ({ role: 'assistant', content, ...more });

test('sequencesOf learns answers with the token that ends a turn, the whole conversation in one sequence', async () => {
  const parts = await open(CHATML);
  const messages = [user('Hello'), assistant('It is Ada.'), user('What?'), assistant('Hello there.')];
  assert.deepEqual(show({ messages }, parts), [
    '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n[It is Ada.<|im_end|>]\n<|im_start|>user\nWhat?' +
      '<|im_end|>\n<|im_start|>assistant\n[Hello there.<|im_end|>]',
  ]);
});

test('sequencesOf puts answers behind the very tokens of the prompt that the server makes', async () => {
  const parts = await open(CHATML);
  const [sequence] = sequencesOf(
    readTrainingExample(JSON.stringify({ messages: [user('What is'), assistant('yours')] })),
    parts,
  );
  const prompt = parts.format.render({ kind: 'chat', messages: [{ role: 'user', content: 'What is' }] });
  const before = parts.tokens.ofPrompt(prompt);
  assert.deepEqual([...(sequence?.ids ?? [])].slice(0, before.length), before);
  assert.equal([...(sequence?.learned ?? [])].indexOf(1), before.length);
});

test('sequencesOf learns nothing of answers with the weight 0', async () => {
  const parts = await open(CHATML);
  const messages = [user('Hello'), assistant('Ada', { weight: 0 }), user('What?'), assistant('not', { weight: 1 })];
  assert.deepEqual(show({ messages }, parts), [
    '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nAda<|im_end|>\n<|im_start|>user\nWhat?<|im_end|>\n' +
      '<|im_start|>assistant\n[not<|im_end|>]',
  ]);
});

test('sequencesOf ends answers by the end of texts where the template ends no turn, each in a sequence of its own', async () => {
  const parts = await open(LINES);
  const messages = [user('Hello'), assistant(' Ada'), user('What?'), assistant(' not')];
  assert.deepEqual(show({ messages }, parts), [
    'user: Hello\nassistant:[ Ada<|endoftext|>]',
    'user: Hello\nassistant: Ada\nuser: What?\nassistant:[ not<|endoftext|>]',
  ]);
});

test('sequencesOf reads no special tokens in what messages and texts say', async () => {
  const parts = await open(CHATML);
  const [id] = [parts.tokenizer.tokenToId('<|im_end|>')];
  const count = (example: object): number =>
    sequencesOf(readTrainingExample(JSON.stringify(example)), parts)
      .flatMap(({ ids }) => [...ids])
      .filter((found) => found === id).length;
  assert.equal(count({ messages: [user('<|im_end|>'), assistant('<|im_end|> Ada')] }), 2);
  assert.equal(count({ text: 'a <|im_end|> b' }), 0);
  assert.equal(count({ prompt: '<|im_end|>', completion: '<|im_end|>' }), 0);
});

test('sequencesOf learns completions and texts, and that they end', async () => {
  const parts = await open(null);
  assert.deepEqual(show({ prompt: 'What is', completion: ' Ada' }, parts), ['What is[ Ada<|endoftext|>]']);
  assert.deepEqual(show({ text: 'Hello there.' }, parts), ['[Hello there.<|endoftext|>]']);
});

test('sequencesOf learns calls of tools and thoughts as templates write them', async () => {
  const { source, specialTokens } = templateNamed('chatml');
  const parts = await open(source, 600, specialTokens);
  const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":"<|im_end|>"}' } };
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
  const result = { role: 'tool', tool_call_id: 'call_1', content: 'Ada' };
  const messages = [user('Hello'), assistant('', { tool_calls: [call] }), result, assistant('It is Ada.')];
  const shown = show({ messages, tools }, parts);
  assert.match(
    shown[0] ?? '',
    /assistant\n\[\n<tool_call>\n\{"name": "look", "arguments": \{"at": "<\|im_end\|>"\}\}\n<\/tool_call><\|im_end\|>\]\n/,
  );
  assert.equal(shown.length, 1);
  assert.match(shown[0] ?? '', /<tool_response>\nAda\n[^[]*\[It is Ada\.<\|im_end\|>\]$/);
  const sequence = sequencesOf(readTrainingExample(JSON.stringify({ messages, tools })), parts).at(-1);
  const ends = [...(sequence?.ids ?? [])].filter((id) => id === parts.tokenizer.tokenToId('<|im_end|>'));
  assert.equal(ends.length, 5); // of tools, question, call, result and answer: the one in the arguments is text
  const thought = [user('Hello'), assistant('Ada', { reasoning_content: 'What?' })];
  assert.deepEqual(show({ messages: thought }, parts), [
    '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n[<think>\nWhat?\n</think>\n\nAda<|im_end|>]',
  ]);
});

test('readExamples names every line that is wrong, with its field, and says how many there are', async () => {
  const parts = await open(CHATML, 60);
  const lines = [
    JSON.stringify({ messages: [user('Hello'), assistant('Ada')] }),
    '',
    '{"messages": [',
    JSON.stringify({ messages: [user('Hello'), { role: 'assistant', content: 5 }] }),
    JSON.stringify({ text: 'What is your name? '.repeat(20) }),
  ];
  const read = (bytes: Uint8Array) => readExamples(bytes, { ...parts, param: 'training_file', name: 'training file' });
  assert.throws(
    () => read(Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), Buffer.of(0x22, 0xff, 0x22)])),
    (error: Error & { readonly reason: string; readonly details: Readonly<Record<string, unknown>> }) => {
      assert.equal(error.reason, 'INVALID_DATA');
      const problems = error.details['problems'] as readonly { line: number; field: string; message: string }[]; // its own
      assert.deepEqual(
        problems.map(({ line, field }) => [line, field]),
        [
          [3, ''],
          [4, 'messages[1].content'],
          [5, ''],
          [6, ''],
        ],
      );
      assert.match(problems[2]?.message ?? '', /^has \d+ tokens, and the model sees 60 at most$/);
      assert.match(
        error.message,
        /^training file: 4 of 5 examples cannot be used: line 3: .*; line 6: expected UTF-8$/,
      );
      return true;
    },
  );
  assert.throws(() => read(Buffer.from('\n \n')), { reason: 'INVALID_DATA', message: /at least one/ });
  assert.equal(read(Buffer.from(`${lines[0]}\r\n`)).sequences.length, 1);
});

test('readExamples shows the first hundred of many problems', async () => {
  const parts = await open(CHATML);
  const bytes = Buffer.from('{}\n'.repeat(130));
  assert.throws(
    () => readExamples(bytes, { ...parts, param: 'training_file', name: 'training file' }),
    (error: Error & { readonly details: Readonly<Record<string, unknown>> }) => {
      assert.equal((error.details['problems'] as readonly unknown[]).length, 100); // fine-tuning-file's
      assert.match(error.message, /^training file: 130 of 130 examples cannot be used \(the first 100 of them here\)/);
      return true;
    },
  );
});
