// The baseline of the detector benches: ONNX Runtime alone, in a loop, without a server. Arguments: model path, sessions
// (each in a thread of its own), threads per session, spinning on or off, milliseconds. Prints runs per second.
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

interface Setting {
  readonly modelPath: string;
  readonly sessions: number;
  readonly threads: number;
  readonly spinning: boolean;
  readonly durationMs: number;
}

if (isMainThread) {
  const [modelPath = '', sessions = '1', threads = '1', spinning = 'on', durationMs = '3000'] = process.argv.slice(2);
  const setting: Setting = {
    modelPath,
    sessions: Number(sessions),
    threads: Number(threads),
    spinning: spinning === 'on',
    durationMs: Number(durationMs),
  };
  const workers = Array.from(
    { length: setting.sessions },
    () => new Worker(new URL(import.meta.url), { workerData: setting }),
  );
  const runs = await Promise.all(
    workers.map((worker) => new Promise<number>((resolve) => worker.once('message', resolve))),
  );
  const perSecond = (runs.reduce((sum, count) => sum + count, 0) / setting.durationMs) * 1000;
  process.stdout.write(`${perSecond}\n`);
} else {
  const { modelPath, threads, spinning, durationMs }: Setting = workerData;
  const ort = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create(modelPath, {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
    graphOptimizationLevel: 'all',
    extra: { session: { intra_op: { allow_spinning: spinning ? '1' : '0' } } },
  });
  const [input] = session.inputMetadata;
  if (input === undefined || !input.isTensor) throw new Error('expected a tensor input');
  const shape = input.shape.map((dim) => (typeof dim === 'number' ? dim : 1));
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => index % 255);
  const feeds = { [input.name]: new ort.Tensor('float32', data, shape) };
  for (let warmup = 0; warmup < 5; warmup++) await session.run(feeds);
  let runs = 0;
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    await session.run(feeds);
    runs++;
  }
  parentPort?.postMessage(runs);
}
