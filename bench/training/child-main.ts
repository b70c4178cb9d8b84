// A side in a Node process of its own, speaking the lines of side.ts. Arguments: `ours` or the folder of TensorFlow.js's
// packages, workload, threads.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { OUR_WORKLOADS, type OurTraining } from './ours.ts';
import { workloadOf } from './workloads.ts';

const [side = '', name, threadsText = '1'] = process.argv.slice(2);
const threads = Number(threadsText);
const workload = workloadOf(name);

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

interface Started {
  readonly about: string;
  readonly training: OurTraining;
}

async function startOurs(): Promise<Started> {
  const start = OUR_WORKLOADS.get(workload.name);
  if (start === undefined) throw new Error('not written yet');
  const executor = await createOrtNodeExecutor({ threads });
  return { about: executor.name, training: await start(executor, threads) };
}

/** What is used here of TensorFlow.js, whose types are not in the checkout. */
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  readonly version: { readonly tfjs: string };
}

async function startTensorFlow(packages: string): Promise<Started> {
  const require = createRequire(join(packages, 'main.js'));
  const tf: Tfjs = require('@tensorflow/tfjs');
  require('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend('wasm');
  const steps: { startTfjs(tf: Tfjs, name: string): OurTraining } = await import(
    new URL('tfjs-steps.mjs', import.meta.url).href
  );
  const about = `TensorFlow.js ${tf.version.tfjs}, SIMD, 1 thread (it has no more in Node)`;
  return { about, training: steps.startTfjs(tf, workload.name) };
}

try {
  const { about, training } = await (side === 'ours' ? startOurs() : startTensorFlow(side));
  say({ ready: about });
  for await (const line of createInterface({ input: process.stdin })) {
    const { steps }: { readonly steps: number } = JSON.parse(line);
    const startMs = performance.now();
    const loss = await training.step(steps);
    say({ msPerStep: (performance.now() - startMs) / steps, loss });
  }
} catch (cause) {
  say({ missing: cause instanceof Error ? cause.message : String(cause) });
}
