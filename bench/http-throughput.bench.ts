// A small model over keep-alive HTTP against a bare node:http handler that reads the same bodies: 64 connections for
// throughput, one for latency. Rounds alternate, so that a drifting machine hits both alike.
import { createTensor } from '@amaas/core';
import { runLoad } from '../packages/cli/src/bench/index.ts';
import { type ChildServer, deploy, startAmaas, startBareHttp } from './harness/child-server.ts';
import { inferRequest } from './harness/infer-request.ts';
import { denseModel } from './harness/models.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '9');
/** Short rounds, many of them: a disturbance then hits a few, and the median does not see it. */
const WARMUP_MS = 200;
const DURATION_MS = 1000;
const inputs = new Map([
  [
    'x',
    createTensor(
      'float32',
      [1, 100],
      Float32Array.from({ length: 100 }, (_, i) => Math.sin(i)),
    ),
  ],
]);

interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMsPerRequest: number;
}

async function measure(server: ChildServer, model: string, connections: number): Promise<Measured> {
  const before = server.usage();
  const report = await runLoad({
    origin: server.url,
    requests: [inferRequest(server.url, model, inputs)],
    connections,
    ratePerSecond: null,
    warmupMs: WARMUP_MS,
    durationMs: DURATION_MS,
    requestTimeoutMs: 10_000,
  });
  const after = server.usage();
  if (report.errors.size > 0)
    throw new Error(`errors: ${[...report.errors].map(([kind, { example }]) => `${kind}: ${example}`).join('; ')}`);
  // Processor time covers the warm-up as well, so it is spread over all of the load.
  return {
    perSecond: report.succeededPerSecond,
    p50Ms: report.latency.quantileMs(0.5),
    p99Ms: report.latency.quantileMs(0.99),
    cpuMsPerRequest: (after.cpuMs - before.cpuMs) / ((report.succeededPerSecond * (WARMUP_MS + DURATION_MS)) / 1000),
  };
}

const bare = await startBareHttp(180);
const amaas = await startAmaas();
const mlp = denseModel([100, 64, 32, 1]);
await deploy(amaas, 'inline', mlp, { isolation: 'inline' });
await deploy(amaas, 'thread', mlp, { isolation: 'thread' });
await deploy(amaas, 'auto', mlp);

for (const connections of [64, 1]) {
  const results = new Map<string, Measured[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['bare', 'inline', 'thread', 'auto']) {
      const measured = await measure(name === 'bare' ? bare : amaas, name, connections);
      results.set(name, [...(results.get(name) ?? []), measured]);
    }
  }
  const of = (name: string, key: keyof Measured) => median((results.get(name) ?? []).map((result) => result[key]));
  printRows(
    `MLP 100-64-32-1, OIP binary, ${connections} connection(s), median of ${ROUNDS} rounds — ${hardwareLine()}`,
    [
      ['', 'requests/s', '× bare', 'p50 ms', 'p50 − bare', 'p99 ms', 'server CPU ms/request'],
      ...[...results.keys()].map((name) => [
        name,
        of(name, 'perSecond').toFixed(0),
        (of(name, 'perSecond') / of('bare', 'perSecond')).toFixed(2),
        of(name, 'p50Ms').toFixed(3),
        (of(name, 'p50Ms') - of('bare', 'p50Ms')).toFixed(3),
        of(name, 'p99Ms').toFixed(3),
        of(name, 'cpuMsPerRequest').toFixed(4),
      ]),
    ],
  );
}
await Promise.all([bare.stop(), amaas.stop()]);
