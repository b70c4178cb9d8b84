// The 260 K story-teller of llama2.c as a served model: small, quick, and what it writes greedily is published.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { sharedDataPath, skipWithoutSharedData } from '../../tools/test-data.ts';
import { deployFiles } from './admin-call.ts';
import type { TestServer } from './running-server.ts';

const MODEL = 'llm/stories260K.gguf';

export const skipWithoutStories = skipWithoutSharedData(MODEL);

/** Everything said so far, and nothing around it: an empty conversation is the beginning of a story. */
export const PLAIN_TEMPLATE = '{% for message in messages %}{{ message.content }}{% endfor %}';

/** One thread, so that times and sums are the same in every run. */
const LANGUAGE = { threads: 1, parallel: 4, contextTokens: 512, chatTemplate: 'chat.jinja' } as const;

/** Deploys it; what `language` says wins over one thread, four sequences and 512 tokens. */
export async function deployStories(
  server: Pick<TestServer, 'request'>,
  name = 'stories',
  language: object = {},
): Promise<void> {
  const files = {
    'model.gguf': await readFile(sharedDataPath(MODEL)),
    'chat.jinja': new TextEncoder().encode(PLAIN_TEMPLATE),
  };
  const answer = await deployFiles(server, name, files, { manifest: { language: { ...LANGUAGE, ...language } } });
  assert.equal(answer.status, 201, answer.text);
}

/** What it writes greedily behind nothing; llama.cpp takes the other side of a near tie after so many characters. */
export async function publishedStory(): Promise<string> {
  return (await readFile(sharedDataPath('llm/stories260K.expected.txt'), 'utf8')).slice(0, 428);
}
