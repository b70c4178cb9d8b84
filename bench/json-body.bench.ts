// A picture as JSON (3×224×224 float32): the time a request takes through the server against what JSON.parse and a copy
// of the same body take alone, and how long the server's event loop was ever held up meanwhile.
import { createTensor } from '@amaas/core';
import { intAttribute, intsAttribute, tensorValueInfo, writeModel } from '@amaas/learn/onnx';
import { runLoad } from '../packages/cli/src/bench/index.ts';
import { ADMIN_KEY, deploy, startAmaas } from './harness/child-server.ts';
import { httpRequest } from './harness/infer-request.ts';
import { seededRandom } from './harness/seeded-random.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '3');
const ELEMENTS = 3 * 224 * 224;

/** A model that costs next to nothing: the mean over everything but the batch. */
function meanModel(): Uint8Array {
  return writeModel({
    irVersion: 8,
    opsetImports: [{ version: 13 }],
    graph: {
      name: 'mean',
      nodes: [
        {
          opType: 'ReduceMean',
          inputs: ['x'],
          outputs: ['y'],
          attributes: [intsAttribute('axes', [1, 2, 3]), intAttribute('keepdims', 0)],
        },
      ],
      initializers: [],
      inputs: [tensorValueInfo('x', 'float32', ['N', 3, 224, 224])],
      outputs: [tensorValueInfo('y', 'float32', ['N'])],
    },
  });
}

const random = seededRandom(7);
const pixels = Float32Array.from({ length: ELEMENTS }, () => random() * 2 - 1);
const shortest = Array.from(pixels, (value) => Number(value.toPrecision(8)));
const body = Buffer.from(
  JSON.stringify({ inputs: [{ name: 'x', shape: [1, 3, 224, 224], datatype: 'FP32', data: shortest }] }),
);
const bodyAsDoubles = Buffer.from(
  JSON.stringify({ inputs: [{ name: 'x', shape: [1, 3, 224, 224], datatype: 'FP32', data: Array.from(pixels) }] }),
);

function parseAlone(bytes: Buffer): number {
  const times: number[] = [];
  for (let run = 0; run < 15; run++) {
    const startedMs = performance.now();
    const parsed: { inputs: [{ data: number[] }] } = JSON.parse(bytes.toString('utf8'));
    const tensor = createTensor('float32', [1, 3, 224, 224], Float32Array.from(parsed.inputs[0].data));
    times.push(performance.now() - startedMs);
    if (tensor.data.length !== ELEMENTS) throw new Error('wrong length');
  }
  return median(times);
}

async function eventLoopDelayMs(url: URL): Promise<number> {
  const response = await fetch(new URL('/admin/v1/status', url), { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const status: { readonly eventLoopDelayMaxMs: number } = await response.json();
  return status.eventLoopDelayMaxMs;
}

const server = await startAmaas();
await deploy(server, 'mean', meanModel());
const rows: string[][] = [['body', 'MiB', 'JSON.parse + copy ms', 'request ms (p50)', '×', 'p99 ms']];
for (const [name, bytes] of [
  ['8 digits', body],
  ['doubles, 17 digits', bodyAsDoubles],
] as const) {
  const alone: number[] = [];
  const served: number[] = [];
  const p99: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(parseAlone(bytes));
    const request = httpRequest(server.url, '/v2/models/mean/infer', {
      headers: { 'content-type': 'application/json' },
      body: bytes,
    });
    const report = await runLoad({
      origin: server.url,
      requests: [request],
      connections: 1,
      ratePerSecond: null,
      warmupMs: 500,
      durationMs: 3000,
      requestTimeoutMs: 30_000,
    });
    if (report.errors.size > 0)
      throw new Error(`errors: ${[...report.errors.values()].map((error) => error.example).join(', ')}`);
    served.push(report.latency.quantileMs(0.5));
    p99.push(report.latency.quantileMs(0.99));
  }
  rows.push([
    name,
    (bytes.length / 2 ** 20).toFixed(2),
    median(alone).toFixed(2),
    median(served).toFixed(2),
    (median(served) / median(alone)).toFixed(2),
    median(p99).toFixed(2),
  ]);
}
printRows(`JSON OIP 3×224×224 float32, one connection, median of ${ROUNDS} rounds — ${hardwareLine()}`, rows);
process.stdout.write(
  `  longest the event loop was held up since the start: ${(await eventLoopDelayMs(server.url)).toFixed(1)} ms (sampled every 10 ms)\n`,
);
await server.stop();
