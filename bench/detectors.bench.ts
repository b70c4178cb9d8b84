// Object and face detection by pictures per second: the server under eight connections, load generator on the same
// cores, against ONNX Runtime alone in a loop with whichever sessions and threads are fastest there. The baseline runs the
// model file as it is; where the server rewrites it (weights among the inputs), a second baseline runs the rewritten file.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTensor } from '@amaas/core';
import { freezeInitializers, readModel, writeModel } from '@amaas/learn/onnx';
import { runLoad } from '../packages/cli/src/bench/index.ts';
import { sharedDataPath } from '../tools/test-data.ts';
import { deploy, startAmaas } from './harness/child-server.ts';
import { inferRequest } from './harness/infer-request.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '3');
const MODELS = [
  { name: 'yolox-nano', path: sharedDataPath('onnx/yolox_nano.onnx'), input: 'images', shape: [1, 3, 416, 416] },
  {
    name: 'ultraface',
    path: sharedDataPath('onnx/ultraface_version-RFB-320.onnx'),
    input: 'input',
    shape: [1, 3, 240, 320],
  },
];

const cores = availableParallelism();
const settings = [
  { sessions: 1, threads: cores, spinning: 'on' },
  { sessions: 1, threads: cores, spinning: 'off' },
  { sessions: cores, threads: 1, spinning: 'off' },
  { sessions: 1, threads: 1, spinning: 'off' },
];

function rawRunsPerSecond(modelPath: string, setting: (typeof settings)[number]): number {
  const script = join(import.meta.dirname, 'harness', 'raw-ort-main.ts');
  const args = [script, modelPath, String(setting.sessions), String(setting.threads), setting.spinning, '2500'];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

function bestRaw(modelPath: string): { readonly perSecond: number; readonly setting: string } {
  const results = settings.map((setting) => ({
    perSecond: median(Array.from({ length: ROUNDS }, () => rawRunsPerSecond(modelPath, setting))),
    setting: `${setting.sessions} session(s) × ${setting.threads} thread(s), spinning ${setting.spinning}`,
  }));
  return results.reduce((best, next) => (next.perSecond > best.perSecond ? next : best));
}

const scratch = mkdtempSync(join(tmpdir(), 'amaas-bench-'));
const server = await startAmaas();
const rows: string[][] = [['model', 'runs', 'images/s', '× best raw loop']];
for (const model of MODELS) {
  if (!existsSync(model.path)) throw new Error(`needs ${model.path}`);
  const bytes = readFileSync(model.path);
  await deploy(server, model.name, bytes);
  const data = Float32Array.from({ length: model.shape.reduce((a, b) => a * b, 1) }, (_, index) => index % 255);
  const request = inferRequest(
    server.url,
    model.name,
    new Map([[model.input, createTensor('float32', model.shape, data)]]),
  );
  const raw = bestRaw(model.path);
  rows.push([model.name, `raw loop, ${raw.setting}`, raw.perSecond.toFixed(1), '1.00']);
  const original = readModel(bytes);
  const frozen = freezeInitializers(original);
  if (frozen !== original) {
    const path = join(scratch, `${model.name}.onnx`);
    writeFileSync(path, writeModel(frozen));
    const rewritten = bestRaw(path);
    rows.push([
      '',
      `raw loop on the rewritten file, ${rewritten.setting}`,
      rewritten.perSecond.toFixed(1),
      (rewritten.perSecond / raw.perSecond).toFixed(2),
    ]);
  }
  const served: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const report = await runLoad({
      origin: server.url,
      requests: [request],
      connections: 8,
      ratePerSecond: null,
      warmupMs: 500,
      durationMs: 4000,
      requestTimeoutMs: 30_000,
    });
    if (report.errors.size > 0) throw new Error(`errors: ${[...report.errors.keys()].join(', ')}`);
    served.push(report.succeededPerSecond);
  }
  rows.push(['', 'amaas, 8 connections', median(served).toFixed(1), (median(served) / raw.perSecond).toFixed(2)]);
}
printRows(`Detectors, OIP binary, median of ${ROUNDS} rounds — ${hardwareLine()}`, rows);
await server.stop();
rmSync(scratch, { recursive: true, force: true });
