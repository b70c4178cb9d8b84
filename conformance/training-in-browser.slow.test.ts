// The same few lines train in Node, in a browser's page and in its worker, with the same numbers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createReferenceExecutor } from '@amaas/learn/compile';
import { skipWithoutBrowser } from './testing/browser.ts';
import { openBrowserPage } from './testing/browser-page.ts';
import { type SmallTraining, trainSmall } from './testing/train-small.ts';

const skip = skipWithoutBrowser();

const MODULE = `
import { createOrtWebExecutor } from '@amaas/engine-ort-web';
import { trainSmall } from '/conformance/testing/train-small.ts';
globalThis.trainHere = async () => trainSmall(await createOrtWebExecutor());
globalThis.trainInWorker = () => new Promise((resolve, reject) => {
  const worker = new Worker('/conformance/testing/train-small-worker.ts', { type: 'module' });
  worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage('train');
});`;

/** Runtimes add in other orders: float32 training of a few dozen steps stays this close. */
const TOLERANCE = 2e-3;

test('a network trains in a browser page and in its worker as it does in Node', { skip }, async (t) => {
  const inNode = await trainSmall(await createOrtNodeExecutor());
  const browser = await openBrowserPage({ module: MODULE });
  t.after(() => browser.close());
  // What trainSmall gives is plain data.
  const onPage = (await browser.evaluate('trainHere()')) as SmallTraining;
  const inWorker = (await browser.evaluate('trainInWorker()')) as SmallTraining;
  assert.match(onPage.executor, /onnxruntime-web/);
  assertClose(onPage, inNode);
  assert.deepEqual(inWorker.losses, onPage.losses, 'one runtime, one result');
  assert.deepEqual(inWorker.predictions, onPage.predictions);
  const [first] = inNode.losses;
  const last = inNode.losses.at(-1);
  assert((last?.[1] ?? 1) < (first?.[1] ?? 0) * 0.8, `it learns: ${inNode.losses.join(' → ')}`);
  assert.deepEqual(
    browser.problems.filter((problem) => !/crossOriginIsolated|isolated/i.test(problem)),
    [],
  );
});

test('a network trains on the float64 reference as it does on ONNX Runtime', async () => {
  assertClose(await trainSmall(createReferenceExecutor()), await trainSmall(await createOrtNodeExecutor()));
});

function assertClose(actual: SmallTraining, expected: SmallTraining): void {
  const pairs = [
    ...actual.losses.flat().map((value, index) => [value, expected.losses.flat()[index]] as const),
    ...actual.predictions.map((value, index) => [value, expected.predictions[index]] as const),
  ];
  for (const [value, wanted = Number.NaN] of pairs) {
    assert(Math.abs(value - wanted) < TOLERANCE, `${actual.executor}: ${value}, ${expected.executor}: ${wanted}`);
  }
}
