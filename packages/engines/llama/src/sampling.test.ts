import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SamplingSettings } from '@amaas/core';
import { checkRequest } from './generation-limits.ts';
import { checkSampling } from './sampling.ts';

function refuses(settings: SamplingSettings, field: string, message: string): void {
  assert.throws(() => checkSampling(settings, 32), { reason: 'INVALID_ARGUMENT', message, details: { field } });
}

test('checkSampling names the setting in its text and apart from it', () => {
  refuses({ topP: 1.5 }, 'topP', 'generate: topP must be a number of 0 … 1, got 1.5');
  refuses({ seed: -3 }, 'seed', 'generate: seed must be a whole number of 0 … 4294967295, got -3');
  const outside = 'generate: logitBias names token 33, and the model has tokens 0 … 31';
  refuses({ logitBias: new Map([[33, 2]]) }, 'logitBias', outside);
  checkSampling({ temperature: 0.7, topK: 5, logitBias: new Map([[31, -2]]) }, 32);
});

test('checkRequest names the field that is wrong', () => {
  const request = { prompt: [], maxTokens: 2.5 };
  const message = 'generate: maxTokens must be a whole number ≥ 1, got 2.5';
  assert.throws(() => checkRequest(request), { message, details: { field: 'maxTokens' } });
  const details = { field: 'logProbabilities.top' };
  assert.throws(() => checkRequest({ prompt: [], logProbabilities: { top: 101 } }), { details });
  checkRequest({ prompt: [], maxTokens: 3, stop: ['x'], logProbabilities: { top: 4 } });
});

test('checkRequest refuses grammars that would end the process that reads them', () => {
  const refused: readonly (readonly [grammar: string, message: RegExp])[] = [
    [`root ::= ${'('.repeat(200_000)}`, /grammar nests groups more than 1000 deep/],
    [`root ::= <"> ${'('.repeat(1001)} "b" ${')'.repeat(1001)}`, /grammar nests groups more than 1000 deep/],
    ['root ::= "a"{5,2}', /asks with \{5,2\} for fewer repetitions at most than at least/],
    [`root ::= "${'a'.repeat(1_000_000)}"`, /has 1000011 characters, more than 1000000/],
  ];
  const details = { field: 'grammar' };
  for (const [grammar, message] of refused) {
    assert.throws(() => checkRequest({ prompt: [], grammar }), { message, details }, grammar.slice(0, 30));
  }
  const shallow = `"${'('.repeat(2000)}\\"" [${'('.repeat(2000)}\\]] "{5,2}" # ${'('.repeat(2000)}\n`;
  const side = '("a") '.repeat(2000);
  checkRequest({ prompt: [], grammar: `root ::= ${'('.repeat(999)} ${shallow} ${')'.repeat(999)} ${side} "b"{2,5}` });
  checkRequest({ prompt: [], grammar: `root ::= "${'a\\"'.repeat(300_000)}"` });
});
