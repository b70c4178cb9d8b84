// Grammars that read texts in nearly as many ways as are let through do not hold llama.cpp: without the bound, their next
// larger relatives keep it busy for minutes.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { AnswerFormat } from '@amaas/core';
import { LlamaEngine } from '@amaas/engine-llama';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { answerGrammar } from './answer-grammar.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const engine = new LlamaEngine();
after(() => engine.dispose());

test('a model follows the widest grammars that are let through', { skip, timeout: 30_000 }, async () => {
  const options = { maxMemoryBytes: 1e9, maxLoadMs: 60_000, maxQueueSize: 10, contextTokens: 128, parallel: 1 };
  const model = await engine.load({ label: 'followed', modelPath: sharedDataPath(MODEL) }, { ...options, threads: 1 });
  const repeat = (count: number, part: string): string => Array.from({ length: count }, () => part).join('|');
  const formats: readonly AnswerFormat[] = [
    ...['(\\w?){12}', `(${repeat(8, '[a-z]')}){3}`, '(\\w+\\s?)*', '[a-z]*[a-z]*[a-z]*', '.*a.*b.*c.*'].map(
      (pattern) => ({ kind: 'expression', pattern }) as const,
    ),
    { kind: 'grammar', grammar: `root ::= ${repeat(300, '[a-z ]?').replaceAll('|', ' | ')}` },
    { kind: 'json-schema', schema: { items: { anyOf: [{ type: 'integer' }, { type: 'number' }] } } },
  ];
  for (const format of formats) {
    const grammar = answerGrammar({ format, calls: null, opensThought: false });
    assert(grammar !== null);
    let end: string | null = null;
    const request = { prompt: [{ text: 'Once upon', special: false }], maxTokens: 24, grammar };
    for await (const event of model.generate(request)) if (event.type === 'ended') end = event.reason;
    assert.notEqual(end, null, JSON.stringify(format).slice(0, 60));
  }
  await model.dispose();
});
