// Training steps in Chromium: ours on onnxruntime-web against TensorFlow.js (WebAssembly with SIMD and threads), each on an
// isolated page of its own. Arguments and settings as in training.bench.ts; the goal is twice TensorFlow.js.
import { availableParallelism } from 'node:os';
import { type BrowserPage, openBrowserPage } from '../conformance/testing/browser-page.ts';
import { hardwareLine } from './harness/report.ts';
import { compareSides, OURS } from './training/rounds.ts';
import type { RunningSide, Side, StepTiming } from './training/side.ts';
import { installTfjs } from './training/tfjs.ts';
import { WORKLOADS, workloadOf } from './training/workloads.ts';

const settings = {
  threads: Number(process.env['BENCH_THREADS'] ?? availableParallelism()),
  rounds: Number(process.env['BENCH_ROUNDS'] ?? '5'),
  roundMs: Number(process.env['BENCH_ROUND_MS'] ?? '1000'),
};
const AGAINST = 'TensorFlow.js wasm';

const OUR_MODULE = `
import { createOrtWebExecutor } from '@amaas/engine-ort-web';
import { OUR_WORKLOADS } from '/bench/training/ours.ts';
globalThis.start = async (name, threads) => {
  const workload = OUR_WORKLOADS.get(name);
  if (workload === undefined) throw new Error('not written yet');
  const executor = await createOrtWebExecutor({ threads });
  globalThis.training = await workload(executor, threads);
  return executor.name;
};`;

const TFJS_MODULE = `
import { startTfjs } from '/bench/training/tfjs-steps.mjs';
globalThis.start = async (name, threads) => {
  tf.wasm.setWasmPaths('/tensorflow/tfjs-backend-wasm/dist/');
  tf.wasm.setThreadsCount(threads);
  await tf.setBackend('wasm');
  globalThis.training = startTfjs(tf, name);
  return 'TensorFlow.js ' + tf.version.tfjs + ' (wasm, ' + threads + ' threads asked for)';
};`;

async function startOn(page: BrowserPage, name: string, threads: number): Promise<RunningSide> {
  try {
    const about = await page.evaluate(`start(${JSON.stringify(name)}, ${threads})`);
    return {
      about: String(about),
      async step(steps) {
        const timing = await page.evaluate(`(async () => {
          const startMs = performance.now();
          const loss = await training.step(${steps});
          return { msPerStep: (performance.now() - startMs) / ${steps}, loss };
        })()`);
        return timing as StepTiming; // as just written
      },
      close: page.close,
    };
  } catch (cause) {
    await page.close();
    throw cause;
  }
}

const sides: readonly Side[] = [
  {
    name: AGAINST,
    async start({ name }, threads) {
      const page = await openBrowserPage({
        module: TFJS_MODULE,
        isolated: true,
        folders: { '/tensorflow/': await installTfjs() },
      });
      for (const script of ['tfjs/dist/tf.min.js', 'tfjs-backend-wasm/dist/tf-backend-wasm.min.js']) {
        await page.page.addScriptTag({ url: `/tensorflow/${script}` });
      }
      return await startOn(page, name, threads);
    },
  },
  {
    name: OURS,
    start: async ({ name }, threads) =>
      await startOn(await openBrowserPage({ module: OUR_MODULE, isolated: true }), name, threads),
  },
];

process.stdout.write(
  `Training in Chromium, ${settings.threads} thread(s), median of ${settings.rounds} rounds of about ${settings.roundMs} ms per side — ${hardwareLine()}\n`,
);
const names = process.argv.slice(2);
for (const workload of names.length === 0 ? WORKLOADS : names.map(workloadOf)) {
  await compareSides({ ...workload, goals: [{ against: AGAINST, atLeast: 2 }] }, sides, settings);
}
