import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateSpeech, formatSpeechReport, speechMetric } from './speech-report.ts';
import { renderSpeechPage } from './speech-page.ts';
import { checkSymbols, spellLabels, stepsNeeded, symbolsOf, tidyTranscript } from './speech-symbols.ts';

const heard = [
  { file: 'a.wav', text: 'the cat sat', heard: 'the cat sat' },
  { file: 'b.wav', text: 'on the mat', heard: 'on mat' },
  { file: '<b>.wav', text: 'hello', heard: 'hallo you' },
  { file: 'd.wav', text: 'yes', heard: '' },
];
const report = evaluateSpeech({
  heard,
  seed: 3,
  slices: [{ name: 'group = <x>', rows: [0, 2] }],
  data: { name: 'talks & more', facts: [{ label: 'Recordings', value: 4 }] },
  model: { facts: [] },
  training: {
    facts: [],
    curves: [
      {
        quantity: 'loss',
        part: 'training',
        unit: 'epoch',
        points: [
          [1, 3.5],
          [2, 1.25],
        ],
      },
    ],
  },
});

test('evaluateSpeech counts edits over all recordings, and exact texts', () => {
  const words = 3 + 3 + 1 + 1;
  assert.equal(speechMetric(report, 'word error rate'), (1 + 2 + 1) / words);
  assert.deepEqual(report.edits, { substitutions: 1, insertions: 1, deletions: 2, words });
  // Character edits: "the " left out; "e" to "a" and " you" added; "yes" left out.
  assert.equal(speechMetric(report, 'character error rate'), (4 + 5 + 3) / (11 + 10 + 5 + 3));
  assert.equal(speechMetric(report, 'exact texts'), 0.25);
  for (const { interval, value } of report.metrics) {
    assert(interval !== null && interval.lower <= value && value <= interval.upper && interval.upper > interval.lower);
  }
  assert.deepEqual(
    report.worst.map(({ file }) => file),
    ['<b>.wav', 'd.wav', 'b.wav'],
  );
  assert.deepEqual(
    report.slices.map(({ name, n, metrics }) => [name, n, metrics[0]?.value]),
    [['group = <x>', 2, 2 / 4]],
  );
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
});

test('formatSpeechReport shows metrics with intervals, slices and the worst', () => {
  const text = formatSpeechReport(report);
  assert.match(text, /^On 4 recordings it has not heard \(with 95 % intervals\):\n {2}word error rate {7}50\.0 %/);
  assert.match(text, /8 words: 1 other ones, 2 left out, 1 added/);
  assert.match(text, /group = <x> \(2\): word error rate 50\.0 %/);
  assert.match(text, /b\.wav: "on the mat" as "on mat"/);
});

test('renderSpeechPage escapes every name and loads nothing', () => {
  const page = renderSpeechPage(report);
  assert.match(page, /^<!doctype html>/);
  assert.match(page, /talks &amp; more/);
  assert(!page.includes('<b>.wav') && page.includes('&lt;b&gt;.wav') && page.includes('group = &lt;x&gt;'));
  assert(!/<script|src=|href=/.test(page));
  assert.match(page, /50\.0 %/);
});

test('symbols are single characters in the order of their code points', () => {
  assert.deepEqual(symbolsOf(['ba b', '😀']).characters, [' ', 'a', 'b', '😀']);
  assert.equal(spellLabels({ characters: ['x', '😀'] }, [2, 1, 2]), '😀x😀');
  assert.equal(tidyTranscript('  e\u0301t\u00a0\n  moi '), 'ét moi');
  assert.deepEqual([stepsNeeded('three'), stepsNeeded('aaa'), stepsNeeded('😀😀')], [6, 5, 3]);
  for (const wrong of [[], ['a', 'a'], ['ab'], ['']])
    assert.throws(() => checkSymbols(wrong), { reason: 'INVALID_CONFIG' });
});
