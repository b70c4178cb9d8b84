// The executor contract as data; executor.contract.ts declares it to node:test, conformance/ runs it in a browser.
import type { ExecutorCase } from './executor-case.ts';
import { LIFE_CASES } from './executor-life-cases.ts';
import { REFUSAL_CASES } from './executor-refusal-cases.ts';
import { VALUE_CASES } from './executor-value-cases.ts';

export const EXECUTOR_CASES: readonly ExecutorCase[] = [...VALUE_CASES, ...REFUSAL_CASES, ...LIFE_CASES];
