import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatReport } from './format-report.ts';
import { formatMetric, formatNumber, formatPValue } from './number-text.ts';
import { binaryReport, multiclassReport, regressionReport } from './testing/report-samples.ts';
import { formatTable, printable, textWidth } from './text-table.ts';

test('formatReport shows metrics, baselines, classes, slices and training of a binary task', () => {
  const text = formatReport(binaryReport());
  const lines = text.split('\n');
  assert.equal(lines[0], 'Evaluation of heart on heart.csv: binary, 600 rows');
  assert.equal(lines[1], 'Positive class: ill, predicted from 0.5 on');
  assert.match(text, /^Metric +Value +95 % interval +Majority +Linear$/m);
  assert.match(text, /^Accuracy +0\.\d{4} +0\.\d{4} … 0\.\d{4} +0\.\d{4} +0\.\d{4}$/m);
  assert.match(text, /^region = west +\d+ .* < 0\.001 +worse$/m);
  assert.match(text, /^actual \\ predicted +healthy +ill$/m);
  assert.match(text, /^Accuracy 0\.\d{4} above Majority \(always "healthy".*, p < 0\.001$/m);
  assert(text.endsWith('\n') && !/[ \t]$/m.test(text));
});

test('formatReport aligns the columns of numbers', () => {
  const lines = formatReport(multiclassReport(4)).split('\n');
  const start = lines.findIndex((line) => line.startsWith('Class '));
  const ends = lines.slice(start, start + 5).map((line) => line.length);
  assert.equal(new Set(ends).size, 1, lines.slice(start, start + 5).join('\n'));
});

test('formatReport lists mistakes where the matrix is too large, and errors of a regression', () => {
  assert.match(formatReport(multiclassReport(40)), /^Most frequent mistakes\nactual +predicted +rows$/m);
  const text = formatReport(regressionReport());
  assert.match(text, /^ +least +5 % +25 % +50 % +75 % +95 % +most$/m);
  assert.match(text, /^RMSE [\d,]+ below Mean .*, 95 % [\d,]+ … [\d,]+, p /m);
});

test('formatReport lets no name command the terminal', () => {
  const text = formatReport(binaryReport({ hostile: true }));
  assert.doesNotMatch(text.replaceAll('\n', ''), /\p{Cc}|\p{Cf}/u);
  assert.match(text, /model' & \ufffd\[31mred/);
});

test('printable cuts long names by the width they take', () => {
  assert.equal(printable('a'.repeat(40), 10), `${'a'.repeat(9)}…`);
  assert.equal(textWidth('東京'), 4);
  assert.equal(printable('東京都港区', 6), '東京…');
  assert.deepEqual(
    formatTable({
      header: ['名', 'n'],
      rows: [
        ['東京', '1'],
        ['ab', '10'],
      ],
    }),
    ['名     n', '東京   1', 'ab    10'],
  );
});

test('formatMetric and formatNumber write numbers for people', () => {
  assert.equal(formatMetric('accuracy', 0.93558), '0.9356');
  assert.equal(formatMetric('r2', -0.00001), '0.0000');
  assert.equal(formatMetric('meanAbsolutePercentageError', 0.12345), '12.35 %');
  assert.equal(formatMetric('rootMeanSquaredError', 32_911.4), '32,910');
  assert.equal(formatMetric('rocAuc', null), '–');
  assert.deepEqual([0, 12.3456, -98_765.4, 1.23456e9, 0.0000123].map(formatNumber), [
    '0',
    '12.35',
    '-98,770',
    '1.235e9',
    '1.230e-5',
  ]);
  assert.deepEqual([0.0004, 0.0378, 1, null].map(formatPValue), ['< 0.001', '0.038', '1.000', '–']);
});
