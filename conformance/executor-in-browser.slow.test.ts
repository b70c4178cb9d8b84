// The executor contract on onnxruntime-web in Chromium: on an isolated page with threads, in a worker, and on an ordinary
// page with one thread.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AmaasError, isErrorReason } from '@amaas/core';
import { declareCases } from '../packages/core/src/executor.contract.ts';
import { skipWithoutBrowser } from './testing/browser.ts';
import { type BrowserPage, openBrowserPage } from './testing/browser-page.ts';
import type { CaseOutcome } from './testing/executor-scenario.ts';

const skip = skipWithoutBrowser();

const exceptions = {
  'an output may be called __proto__': 'the runtime keeps outputs in a plain object by name, which swallows this one',
};

const PAGE_MODULE = `
import { createOrtWebExecutor } from '@amaas/engine-ort-web';
import { runCase, theExecutor } from '/conformance/testing/executor-scenario.ts';
Object.assign(globalThis, { createOrtWebExecutor, runCase, theExecutor });`;

const WORKER_MODULE = `
const worker = new Worker('/conformance/testing/executor-worker.ts', { type: 'module' });
globalThis.inWorker = (index) => new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(index);
});`;

/** What a case threw over there, thrown here. */
function settle(outcome: CaseOutcome): void {
  if (outcome.kind === 'passed') return;
  if (outcome.kind === 'refused' && isErrorReason(outcome.reason))
    throw new AmaasError(outcome.reason, outcome.message);
  assert.fail(outcome.message);
}

describe('executor contract, onnxruntime-web on an isolated page', { skip }, () => {
  let page: BrowserPage;
  before(async () => {
    page = await openBrowserPage({ module: PAGE_MODULE, isolated: true });
  });
  after(() => page.close());

  test('it has the threads it was asked for, and a second executor no others', async () => {
    const name = await page.evaluate('theExecutor({ threads: 2 }).then((executor) => executor.name)');
    assert.match(String(name), /^onnxruntime-web \d+\.\d+\.\d+ \(wasm, 2 threads\)$/);
    const other = await page.evaluate('createOrtWebExecutor({ threads: 3 }).catch((error) => error.reason)');
    assert.equal(other, 'INVALID_CONFIG');
    assert.match(String(await page.evaluate('createOrtWebExecutor().then((executor) => executor.name)')), /2 threads/);
  });

  declareCases((index) => async () => settle((await page.evaluate(`runCase(${index})`)) as CaseOutcome), {
    exceptions,
  });

  test('the page had nothing to complain about', () => assert.deepEqual(page.problems, []));
});

describe('executor contract, onnxruntime-web in a worker of an isolated page', { skip }, () => {
  let page: BrowserPage;
  let name = '';
  before(async () => {
    page = await openBrowserPage({ module: WORKER_MODULE, isolated: true });
  });
  after(() => page.close());

  declareCases(
    (index) => async () => {
      const reply = (await page.evaluate(`inWorker(${index})`)) as { name: string; outcome: CaseOutcome }; // its protocol
      name = reply.name;
      settle(reply.outcome);
    },
    { exceptions },
  );

  test('it has threads there too, where the machine does', async () => {
    const cores = Number(await page.evaluate('navigator.hardwareConcurrency'));
    assert.match(name, cores === 1 ? /\(wasm, 1 thread\)$/ : new RegExp(`\\(wasm, ${cores} threads\\)$`));
    assert.deepEqual(page.problems, []);
  });
});

describe('executor contract, onnxruntime-web on an ordinary page', { skip }, () => {
  let page: BrowserPage;
  before(async () => {
    page = await openBrowserPage({ module: PAGE_MODULE });
  });
  after(() => page.close());

  test('it has one thread whatever was asked for, and says so', async () => {
    const name = await page.evaluate('theExecutor({ threads: 2 }).then((executor) => executor.name)');
    assert.match(String(name), /\(wasm, 1 thread: not cross-origin isolated\)$/);
  });

  declareCases((index) => async () => settle((await page.evaluate(`runCase(${index})`)) as CaseOutcome), {
    exceptions,
  });

  test('the page had nothing to complain about', () => assert.deepEqual(page.problems, []));
});
