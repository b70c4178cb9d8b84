import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { speechLogMel } from '../data/index.ts';
import { transpose } from '../graph/index.ts';
import { functional, SPEECH_FEATURES_INPUT, SPEECH_FRAMES_INPUT } from '../layers/index.ts';
import { TrainedModel } from '../train/index.ts';
import { chooseBlankPenalty } from './speech-blanks.ts';
import type { SpeechExample, SpeechRows } from './speech-examples.ts';

const executor = await createOrtNodeExecutor();
const ROWS: SpeechRows = {
  symbols: { characters: ['a', 'b'] },
  logMel: speechLogMel(8000, 3),
  normalisation: { mean: [0, 0, 0], std: [1, 1, 1] },
  timeStride: 1,
  frames: 4,
  labels: 2,
};

/** Says of every frame what its features are. */
const echo = new TrainedModel({
  network: functional([SPEECH_FEATURES_INPUT, SPEECH_FRAMES_INPUT], (inputs) =>
    transpose(inputs.get(SPEECH_FEATURES_INPUT), [0, 2, 1]),
  ),
  inputs: new Map([
    [SPEECH_FEATURES_INPUT, { dtype: 'float32', shape: [3, 4] }],
    [SPEECH_FRAMES_INPUT, { dtype: 'int64', shape: [] }],
  ]),
  weights: new Map(),
});

/** Logits [blank, a, b] of each frame. */
function example(text: string, frames: readonly (readonly number[])[]): SpeechExample {
  const values = Float32Array.from([0, 1, 2].flatMap((symbol) => frames.map((logits) => logits[symbol] ?? 0)));
  return { text, picture: { bands: 3, frames: frames.length, values } };
}

test('chooseBlankPenalty finds letters that the blank hides, and invents none', async () => {
  // "b" may stand at either of two frames, and the blank is likelier at both by 0.6.
  const hidden = example('ab', [
    [0, 3, 0],
    [2, 0, 1.4],
    [2, 0, 1.4],
  ]);
  const choose = (examples: readonly SpeechExample[]) => chooseBlankPenalty(echo, examples, { rows: ROWS, executor });
  // From 1.75 on no blank holds its two sounds of "a" apart any longer.
  const twice = example('aa', [
    [0, 3, 0],
    [1.6, 0, -9],
    [0, 3, -9],
  ]);
  assert.equal(await choose([hidden, twice]), 1); // 0.75 to 1.5 give both, and the middle counts
  assert.equal(await choose([twice]), 0.75); // 0 to 1.5, the middle
  assert.equal(await choose([hidden]), 1.75); // 0.75 to 3
});
