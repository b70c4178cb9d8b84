import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCompletionRequest } from './completion-request.ts';

const body = (more: object): object => ({ model: 'm', prompt: 'Once', ...more });

function refuses(more: object, message: string): void {
  const [field] = message.split(': ', 1);
  assert.throws(() => decodeCompletionRequest(body(more)), { reason: 'INVALID_ARGUMENT', message, details: { field } });
}

test('decodeCompletionRequest makes a call of 16 tokens of a text', () => {
  assert.deepEqual(decodeCompletionRequest(body({})), {
    model: 'm',
    choices: 1,
    isStream: false,
    includesUsage: false,
    prompts: ['Once'],
    calls: [{ input: { kind: 'prompt', prompt: 'Once' }, sampling: {}, maxTokens: 16 }],
    echo: false,
  });
});

test('decodeCompletionRequest makes calls of all choices of all prompts, in the four forms of prompts', () => {
  const prompts = (prompt: unknown) => decodeCompletionRequest(body({ prompt })).prompts;
  assert.deepEqual(prompts(['a', '']), ['a', '']);
  assert.deepEqual(prompts([3, 4]), [[3, 4]]);
  assert.deepEqual(prompts([[3], [4, 5]]), [[3], [4, 5]]);
  const { calls } = decodeCompletionRequest(body({ prompt: ['a', 'b'], n: 2, best_of: 2, seed: 8, logprobs: 0 }));
  assert.deepEqual(
    calls.map(({ input, sampling }) => [input.kind === 'prompt' && input.prompt, sampling?.seed]),
    [
      ['a', 8],
      ['a', 9],
      ['b', 8],
      ['b', 9],
    ],
  );
  assert.deepEqual(calls[0]?.logProbabilities, { top: 0 });
});

test('decodeCompletionRequest reads what stands around the answer', () => {
  const { calls, echo } = decodeCompletionRequest(body({ suffix: 'end', echo: true, parse_special: true }));
  assert.deepEqual(calls[0]?.input, { kind: 'prompt', prompt: 'Once', suffix: 'end', special: true });
  assert.equal(echo, true);
});

test('decodeCompletionRequest names what is wrong', () => {
  refuses({ best_of: 3 }, 'best_of: is supported only where it equals n, 1');
  refuses({ echo: true, logprobs: 1 }, 'echo: is not supported beside logprobs: prompts have none here');
  refuses({ logprobs: 6 }, 'logprobs: expected a whole number from 0 to 5, got 6');
  refuses({ prompt: null }, 'prompt: is needed');
  refuses({ prompt: [] }, 'prompt: expected 1 to 128 texts, got 0');
  refuses(
    { prompt: ['a', []] },
    'prompt: expected a text, a list of texts, a list of tokens, or a list of lists of tokens',
  );
  refuses(
    { prompt: [1, -2] },
    'prompt: expected a text, a list of texts, a list of tokens, or a list of lists of tokens',
  );
  refuses({ prompt: [[1], []] }, 'prompt[1]: is empty');
  refuses({ messages: [] }, 'messages: is not supported');
});
