// Starting with the bundled models on a warm disk: time until ready, resident memory when idle, and what an install takes.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startAmaas } from './harness/child-server.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '5');
const IDLE_MS = 3000;
const dataDir = mkdtempSync(join(tmpdir(), 'amaas-bench-'));
const cache = mkdtempSync(join(tmpdir(), 'amaas-bench-cache-'));

const firstMs = await once();
await once(); // the second start still fills the caches
const startMs: number[] = [];
const residentMiB: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  startMs.push(await once((server) => residentMiB.push(server.residentBytes / 2 ** 20)));
}
const installMiB = Number(
  execFileSync('du', ['-sm', join(dirname(import.meta.dirname), 'node_modules')], { encoding: 'utf8' }).split('\t')[0],
);
printRows(`Start with the nine bundled models, median of ${ROUNDS} — ${hardwareLine()}`, [
  ['first start (quarantine of all nine), process start to ready', `${firstMs.toFixed(0)} ms`],
  ['later starts, process start to ready', `${median(startMs).toFixed(0)} ms`],
  [`resident after ${IDLE_MS / 1000} s idle, all processes`, `${median(residentMiB).toFixed(0)} MiB`],
  ['node_modules on disk', `${installMiB} MiB`],
]);
rmSync(dataDir, { recursive: true, force: true });
rmSync(cache, { recursive: true, force: true });

async function once(look?: (idle: { readonly residentBytes: number }) => void): Promise<number> {
  const startedMs = performance.now();
  const server = await startAmaas({ AMAAS_BUNDLED_MODELS: 'on', XDG_CACHE_HOME: cache }, dataDir);
  const readyMs = performance.now() - startedMs;
  if (look !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    look(server.usage());
  }
  await server.stop();
  return readyMs;
}
