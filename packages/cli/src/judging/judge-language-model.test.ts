import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AmaasError, type LanguageModel, type PromptPiece } from '@amaas/core';
import { judgeChoices, judgeText, readJudgingData } from './judge-language-model.ts';

const OPTIONS = { signal: new AbortController().signal, onProgress: () => {} };

async function fileOf(t: TestContext, name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-judging-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

/** Tokens are characters; it fails at one of them, and may not answer from then on. */
function modelThatFailsAt(
  character: string,
  reason: 'CONTEXT_OVERFLOW' | 'ENGINE_CRASHED' | 'CANCELLED',
): LanguageModel {
  let isGone = false;
  const charactersOf = (pieces: readonly PromptPiece[]): readonly number[] =>
    pieces.flatMap((piece) => ('tokens' in piece ? piece.tokens : [...piece.text].map((one) => one.charCodeAt(0))));
  const model = {
    facts: { contextTokens: 9 },
    tokenize: async (pieces: readonly PromptPiece[]) => charactersOf(pieces),
    async detokenize(tokens: readonly number[]) {
      if (isGone) throw new AmaasError('MODEL_NOT_READY', 'it is being started again');
      return String.fromCharCode(...tokens);
    },
    async score(_: readonly PromptPiece[], text: readonly PromptPiece[]) {
      const tokens = charactersOf(text);
      if (!tokens.includes(character.charCodeAt(0))) return tokens.map(() => -1);
      isGone = reason === 'ENGINE_CRASHED';
      throw new AmaasError(reason, 'score: it fails', { details: { a: 1 } });
    },
  };
  return model as unknown as LanguageModel; // judging asks nothing else of it
}

test('readJudgingData names the file and the line that is wrong', async (t) => {
  const path = await fileOf(t, 'quiz.jsonl', '\n{"prompt":"a","choices":["b","c"],"answer":1}\n\n{"prompt":1}\n');
  await assert.rejects(readJudgingData(path), { message: 'quiz.jsonl, line 4: "prompt" must be a text' });
  const none = await fileOf(t, 'none.jsonl', '\n');
  await assert.rejects(readJudgingData(none), { reason: 'INVALID_DATA', message: 'none.jsonl: the file has none' });
});

test('judgeChoices names the file, the line and the choice that could not be scored', async (t) => {
  const line = (choice: string): string => `{"prompt":"a","choices":["b","${choice}"],"answer":1}\n`;
  const data = await readJudgingData(await fileOf(t, 'quiz.jsonl', `${line('c')}\n\n${line('x')}`));
  assert.ok(data.kind === 'choices');
  await assert.rejects(judgeChoices(modelThatFailsAt('x', 'CONTEXT_OVERFLOW'), data, OPTIONS), {
    reason: 'CONTEXT_OVERFLOW',
    message: 'quiz.jsonl, line 4, choice 1: score: it fails',
    details: { a: 1 },
  });
  await assert.rejects(judgeChoices(modelThatFailsAt('x', 'CANCELLED'), data, OPTIONS), { message: 'score: it fails' });
  assert.equal((await judgeChoices(modelThatFailsAt('y', 'CONTEXT_OVERFLOW'), data, OPTIONS)).questions, 2);
});

test('judgeText names the file, and the line from which on it could not be scored', async (t) => {
  const data = await readJudgingData(await fileOf(t, 'held-out.txt', 'one\ntwo\nthree\nsix\nten\n'));
  assert.ok(data.kind === 'text');
  for (const beginsTexts of [true, false]) {
    const judge = (model: LanguageModel): Promise<unknown> => judgeText(model, { beginsTexts }, data, OPTIONS);
    // Windows of 8 characters that go on by 4: "x" is in the one that begins with it.
    await assert.rejects(judge(modelThatFailsAt('x', 'CONTEXT_OVERFLOW')), {
      reason: 'CONTEXT_OVERFLOW',
      message: 'held-out.txt, line 4: score: it fails',
    });
    await assert.rejects(judge(modelThatFailsAt('x', 'ENGINE_CRASHED')), {
      message: 'held-out.txt: score: it fails',
      retryable: true,
    });
    await judge(modelThatFailsAt('y', 'ENGINE_CRASHED'));
  }
});
