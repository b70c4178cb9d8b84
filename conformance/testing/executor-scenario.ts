// Runs cases of the executor contract where no test runner is: on a page and in a worker.
import { AmaasError, type Executor } from '@amaas/core';
import { createOrtWebExecutor, type OrtWebExecutorOptions } from '@amaas/engine-ort-web';
import { EXECUTOR_CASES } from '../../packages/core/src/testing/executor-cases.ts';

/** How a case ended, as data that crosses borders. */
export type CaseOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

let executor: Promise<Executor> | null = null;

/** The executor of this page or worker; the first call settles its options. */
export function theExecutor(options: OrtWebExecutorOptions = {}): Promise<Executor> {
  executor ??= createOrtWebExecutor(options);
  return executor;
}

/** Runs the case of that index in EXECUTOR_CASES. */
export async function runCase(index: number): Promise<CaseOutcome> {
  try {
    await EXECUTOR_CASES[index]?.run(await theExecutor());
    return { kind: 'passed' };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return thrown instanceof AmaasError
      ? { kind: 'refused', reason: thrown.reason, message }
      : { kind: 'failed', message };
  }
}
