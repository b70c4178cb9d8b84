import assert from 'node:assert/strict';
import { test } from 'node:test';
import { languageFactsText, languageProgressText, measuredText, sampleText } from './language-text.ts';

test('languageProgressText says how far it is, how well it does and how long it takes', () => {
  const event = {
    kind: 'progress',
    step: 250,
    steps: 1000,
    loss: 3.21,
    learningRate: 1e-3,
    tokensPerSecond: 1000,
  } as const;
  assert.equal(
    languageProgressText(event, 100, true),
    'step 250/1,000  ████░░░░░░░░░░░░  25%  loss 3.21  1,000 tokens/s  75 s left',
  );
  assert.match(languageProgressText(event, 1000, false), /25% {2}loss 3\.21 {2}1,000 tokens\/s {2}13 min left$/);
});

test('measuredText shows bits per byte where text was held out', () => {
  const point = { step: 1500, loss: 1.75, validationLoss: 1.9, bitsPerByte: 1.23456, learningRate: 1e-3 };
  assert.equal(measuredText(point), 'step 1,500  loss 1.75  held out 1.9, 1.235 bits per byte');
  assert.equal(measuredText({ ...point, validationLoss: null, bitsPerByte: null }), 'step 1,500  loss 1.75');
});

test('sampleText sets texts off, and lets none steer the terminal', () => {
  const sample = sampleText({ prompt: 'Once', text: ' upon\n\ta \u001b[31mtime\u0007', ended: false });
  assert.equal(sample, '  | Once upon\n  | \ta ·[31mtime· …');
  assert.equal(sampleText({ prompt: '', text: 'The end.', ended: true }), '  | The end.');
});

test('languageFactsText shows text and network, and names what it has not read', () => {
  const facts = {
    ...{ documents: 1, characters: 90, trainingTokens: null, heldOutTokens: 12, heldOutBytes: 40, parameters: 25_440 },
    ...{ steps: 30, tokensPerStep: 384, evaluateEvery: 15 },
    architecture: { name: 'gpt', layers: 2, heads: 4, width: 64, blockSize: 32, vocabularySize: 400 },
  } as const;
  const text = languageFactsText('texts/', { files: 2, bytes: 100, others: ['a.png', 'b.png'] }, facts);
  assert.match(text, /texts\/: 100 bytes in 2 files, 1 document\n/);
  assert.match(text, /streamed, 12 held out \(40 bytes\)/);
  assert.match(text, /gpt: 2 layers, 4 heads, 64 wide, 32 tokens at once/);
  assert.match(text, /not read: 2 files of other kinds, such as a\.png/);
});
