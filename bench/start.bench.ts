// Starting with the bundled models on a warm disk: time until ready, resident memory when idle, and what an install takes.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startAmaas } from './harness/child-server.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '5');
const IDLE_MS = 3000;
const dataDir = mkdtempSync(join(tmpdir(), 'amaas-bench-'));
const cache = mkdtempSync(join(tmpdir(), 'amaas-bench-cache-'));
process.env['NODE_COMPILE_CACHE'] = cache; // as the launcher of the command sets it

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
printRows(`Start with 5 bundled models, median of ${ROUNDS} — ${hardwareLine()}`, [
  ['first start (quarantine of all five), process start to ready', `${firstMs.toFixed(0)} ms`],
  ['later starts, process start to ready', `${median(startMs).toFixed(0)} ms`],
  [`resident after ${IDLE_MS / 1000} s idle, all processes`, `${median(residentMiB).toFixed(0)} MiB`],
  ['node_modules on disk', `${installMiB} MiB`],
]);
rmSync(dataDir, { recursive: true, force: true });
rmSync(cache, { recursive: true, force: true });

async function once(look?: (idle: { readonly residentBytes: number }) => void): Promise<number> {
  const startedMs = performance.now();
  const server = await startAmaas({ bundledModels: 'on' }, dataDir);
  const readyMs = performance.now() - startedMs;
  if (look !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    look({ residentBytes: residentBytesOfTree(server.pid) });
  }
  await server.stop();
  return readyMs;
}

/** Resident bytes of a process and all its descendants, shared pages counted once per process. */
function residentBytesOfTree(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((text) => text.trim() !== '');
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return pages * 4096 + children.reduce((sum, child) => sum + residentBytesOfTree(Number(child)), 0);
}
