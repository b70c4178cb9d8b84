// A compiled graph over many rows, some at a time: texts and sounds need far more memory inside a graph than outside.
import { AmaasError, type CompiledModel, createTensor, type NamedTensors, type Tensor } from '@amaas/core';

/** Rows run at once: enough to fill the cores, little enough memory. */
const RUN_ROWS = 256;

export interface RowsRun {
  readonly rows: number;
  /** Inputs for the rows `start … end − 1`. */
  feeds(start: number, end: number): NamedTensors;
  /** Default all. */
  readonly outputs?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Outputs for all rows, [rows, ...] each.
 * @throws CANCELLED between two runs, and as {@link CompiledModel.run}
 */
export async function runRows(compiled: CompiledModel, run: RowsRun): Promise<NamedTensors> {
  const { rows, outputs, signal } = run;
  const joined = new Map<string, Tensor>();
  for (let start = 0; start < rows; start += RUN_ROWS) {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'train: cancelled while computing features');
    const feeds = run.feeds(start, Math.min(start + RUN_ROWS, rows));
    for (const [name, part] of await compiled.run(feeds, outputs)) {
      const whole = joined.get(name) ?? emptyRows(part, rows);
      joined.set(name, whole);
      putRows(whole, part, start);
    }
    // A run may hold the thread all along: signals and messages come in here.
    await new Promise<void>((resolve) => {
      setTimeout(resolve);
    });
  }
  return joined;
}

/** A tensor of zeros like `part`, with so many rows. */
function emptyRows({ dtype, shape }: Tensor, rows: number): Tensor {
  const whole = [rows, ...shape.slice(1)];
  const size = whole.reduce((product, each) => product * each, 1);
  if (dtype === 'float32') return createTensor('float32', whole, new Float32Array(size));
  if (dtype === 'int64') return createTensor('int64', whole, new BigInt64Array(size));
  throw new AmaasError('INTERNAL', `train: features came as ${dtype}`);
}

function putRows(whole: Tensor, part: Tensor, row: number): void {
  const at = row * part.shape.slice(1).reduce((product, each) => product * each, 1);
  if (whole.dtype === 'float32' && part.dtype === 'float32') whole.data.set(part.data, at);
  else if (whole.dtype === 'int64' && part.dtype === 'int64') whole.data.set(part.data, at);
  else throw new AmaasError('INTERNAL', `train: features came as ${whole.dtype} and ${part.dtype}`);
}
