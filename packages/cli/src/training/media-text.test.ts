import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MediaFacts, mediaText } from './media-text.ts';

const skipped = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ name: `a/${at}.png`, message: `image: a/${at}.png is empty` }));

const facts: MediaFacts = {
  name: 'letters',
  summary: {
    kind: 'image',
    classes: [...'abcdefgh'].map((name, at) => ({ name, count: at === 0 ? 1300 : 100 })),
    files: 2000,
    skipped: [],
    digest: 'ab',
  },
  rows: { train: 1300, validation: 300, test: 400 },
  facts: [{ label: 'Pixels', value: '28 × 28, grey' }],
  findings: [
    { severity: 'info', code: 'split-sizes', message: 'groups stay together' },
    { severity: 'warning', code: 'rare-class', message: 'no file of class "h" is held out' },
  ],
  others: '2 .txt files',
};

test('mediaText says what was understood, and of what was noticed the warnings', () => {
  assert.equal(
    mediaText(facts, false),
    [
      'letters: 2,000 pictures',
      'predicts     one of 8 classes: a 65 %, b 5 %, c 5 %, d 5 %, e 5 %, f 5 %, and 2 more',
      'pixels       28 × 28, grey',
      'files        1,300 to train, 300 to validate, 400 held out',
      'passed over  2 .txt files',
      'warning: no file of class "h" is held out',
    ].join('\n'),
  );
  const all = mediaText({ ...facts, others: '' }, true);
  assert.match(all, /, g 5 %, h 5 %\n[\s\S]*\nwarning: no file .*\ninfo: groups stay together$/);
  assert.ok(!all.includes('passed over'));
  const quiet = mediaText({ ...facts, findings: [], others: '' }, false);
  assert.match(quiet, /400 held out$/);
});

test('mediaText names files that were left out, and says why where it is asked or there is one', () => {
  const withSkipped = (count: number, isVerbose = false): string => {
    const summary = { ...facts.summary, kind: 'audio', skipped: skipped(count) } as const;
    return mediaText({ ...facts, summary, findings: [], others: '' }, isVerbose);
  };
  assert.match(
    withSkipped(1),
    /^letters: 2,000 recordings\n[\s\S]*\nwarning: 1 of 2,001 files is left out: a\/0\.png is empty$/,
  );
  assert.match(
    withSkipped(8),
    /\nwarning: 8 of 2,008 files cannot be read and are left out: a\/0\.png, .*, a\/5\.png, and 2 more \(--verbose says why\)$/,
  );
  assert.match(withSkipped(2, true), /are left out:\n {2}a\/0\.png is empty\n {2}a\/1\.png is empty$/);
});
