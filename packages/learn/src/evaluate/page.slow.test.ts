// Report pages in a real browser: nothing asked for, nothing complained about, nothing wider than the screen, every
// text readable against what it stands on, on a desktop and on a phone, light and dark.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { skipWithoutBrowser, startBrowser, type TestBrowser } from '../../../../conformance/testing/browser.ts';
import { renderReportPage } from './page.ts';
import { binaryReport, multiclassReport, regressionReport } from './testing/report-samples.ts';

const skip = skipWithoutBrowser();
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 780 };

let browser: TestBrowser;
let page: Page;
const problems: string[] = [];

before(async () => {
  if (skip !== false) return;
  browser = await startBrowser();
  page = await browser.context.newPage();
  page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => problems.push(`asked for ${request.url()}`));
  page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`));
});

after(async () => {
  if (skip === false) await browser.close();
});

const reports = [
  ['binary', binaryReport({ hostile: true })],
  ['multiclass', multiclassReport(10)],
  ['many classes', multiclassReport(60)],
  ['regression', regressionReport()],
] as const;

for (const [name, report] of reports) {
  test(`renderReportPage of the ${name} sample works in a browser`, { skip }, async () => {
    problems.length = 0;
    for (const viewport of [DESKTOP, PHONE]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        const where = `${name}, ${viewport.width} px, ${colorScheme}`;
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        await page.setContent(renderReportPage(report));
        await page.evaluate(() => {
          for (const details of document.querySelectorAll('details')) details.open = true;
        });
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, where);
        assert.equal(await page.evaluate(() => document.scripts.length + document.images.length), 0, where);
        assert.deepEqual(await page.evaluate(findPaleTexts), [], where);
        assert.deepEqual(await page.evaluate(findLabelsOutside), [], where);
      }
    }
    assert.deepEqual(problems, []);
  });
}

test('renderReportPage can be walked by keyboard and heard', { skip }, async () => {
  await page.setViewportSize(PHONE);
  await page.setContent(renderReportPage(binaryReport()));
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Metrics');
  assert.equal(await page.getByRole('img', { name: /^ROC curve True positive rate against/ }).count(), 1);
  assert.equal(await page.getByRole('table', { name: 'Slices' }).count(), 1);
  assert.equal(await page.getByRole('rowheader', { name: 'region = west' }).count(), 1);
});

/** Texts with less contrast than 4.5 : 1 against the nearest opaque background; in the page. */
function findPaleTexts(): readonly string[] {
  const channels = (colour: string): readonly number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour: string): number => {
    const [r = 0, g = 0, b = 0] = channels(colour).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element: Element | null): string => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if ((channels(backgroundColor)[3] ?? 1) === 1) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  /** The colour of a cell of the heat map below its count. */
  const shadeBehind = (element: Element): string | null => {
    const [cell, heat] = ['.cell', '.heat'].map((name) => element.parentElement?.querySelector(name));
    if (!element.classList.contains('count') || cell == null || heat == null) return null;
    const share = Number(heat.getAttribute('fill-opacity'));
    const [under, over] = [channels(getComputedStyle(cell).fill), channels(getComputedStyle(heat).fill)];
    return `rgb(${under.map((value, i) => value * (1 - share) + (over[i] ?? 0) * share).join(', ')})`;
  };
  const pale = new Set<string>();
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some(({ nodeType, nodeValue }) => nodeType === 3 && nodeValue?.trim());
    if (!hasText || element.closest('title, desc') !== null) continue;
    const style = getComputedStyle(element);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    const [light = 0, dark = 0] = [luminance(colour), luminance(shadeBehind(element) ?? backgroundOf(element))].sort(
      (a, b) => b - a,
    );
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) pale.add(`${element.textContent?.slice(0, 30)}: ${contrast.toFixed(2)}`);
  }
  return [...pale];
}

/** Labels of plots that stick out of their picture and would be cut; in the page. */
function findLabelsOutside(): readonly string[] {
  const cut: string[] = [];
  for (const picture of document.querySelectorAll('svg.plot')) {
    const frame = picture.getBoundingClientRect();
    for (const label of picture.querySelectorAll('text')) {
      const box = label.getBoundingClientRect();
      const out = Math.max(
        frame.left - box.left,
        box.right - frame.right,
        frame.top - box.top,
        box.bottom - frame.bottom,
      );
      if (out > 1) cut.push(`${label.textContent}: ${out.toFixed(1)} px`);
    }
  }
  return cut;
}
