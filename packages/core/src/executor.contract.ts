// What every executor has in common, as one suite. An executor may refuse what it lacks, if its test file says why; none
// may answer otherwise.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { AmaasError, type Executor } from './index.ts';
import { EXECUTOR_CASES } from './testing/executor-cases.ts';

export interface ExecutorContractOptions {
  /**
   * Name of a case → why this executor cannot pass it. The case still runs and has to end in a refusal (an AmaasError),
   * so that no exception outlives its reason and none hides a wrong answer.
   */
  readonly exceptions?: Readonly<Record<string, string>>;
}

/** Declares the suite; call it from a test file. */
export function executorContract(
  name: string,
  createExecutor: () => Promise<Executor>,
  options: ExecutorContractOptions = {},
): void {
  describe(`executor contract, ${name}`, () => {
    let executor: Executor;
    before(async () => {
      executor = await createExecutor();
    });
    declareCases((index) => async () => await EXECUTOR_CASES[index]?.run(executor), options);
  });
}

/**
 * The suite where the executor lives elsewhere, on a page: `runCase` runs the case of that index there and rejects with
 * what it rejected with.
 */
export function declareCases(
  runCase: (index: number) => () => Promise<void>,
  { exceptions = {} }: ExecutorContractOptions = {},
): void {
  const reasons = new Map(Object.entries(exceptions));
  for (const [index, { name }] of EXECUTOR_CASES.entries()) {
    const reason = reasons.get(name);
    reasons.delete(name);
    if (reason === undefined) test(name, runCase(index));
    else {
      test(`${name} — refused: ${reason}`, () =>
        assert.rejects(runCase(index), (error) => {
          assert.ok(error instanceof AmaasError, String(error));
          return true;
        }));
    }
  }
  after(() => assert.deepEqual([...reasons.keys()], [], 'exceptions for cases that do not exist'));
}
