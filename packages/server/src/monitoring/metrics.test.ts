import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from './metrics.ts';

/** Series of a scrape by name and labels, in the order of the text. */
async function scrape(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  const { text, contentType } = await metrics.render();
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

function request(changes: Partial<Parameters<ReturnType<Metrics['forModel']>['recordRequest']>[0]> = {}) {
  return { protocol: 'oip', code: 'OK' as const, queueMs: 0.3, computeMs: 4, totalMs: 7, ...changes };
}

test('Metrics.render gives requests by model, version, protocol and code', async () => {
  const metrics = new Metrics({ processMetrics: false });
  const iris = metrics.forModel('iris', 2);
  iris.recordRequest(request());
  iris.recordRequest(request());
  iris.recordRequest(request({ protocol: 'tfs' }));
  iris.recordRequest(request({ code: 'DEADLINE_EXCEEDED' }));
  metrics.recordOtherRequest('oip', 'NOT_FOUND');
  metrics.recordOtherRequest('oip', 'NOT_FOUND');
  const series = await scrape(metrics);
  const of = (labels: string) => series.get(`amaas_requests_total{${labels}}`);
  assert.equal(of('model="iris",version="2",protocol="oip",code="OK"'), 2);
  assert.equal(of('model="iris",version="2",protocol="tfs",code="OK"'), 1);
  assert.equal(of('model="iris",version="2",protocol="oip",code="DEADLINE_EXCEEDED"'), 1);
  assert.equal(of('model="",version="",protocol="oip",code="NOT_FOUND"'), 2);
});

test('Metrics.render gives histograms in seconds, cumulative, with sum and count', async () => {
  const metrics = new Metrics({ processMetrics: false });
  const iris = metrics.forModel('iris', 2);
  for (const totalMs of [0.05, 0.1, 3, 40_000]) iris.recordRequest(request({ totalMs }));
  iris.recordRequest(request({ code: 'INTERNAL', totalMs: 20 }));
  const series = await scrape(metrics);
  const bucket = (le: string) => series.get(`amaas_request_seconds_bucket{model="iris",version="2",le="${le}"}`);
  assert.equal(bucket('0.0001'), 2); // a bound belongs to its bucket
  assert.equal(bucket('0.0025'), 2);
  assert.equal(bucket('0.005'), 3);
  assert.equal(bucket('0.025'), 4);
  assert.equal(bucket('30'), 4);
  assert.equal(bucket('+Inf'), 5);
  assert.equal(series.get('amaas_request_seconds_count{model="iris",version="2"}'), 5);
  const sum = series.get('amaas_request_seconds_sum{model="iris",version="2"}') ?? 0;
  assert.ok(Math.abs(sum - 40.02315) < 1e-9, String(sum));
  assert.equal(series.get('amaas_request_queue_seconds_count{model="iris",version="2"}'), 4); // failures did not queue
});

test('Metrics.render gives batches, dispatch reasons, gauges, verdicts and refusals', async () => {
  const served = [
    { model: 'iris', version: 2, queueDepth: 5, memoryBytes: 1_234 },
    { model: 'mnist', version: 1, queueDepth: 0, memoryBytes: null },
  ];
  const metrics = new Metrics({ processMetrics: false, served: () => served });
  const iris = metrics.forModel('iris', 2);
  iris.recordBatch({ rows: 3, requests: 2, reason: 'full', computeMs: 2, failed: false });
  iris.recordBatch({ rows: 4, requests: 2, reason: 'delay', computeMs: 2, failed: true });
  metrics.recordVerdict('rejected');
  metrics.recordAuthRefusal('INVALID_KEY');
  metrics.recordAuthRefusal('INVALID_KEY');
  const series = await scrape(metrics);
  assert.equal(series.get('amaas_batch_rows_bucket{model="iris",version="2",le="2"}'), 0);
  assert.equal(series.get('amaas_batch_rows_bucket{model="iris",version="2",le="4"}'), 2);
  assert.equal(series.get('amaas_batch_rows_sum{model="iris",version="2"}'), 7);
  assert.equal(series.get('amaas_dispatches_total{model="iris",version="2",reason="full"}'), 1);
  assert.equal(series.get('amaas_dispatches_total{model="iris",version="2",reason="delay"}'), 1);
  assert.equal(series.get('amaas_queue_depth{model="iris",version="2"}'), 5);
  assert.equal(series.get('amaas_queue_depth{model="mnist",version="1"}'), 0);
  assert.equal(series.get('amaas_model_memory_bytes{model="iris",version="2"}'), 1_234);
  assert.equal(series.get('amaas_model_memory_bytes{model="mnist",version="1"}'), undefined);
  assert.equal(series.get('amaas_quarantine_verdicts_total{verdict="rejected"}'), 1);
  assert.equal(series.get('amaas_auth_refusals_total{reason="INVALID_KEY"}'), 2);
});

test('Metrics.render has no series of runs for models that write, and none of tokens for models of tensors', async () => {
  const metrics = new Metrics({ processMetrics: false });
  const run = { rows: 3, requests: 2, reason: 'full', computeMs: 2, failed: false };
  const written = { promptTokens: 5, cachedTokens: 2, completionTokens: 3, queueMs: 1, promptMs: 2, generationMs: 8 };
  metrics.forModel('iris', 1).recordBatch(run);
  metrics.forModel('teller', 2).recordGeneration({ ...written, loadMs: 0 });
  const series = [...(await scrape(metrics)).keys()];
  const countsOf = (model: string) =>
    series.flatMap((name) => (name.includes(`model="${model}"`) ? (/^amaas_(.*)_count/.exec(name)?.[1] ?? []) : []));
  const all = ['request_queue_seconds', 'request_compute_seconds', 'request_seconds'];
  assert.deepEqual(countsOf('iris'), [...all, 'batch_rows']);
  assert.deepEqual(countsOf('teller'), [...all, 'time_to_first_token_seconds', 'time_per_token_seconds']);
});

test('ModelRecorder.dispose takes every series of the version away, not those of its successor', async () => {
  const metrics = new Metrics({ processMetrics: false });
  const first = metrics.forModel('iris', 2);
  first.recordRequest(request());
  const successor = metrics.forModel('iris', 2);
  successor.recordRequest(request());
  first.dispose();
  first.recordRequest(request());
  assert.equal((await scrape(metrics)).get('amaas_request_seconds_count{model="iris",version="2"}'), 1);
  successor.dispose();
  assert.deepEqual(
    [...(await scrape(metrics)).keys()].filter((name) => name.includes('model=')),
    [],
  );
  assert.deepEqual(metrics.readStatistics(), []);
});

test('Metrics.render includes the process: memory, CPU, event-loop lag', async () => {
  const series = await scrape(new Metrics());
  for (const name of [
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_max_seconds',
  ]) {
    assert.ok(series.has(name), name);
  }
});

test('Metrics.readStatistics counts rows, runs, requests and their times', () => {
  const metrics = new Metrics({ processMetrics: false, wallTimeMs: () => 1_700_000_000_123 });
  const iris = metrics.forModel('iris', 2);
  assert.equal(iris.readStatistics().lastInferenceMs, 0);
  iris.recordBatch({
    rows: 8,
    requests: 3,
    reason: 'full',
    computeMs: 2.5,
    failed: false,
    inputMs: 0.5,
    outputMs: 0.25,
  });
  iris.recordBatch({ rows: 3, requests: 1, reason: 'delay', computeMs: 1.5, failed: false });
  iris.recordBatch({ rows: 8, requests: 3, reason: 'full', computeMs: 3.5, failed: false, inputMs: 1, outputMs: 0.5 });
  iris.recordBatch({ rows: 5, requests: 2, reason: 'full', computeMs: 9, failed: true });
  iris.recordRequest(request({ queueMs: 1, computeMs: 2.5, totalMs: 5 }));
  iris.recordRequest(request({ queueMs: 3, computeMs: 1.5, totalMs: 6 }));
  iris.recordRequest(request({ code: 'UNAVAILABLE', queueMs: 50, computeMs: 60, totalMs: 13 }));
  assert.deepEqual(metrics.readStatistics(), [
    {
      model: 'iris',
      version: 2,
      lastInferenceMs: 1_700_000_000_123,
      inferenceCount: 19,
      executionCount: 3,
      success: { count: 2, totalMs: 11 },
      fail: { count: 1, totalMs: 13 },
      queue: { count: 2, totalMs: 4 },
      computeInput: { count: 7, totalMs: 4.5 },
      computeInfer: { count: 2, totalMs: 4 },
      computeOutput: { count: 7, totalMs: 2.25 },
      batches: [
        {
          batchSize: 3,
          computeInput: { count: 1, totalMs: 0 },
          computeInfer: { count: 1, totalMs: 1.5 },
          computeOutput: { count: 1, totalMs: 0 },
        },
        {
          batchSize: 8,
          computeInput: { count: 2, totalMs: 1.5 },
          computeInfer: { count: 2, totalMs: 6 },
          computeOutput: { count: 2, totalMs: 0.75 },
        },
      ],
    },
  ]);
});

test('ModelRecorder tells a bounded number of batch sizes apart', () => {
  const iris = new Metrics({ processMetrics: false }).forModel('iris', 1);
  for (let rows = 1; rows <= 2_000; rows++) {
    iris.recordBatch({ rows, requests: 1, reason: 'unbatched', computeMs: 1, failed: false });
  }
  const { batches, executionCount } = iris.readStatistics();
  assert.equal(batches.length, 512);
  assert.equal(executionCount, 2_000);
});
