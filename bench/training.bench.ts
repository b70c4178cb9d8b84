// Training steps: ours on onnxruntime-node against PyTorch and TensorFlow.js (WebAssembly), the same models and settings.
// PyTorch runs in the Python that AMAAS_BENCH_PYTHON names; TensorFlow.js is installed into a temporary folder. Arguments:
// names of workloads, default all. BENCH_ROUNDS, BENCH_ROUND_MS and BENCH_THREADS change how long and how wide.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hardwareLine } from './harness/report.ts';
import { compareSides, OURS } from './training/rounds.ts';
import { type Side, startProcess } from './training/side.ts';
import { installTfjs } from './training/tfjs.ts';
import { WORKLOADS, type Workload, workloadOf } from './training/workloads.ts';

const folder = join(import.meta.dirname, 'training');
const python = process.env['AMAAS_BENCH_PYTHON'];
const settings = {
  threads: Number(process.env['BENCH_THREADS'] ?? availableParallelism()),
  rounds: Number(process.env['BENCH_ROUNDS'] ?? '7'),
  roundMs: Number(process.env['BENCH_ROUND_MS'] ?? '1000'),
};

function pytorch(variant: string): Side {
  return {
    name: `PyTorch ${variant}`,
    async start(workload, threads) {
      if (python === undefined) throw new Error('AMAAS_BENCH_PYTHON names no Python with PyTorch');
      return await startProcess(python, [join(folder, 'pytorch-steps.py'), workload.name, variant, String(threads)]);
    },
  };
}

function nodeSide(name: string, argument: () => Promise<string>): Side {
  return {
    name,
    async start(workload, threads) {
      const args = [join(folder, 'child-main.ts'), await argument(), workload.name, String(threads)];
      return await startProcess(process.execPath, args);
    },
  };
}

function sidesOf(workload: Workload): readonly Side[] {
  return [
    ...workload.pytorchVariants.map(pytorch),
    nodeSide('TensorFlow.js wasm', installTfjs),
    nodeSide(OURS, async () => 'ours'),
  ];
}

process.stdout.write(
  `Training, ${settings.threads} thread(s), median of ${settings.rounds} rounds of about ${settings.roundMs} ms per side — ${hardwareLine()}\n`,
);
const names = process.argv.slice(2);
for (const workload of names.length === 0 ? WORKLOADS : names.map(workloadOf)) {
  await compareSides(workload, sidesOf(workload), settings);
}
