// What the executor adds to a run of ONNX Runtime's bare binding: a training-like model of 42 tensors in and out, each so
// small that computing is nothing. Rounds alternate.
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { type OnnxNode, tensorValueInfo, writeModel } from '@amaas/learn/onnx';
import { createTensor, type NamedTensors, type Tensor, type TensorOf } from '@amaas/core';
import { loadBinding, type NativeTensor } from '../packages/engines/ort-node/src/binding.ts';
import { hardwareLine, median, printRows } from './harness/report.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? '9');
const RUNS = 2000;
const STATE = 40;

/** `s0 … s39 [4, 4]` → `n0 … n39` = state + x, and the inputs `x [4, 4]` and `rate []`. */
function stateModel(): Uint8Array {
  const names = Array.from({ length: STATE }, (_, index) => index);
  const nodes: OnnxNode[] = names.map((index) => ({
    opType: 'Add',
    inputs: [`s${index}`, 'step'],
    outputs: [`n${index}`],
  }));
  const matrix = (name: string) => tensorValueInfo(name, 'float32', [4, 4]);
  return writeModel({
    irVersion: 9,
    producerName: 'amaas bench',
    opsetImports: [{ version: 18 }],
    graph: {
      name: 'state',
      nodes: [{ opType: 'Mul', inputs: ['x', 'rate'], outputs: ['step'] }, ...nodes],
      initializers: [],
      inputs: [...names.map((index) => matrix(`s${index}`)), matrix('x'), tensorValueInfo('rate', 'float32', [])],
      outputs: names.map((index) => matrix(`n${index}`)),
    },
  });
}

const matrix = (): TensorOf<'float32'> => createTensor('float32', [4, 4], new Float32Array(16).fill(0.5));
const x = matrix();
const rate = createTensor('float32', [], Float32Array.of(0.001));

async function bareMicroseconds(model: Uint8Array): Promise<() => number> {
  const session = (await loadBinding()).createSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    intraOpNumThreads: 1,
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    extra: { session: {} },
  });
  const native = (tensor: TensorOf<'float32'>): NativeTensor => ({
    type: 'float32',
    dims: tensor.shape,
    data: tensor.data,
    location: 'cpu',
  });
  const fetches: Record<string, null> = {};
  let feeds: Record<string, NativeTensor> = { x: native(x), rate: native(rate) };
  for (let index = 0; index < STATE; index++) {
    feeds[`s${index}`] = native(matrix());
    fetches[`n${index}`] = null;
  }
  return () => {
    const startMs = performance.now();
    for (let run = 0; run < RUNS; run++) {
      const results = session.run(feeds, fetches, { logSeverityLevel: 4 });
      const next: Record<string, NativeTensor> = { x: native(x), rate: native(rate) };
      for (let index = 0; index < STATE; index++) {
        const result = results[`n${index}`];
        if (result !== undefined) next[`s${index}`] = result;
      }
      feeds = next;
    }
    return ((performance.now() - startMs) / RUNS) * 1000;
  };
}

async function executorMicroseconds(model: Uint8Array): Promise<() => Promise<number>> {
  const compiled = await (await createOrtNodeExecutor()).compile(model, { threads: 1 });
  let inputs: NamedTensors = new Map([
    ['x', x],
    ['rate', rate],
    ...Array.from({ length: STATE }, (_, index) => [`s${index}`, matrix()] as const),
  ]);
  return async () => {
    const startMs = performance.now();
    for (let run = 0; run < RUNS; run++) {
      const outputs = await compiled.run(inputs);
      const next = new Map<string, Tensor>([
        ['x', x],
        ['rate', rate],
      ]);
      for (let index = 0; index < STATE; index++) {
        const output = outputs.get(`n${index}`);
        if (output !== undefined) next.set(`s${index}`, output);
      }
      inputs = next;
    }
    return ((performance.now() - startMs) / RUNS) * 1000;
  };
}

const model = stateModel();
const bare = await bareMicroseconds(model);
const executor = await executorMicroseconds(model);
const rounds: { readonly bare: number; readonly executor: number }[] = [];
bare();
await executor();
for (let round = 0; round < ROUNDS; round++) rounds.push({ bare: bare(), executor: await executor() });
const bareUs = median(rounds.map((round) => round.bare));
const executorUs = median(rounds.map((round) => round.executor));
printRows(`One run, ${STATE + 2} tensors in, ${STATE} out, median of ${ROUNDS} rounds of ${RUNS} — ${hardwareLine()}`, [
  ['', 'µs per run', 'more than bare'],
  ['bare binding', bareUs.toFixed(1), ''],
  ['executor', executorUs.toFixed(1), (executorUs - bareUs).toFixed(1)],
]);
