import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvaluationReport } from './index.ts';
import { renderReportPage } from './page.ts';
import { logTicks, niceTicks, shortNumber } from './plot.ts';
import { binaryReport, HOSTILE, multiclassReport, regressionReport } from './testing/report-samples.ts';

/** Texts between tags must not matter here: only tags and attributes are looked at. */
function tagsOf(html: string): readonly string[] {
  return html.match(/<[^>]*>/g) ?? [];
}

function idsOf(html: string): readonly string[] {
  return [...html.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id);
}

const reports: readonly (readonly [string, EvaluationReport])[] = [
  ['binary', binaryReport()],
  ['hostile', binaryReport({ hostile: true })],
  ['multiclass', multiclassReport(5)],
  ['many classes', multiclassReport(101)],
  ['regression', regressionReport()],
];

test('renderReportPage loads nothing, runs nothing and points only at what is there', () => {
  for (const [name, report] of reports) {
    const html = renderReportPage(report);
    const tags = tagsOf(html);
    assert(!tags.some((tag) => /^<(script|link|img|iframe|object|embed|base|form)\b/i.test(tag)), name);
    assert(!tags.some((tag) => /\s(on\w+|src|href|xlink:href|style)\s*=/i.test(tag)), name);
    assert(!/@import|url\(/.test(html), name);
    assert.match(html, /content="default-src 'none'; style-src 'unsafe-inline'"/);
    const ids = idsOf(html);
    assert.equal(new Set(ids).size, ids.length, name);
    for (const [, targets = ''] of html.matchAll(/aria-labelledby="([^"]*)"/g)) {
      for (const target of targets.split(' ')) assert(ids.includes(target), `${name}: ${target}`);
    }
    assert.doesNotMatch(html, /NaN|[">]undefined|Infinity|\[object/, name);
  }
});

test('renderReportPage escapes every name a user chose', () => {
  const html = renderReportPage(binaryReport({ hostile: true }));
  assert(!html.includes('<script') && !html.includes('<img'));
  assert(!html.includes(HOSTILE.class) && !html.includes(HOSTILE.slice) && !html.includes(HOSTILE.model));
  assert(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
  assert(html.includes('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;'));
  assert(html.includes('model&#39; &amp; \ufffd[31mred\ufffd'));
});

test('renderReportPage shows the plots of each task, each with a description', () => {
  const titlesOf = (report: EvaluationReport): readonly string[] =>
    [...renderReportPage(report).matchAll(/<h3 id="[^"]*-title">([^<]*)</g)].map(([, title = '']) => title);
  assert.deepEqual(titlesOf(binaryReport()), [
    'ROC curve',
    'Precision-recall curve',
    'Confusion matrix',
    'Calibration of the positive class',
    'Training: loss',
    'Training: accuracy',
  ]);
  assert.deepEqual(titlesOf(regressionReport()), [
    'Prediction against target',
    'Residuals',
    'Distribution of the errors',
  ]);
  for (const [name, report] of reports) {
    const html = renderReportPage(report);
    assert.equal(html.match(/role="img"/g)?.length, html.match(/<desc /g)?.length, name);
  }
});

test('renderReportPage draws what the report says', () => {
  const report = binaryReport();
  const html = renderReportPage(report);
  // 46 px of axis labels to the left, 14 to the right: the ROC curve runs from corner to corner of 52…346 × 256…12.
  const [, path = ''] = /id="roc-text"[\s\S]*?<path class="line s0" d="([^"]*)"/.exec(html) ?? [];
  assert(path.startsWith('M52 256') && path.endsWith('L346 12'), path.slice(0, 30));
  assert.equal(path.match(/[ML]/g)?.length, report.curves[0]?.roc.length);
  for (const count of report.confusionMatrix?.flat() ?? [])
    assert(html.includes(`text-anchor="middle">${count}</text>`));
  // The loss that is not finite at epoch 5 leaves a gap: two strokes.
  const [, loss = ''] = /id="training-0-text"[\s\S]*?<path class="line s0" d="([^"]*)"/.exec(html) ?? [];
  assert.equal(loss.match(/M/g)?.length, 2);
  assert(html.includes('<strong class="worse">worse</strong>'));
});

test('renderReportPage is the same for a report read back from JSON', () => {
  for (const [name, report] of reports) {
    assert.equal(renderReportPage(JSON.parse(JSON.stringify(report))), renderReportPage(report), name);
  }
});

test('niceTicks, logTicks and shortNumber give round numbers', () => {
  assert.deepEqual(niceTicks(-0.13, 0.92), [0, 0.25, 0.5, 0.75]);
  assert.deepEqual(niceTicks(0, 37_000), [0, 10_000, 20_000, 30_000]);
  assert.deepEqual(niceTicks(2, 2), [2]);
  assert.deepEqual(logTicks(0.3, 40), [0.5, 1, 2, 5, 10, 20]);
  assert.deepEqual([240_000, 1_500_000, 9500, 0.25].map(shortNumber), ['240k', '1.5M', '9500', '0.25']);
});
