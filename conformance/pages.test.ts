// The API reference at /docs in a real browser: it opens with the key, shows everything, works by keyboard, can be read
// on a phone and in the dark, and asks nobody else for anything.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { OpenApiDescription } from '../packages/server/src/http/openapi.ts';
import { skipWithoutBrowser, startBrowser, type TestBrowser } from './testing/browser.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './testing/running-server.ts';

const skip = skipWithoutBrowser();

let server: TestServer;
let browser: TestBrowser;
let page: Page;
/** What the page complained about, and whom it asked. */
const problems: string[] = [];
const asked = new Set<string>();

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

before(async () => {
  if (skip !== false) return;
  server = await startTestServer();
  browser = await startBrowser({
    viewport: DESKTOP,
    reducedMotion: 'reduce',
    httpCredentials: { username: 'admin', password: ADMIN_KEY },
  });
  page = await browser.context.newPage();
  page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => asked.add(new URL(request.url()).origin));
});

after(async () => {
  if (skip !== false) return;
  await browser.close();
  await server.stop();
});

async function open(path = '/docs'): Promise<void> {
  const response = await page.goto(`${server.url}${path}`);
  assert.equal(response?.status(), 200);
}

function openAll(): Promise<void> {
  return page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
}

test('/docs opens with the key as the password, without scripts and without a complaint', { skip }, async () => {
  await open();
  assert.equal(await page.title(), 'amaas API reference');
  assert.equal(await page.evaluate(() => document.scripts.length), 0);
  assert.deepEqual(problems, []);
  await open('/'); // leads there
  assert.equal(new URL(page.url()).pathname, '/docs');
  assert.deepEqual([...asked], [server.url], 'nobody else is asked for anything');
});

test('/docs lists every operation of the description, each once', { skip }, async () => {
  await open();
  const description = (await (await server.request('/openapi.json')).json()) as OpenApiDescription; // see openapi.test.ts
  const described = Object.entries(description.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { summary }]) => `${method.toUpperCase()} ${path} ${summary}`),
  );
  const shown = await page
    .locator('details > summary')
    .evaluateAll((summaries) =>
      summaries.map((summary) =>
        ['.method', '.path', '.what'].map((part) => summary.querySelector(part)?.textContent ?? '').join(' '),
      ),
    );
  // Summaries mark code by backticks; the page shows it as code.
  assert.deepEqual(shown.toSorted(), described.map((line) => line.replaceAll('`', '')).toSorted());
  const headings = await page.locator('main h2').allTextContents();
  assert.deepEqual(headings, [...description.tags.map((tag) => tag.name), 'Schemas']);
});

test('every link leads somewhere, and a link to an operation opens it', { skip }, async () => {
  await open();
  const dangling = await page.evaluate(() => {
    const ids = new Set([...document.querySelectorAll('[id]')].map((element) => `#${element.id}`));
    return [...document.querySelectorAll('a')]
      .map((link) => link.getAttribute('href') ?? '')
      .filter((href) => href !== '/openapi.json' && !ids.has(href));
  });
  assert.deepEqual(dangling, []);
  const repeated = await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    return ids.filter((id, index) => ids.indexOf(id) !== index);
  });
  assert.deepEqual(repeated, []);
  await page.goto('about:blank'); // or nothing but the fragment would change
  await open('/docs#postV2ModelsModelInfer');
  const body = page.locator('#postV2ModelsModelInfer');
  await body.waitFor({ state: 'visible' });
  assert.equal(await page.locator('details[open]').count(), 1);
  const text = (await body.textContent()) ?? '';
  assert.match(text, /curl -X POST "\$AMAAS_URL\/v2\/models\/iris\/infer"/);
  assert.match(text, /Needs a key that may infer\./);
  assert.match(text, /datatype "BOOL" or "UINT8"/);
  const summary = await page.locator('details[open] > summary').boundingBox();
  assert.ok(summary !== null && summary.y >= 0, 'what was opened can be told from what is in view');
});

test('details open and close by keyboard, and show where the focus is', { skip }, async () => {
  await open();
  const first = page.locator('details').first();
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press('Tab');
    if (await first.locator('> summary').evaluate((summary) => summary === document.activeElement)) break;
  }
  const outline = await first.locator('> summary').evaluate((summary) => getComputedStyle(summary).outlineStyle);
  assert.equal(outline, 'solid');
  await page.keyboard.press('Enter');
  assert.equal(await first.evaluate((details) => details.hasAttribute('open')), true);
  assert.equal(await first.locator('.body').isVisible(), true);
  await page.keyboard.press('Space');
  assert.equal(await first.evaluate((details) => details.hasAttribute('open')), false);
});

test('nothing is wider than the screen, on a desk or on a phone, all opened', { skip }, async () => {
  for (const viewport of [DESKTOP, PHONE, { width: 320, height: 568 }]) {
    await page.setViewportSize(viewport);
    await open();
    await openAll();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= viewport.width, `${viewport.width} pixels wide, but the page takes ${width}`);
    // Only code may be scrolled sideways, and then inside its box.
    const overflowing = await page.evaluate(() =>
      [...document.querySelectorAll('main *, header *, nav *')]
        .filter(
          (element) => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline',
        )
        .map((element) => element.tagName)
        .filter((tag) => tag !== 'PRE'),
    );
    assert.deepEqual(overflowing, []);
  }
  await page.setViewportSize(DESKTOP);
});

/** Runs in the page: the texts whose contrast with what is behind them is below 4.5 : 1 (WCAG 2.2, 1.4.3). */
function textsOfLowContrast(): readonly string[] {
  const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string) => {
    const [red = 0, green = 0, blue = 0] = channels(color).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: Element | null): string => {
    for (let current = element; current !== null; current = current.parentElement) {
      const color = getComputedStyle(current).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const low = new Set<string>();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (element === null || node.textContent?.trim() === '') continue;
    const [light = 0, dark = 0] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort(
      (a, b) => b - a,
    );
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5)
      low.add(`${contrast.toFixed(2)} ${element.tagName}.${element.className}: ${node.textContent?.slice(0, 30)}`);
  }
  return [...low];
}

test('every text stands out from its background, by day and by night', { skip }, async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await open();
    await openAll();
    assert.deepEqual(await page.evaluate(textsOfLowContrast), [], colorScheme);
    const [background] = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor]);
    assert.equal(background, colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 24, 29)');
  }
  await page.emulateMedia({ colorScheme: 'light' });
});

test('the page has a language, one main heading, landmarks and no gap between heading levels', { skip }, async () => {
  await open();
  await openAll();
  const outline = await page.evaluate(() => ({
    language: document.documentElement.lang,
    landmarks: ['header', 'nav', 'main'].map((name) => document.querySelectorAll(`body > ${name}`).length),
    levels: [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((heading) => Number(heading.tagName.slice(1))),
  }));
  assert.equal(outline.language, 'en');
  assert.deepEqual(outline.landmarks, [1, 1, 1]);
  assert.equal(outline.levels.filter((level) => level === 1).length, 1);
  for (const [index, level] of outline.levels.entries()) {
    assert.ok(
      level <= (outline.levels[index - 1] ?? 0) + 1,
      `a heading of level ${level} follows one of ${outline.levels[index - 1]}`,
    );
  }
  assert.deepEqual(problems, []);
});
