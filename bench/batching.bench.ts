// What dynamic batching gains: a model that is bound by reading its weights (784-2048-2048-10), 64 connections, against
// the same server with batching off.
import { createTensor } from '@amaas/core';
import { runLoad } from '../packages/cli/src/bench/index.ts';
import { deploy, startAmaas } from './harness/child-server.ts';
import { inferRequest } from './harness/infer-request.ts';
import { denseModel } from './harness/models.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '3');
const server = await startAmaas();
const bytes = denseModel([784, 2048, 2048, 10]);
await deploy(server, 'batched', bytes);
await deploy(server, 'single', bytes, { batching: { dim: null } });
const inputs = new Map([
  [
    'x',
    createTensor(
      'float32',
      [1, 784],
      Float32Array.from({ length: 784 }, (_, i) => (i % 16) / 16),
    ),
  ],
]);

const results = new Map<string, { perSecond: number; p50Ms: number; p99Ms: number }[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const model of ['single', 'batched']) {
    const report = await runLoad({
      origin: server.url,
      requests: [inferRequest(server.url, model, inputs)],
      connections: 64,
      ratePerSecond: null,
      warmupMs: 1000,
      durationMs: 4000,
      requestTimeoutMs: 30_000,
    });
    if (report.errors.size > 0) throw new Error(`errors: ${[...report.errors.keys()].join(', ')}`);
    const result = {
      perSecond: report.succeededPerSecond,
      p50Ms: report.latency.quantileMs(0.5),
      p99Ms: report.latency.quantileMs(0.99),
    };
    results.set(model, [...(results.get(model) ?? []), result]);
  }
}
const of = (model: string, key: 'perSecond' | 'p50Ms' | 'p99Ms') =>
  median((results.get(model) ?? []).map((result) => result[key]));
printRows(`MLP 784-2048-2048-10, OIP binary, 64 connections, median of ${ROUNDS} rounds — ${hardwareLine()}`, [
  ['', 'requests/s', '× batching off', 'p50 ms', 'p99 ms'],
  ...['single', 'batched'].map((model) => [
    model === 'single' ? 'batching off' : 'batching on',
    of(model, 'perSecond').toFixed(0),
    (of(model, 'perSecond') / of('single', 'perSecond')).toFixed(2),
    of(model, 'p50Ms').toFixed(2),
    of(model, 'p99Ms').toFixed(2),
  ]),
]);
await server.stop();
