// Whether a group of waiting requests should run now or wait for company: a pure function from a view to a decision.
import type { CostEstimate } from './cost-model.ts';

/** Why a batch was dispatched. */
export const DISPATCH_REASONS = [
  'unbatched',
  'full',
  'preferred',
  'deadline',
  'delay',
  'cost',
  'draining',
  'separate',
] as const;
export type DispatchReason = (typeof DISPATCH_REASONS)[number];

/** What is known of the requests that could run together. */
export interface GroupView {
  readonly requests: number;
  readonly rows: number;
  readonly oldestEnqueuedMs: number;
  /** Earliest time at which one of them expires; infinite when none does. */
  readonly earliestDeadlineMs: number;
}

export interface BatchPolicy {
  /** Most rows in one run; 1 means never join. */
  readonly maxRows: number;
  /** Longest a request may wait for company. */
  readonly maxDelayMs: number;
  /** Row counts to stop at, ascending. */
  readonly preferredRows: readonly number[];
}

export type Decision =
  | { readonly kind: 'dispatch'; readonly reason: DispatchReason }
  | { readonly kind: 'wait'; readonly untilMs: number };

export interface DecisionContext {
  readonly policy: BatchPolicy;
  readonly cost: CostEstimate;
  readonly expectedGapMs: number;
  readonly nowMs: number;
  readonly isDraining: boolean;
}

/**
 * Decides for one group while a run could start at once.
 *
 * Waiting pays when it lowers the total latency. Let w be the expected gap to the next arrival, and let n requests be
 * waiting. Running now, the next one waits for this run and then takes its own: it ends (fixed + n·row) + (fixed + row)
 * after now. Waiting for it, all n + 1 end w + fixed + (n + 1)·row after now. The newcomer gains fixed − w; each of the
 * n loses w + row. So wait while fixed − w > n·(w + row).
 */
export function decide(group: GroupView, context: DecisionContext): Decision {
  const { policy, cost, nowMs, expectedGapMs } = context;
  if (policy.maxRows <= 1) return dispatch('unbatched');
  if (group.rows >= policy.maxRows) return dispatch('full');
  if (context.isDraining) return dispatch('draining');
  if (policy.preferredRows.includes(group.rows)) return dispatch('preferred');
  const mustEndMs = group.earliestDeadlineMs - cost.fixedMs - cost.msPerRow * group.rows;
  if (nowMs >= mustEndMs) return dispatch('deadline');
  const untilMs = Math.min(group.oldestEnqueuedMs + policy.maxDelayMs, mustEndMs);
  if (nowMs >= untilMs) return dispatch('delay');
  const waitingPays = cost.fixedMs - expectedGapMs > group.requests * (expectedGapMs + cost.msPerRow);
  // With preferred sizes declared, the operator has said that waiting pays up to the delay.
  if (!waitingPays && policy.preferredRows.length === 0) return dispatch('cost');
  return { kind: 'wait', untilMs };
}

function dispatch(reason: DispatchReason): Decision {
  return { kind: 'dispatch', reason };
}
