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
