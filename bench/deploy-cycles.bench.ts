// Whether memory grows: a small model is deployed, asked once and deleted, again and again; resident memory of the server
// and all its processes is printed along the way. BENCH_CYCLES sets how often, 10,000 by default (about ten minutes).
import { createTensor } from '@amaas/core';
import { encodeInferRequest } from '@amaas/protocols/oip';
import { ADMIN_KEY, deploy, startAmaas } from './harness/child-server.ts';
import { denseModel } from './harness/models.ts';
import { hardwareLine, printRows } from './harness/report.ts';

const CYCLES = Number(process.env['BENCH_CYCLES'] ?? '10000');
const SAMPLES = 20;
const headers = { authorization: `Bearer ${ADMIN_KEY}` };
const server = await startAmaas();
const bytes = denseModel([100, 64, 32, 1]);
const request = encodeInferRequest(new Map([['x', createTensor('float32', [1, 100], new Float32Array(100))]]), {
  binary: true,
});

async function expectStatus(status: number, path: string, init: RequestInit): Promise<void> {
  const response = await fetch(new URL(path, server.url), init);
  const text = await response.text();
  if (response.status !== status) throw new Error(`${path}: ${response.status} ${text}`);
}

const rows: string[][] = [['cycles', 'resident MiB', 'ms per cycle']];
let sinceMs = performance.now();
const every = Math.max(1, Math.floor(CYCLES / SAMPLES));
for (let cycle = 1; cycle <= CYCLES; cycle++) {
  // Threads as a rule, now and then a child process: both kinds must leave nothing behind.
  await deploy(server, 'cycled', bytes, { isolation: cycle % 10 === 0 ? 'process' : 'thread' });
  const body = Buffer.concat(request.parts);
  await expectStatus(200, '/v2/models/cycled/infer', {
    method: 'POST',
    headers: { ...headers, ...request.headers },
    body,
  });
  await expectStatus(204, '/admin/v1/models/cycled', { method: 'DELETE', headers });
  if (cycle % every === 0) {
    const ms = (performance.now() - sinceMs) / every;
    rows.push([String(cycle), (server.usage().residentBytes / 2 ** 20).toFixed(0), ms.toFixed(1)]);
    sinceMs = performance.now();
  }
}
printRows(`Deploy, ask, delete: ${CYCLES} cycles — ${hardwareLine()}`, rows);
await server.stop();
