// A loaded model whose runs end when the test says so. It doubles its input, so a reply shows whose it is.
import {
  AmaasError,
  createTensor,
  type LoadedModel,
  type NamedTensors,
  type RunOptions,
  type RunResult,
  type TensorSpec,
} from '@amaas/core';

/** A run waiting for the test. */
export interface PendingRun {
  readonly inputs: NamedTensors;
  readonly rows: number;
  readonly options: RunOptions | undefined;
  finish(): void;
  fail(error: AmaasError): void;
}

export class FakeModel implements LoadedModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[] = [{ name: 'y', dtype: 'float32', shape: ['N', null] }];
  readonly isolation = 'thread';
  readonly instances: number;
  readonly runs: PendingRun[] = [];
  /** When set, runs end by themselves: at once on 0, else after that many milliseconds of real time. */
  autoFinishMs: number | null = null;

  constructor(options: { readonly instances?: number; readonly shape?: TensorSpec['shape'] } = {}) {
    this.instances = options.instances ?? 1;
    this.inputs = [{ name: 'x', dtype: 'float32', shape: options.shape ?? ['N', 2] }];
  }

  run(inputs: NamedTensors, options?: RunOptions): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const x = inputs.get('x');
      if (x?.dtype !== 'float32') throw new AmaasError('INTERNAL', 'fake model: no x');
      const run: PendingRun = {
        inputs,
        rows: x.shape[0] ?? 1,
        options,
        finish: () => {
          const y = createTensor(
            'float32',
            x.shape,
            x.data.map((value) => value * 2),
          );
          resolve({ outputs: new Map([['y', y]]), timing: { computeMs: 1 + 0.1 * (x.shape[0] ?? 1) } });
        },
        fail: reject,
      };
      this.runs.push(run);
      if (this.autoFinishMs === 0) run.finish();
      else if (this.autoFinishMs !== null) setTimeout(run.finish, this.autoFinishMs);
    });
  }

  measureMemoryBytes(): null {
    return null;
  }

  async dispose(): Promise<void> {}
}
