// How a version is run: isolation, instances, batching and limits, chosen from its manifest, from what quarantine
// measured, and from the machine. A pure function; every choice the manifest leaves open has its reason here.
import type { Isolation, Manifest, ResourcesManifest } from '@amaas/core';
import type { ServingEvidence } from './ports.ts';
import type { BatchPolicy, CostEstimate } from '../scheduler/index.ts';

/** What the server's configuration says about models that say nothing themselves. */
export interface ServingDefaults {
  readonly maxRunMs: number;
  readonly maxQueueSize: number;
  readonly cores: number;
}

export interface ServingPlan {
  readonly isolation: Isolation;
  readonly instances: number;
  readonly resources: ResourcesManifest;
  readonly maxRunMs: number;
  readonly maxQueueSize: number;
  readonly batch: BatchPolicy;
  /** Why rows are not joined; null when they are. */
  readonly batchingOff: string | null;
  readonly initialCost: CostEstimate;
}

/** Runs up to this long may block the event loop: less than the hop to a thread costs (0.15–0.5 ms measured). */
const INLINE_RUN_MS = 0.15;
/** A full batch run inline may block the loop this long; beyond, other connections would notice. */
const INLINE_BATCH_MS = 1;
/** A run of a full batch should not take longer than this, or the first request in it waits too long for the last. */
const TARGET_BATCH_MS = 25;
/** Rows joined at most by default; more gains little on CPUs and delays the first. */
const DEFAULT_MAX_ROWS = 64;
/** Longest wait for company by default; the cost model seldom uses all of it. */
const DEFAULT_MAX_DELAY_MS = 5;
/** From this run time on, side-by-side sessions with fewer threads each beat one session with all threads. */
const PARALLEL_RUN_MS = 2;
/** Models larger than this are not loaded twice without being asked to. */
const PARALLEL_MAX_BYTES = 256 * 1024 * 1024;

/** Chooses how to run a version. */
export function planServing(manifest: Manifest, probe: ServingEvidence, defaults: ServingDefaults): ServingPlan {
  const initialCost = costOf(probe);
  const batchingOff = whyNotBatched(manifest, probe);
  const maxRows = batchingOff === null ? (manifest.batching?.maxSize ?? defaultMaxRows(initialCost)) : 1;
  const isolation = manifest.isolation ?? defaultIsolation(probe, initialCost, maxRows);
  const instances =
    isolation === 'inline' ? 1 : (manifest.instances ?? defaultInstances(probe, batchingOff !== null, defaults.cores));
  const threads = manifest.resources?.intraOpThreads ?? defaultThreads(isolation, probe, defaults.cores / instances);
  return {
    isolation,
    instances,
    resources: { ...manifest.resources, intraOpThreads: threads },
    maxRunMs: manifest.limits?.maxRunMs ?? defaults.maxRunMs,
    maxQueueSize: manifest.limits?.maxQueueSize ?? defaults.maxQueueSize,
    batch: {
      maxRows:
        isolation === 'inline' && manifest.batching?.maxSize === undefined
          ? inlineMaxRows(initialCost, maxRows)
          : maxRows,
      maxDelayMs: manifest.batching?.maxDelayMs ?? DEFAULT_MAX_DELAY_MS,
      preferredRows: [...(manifest.batching?.preferredSizes ?? [])].sort((a, b) => a - b),
    },
    batchingOff,
    initialCost,
  };
}

function costOf(probe: ServingEvidence): CostEstimate {
  const runMs = probe.runMs ?? 1;
  const msPerRow = probe.msPerRow ?? 0;
  return { fixedMs: Math.max(0, runMs - msPerRow), msPerRow };
}

function whyNotBatched(manifest: Manifest, probe: ServingEvidence): string | null {
  if (manifest.batching?.dim === null) return 'the manifest turns batching off';
  if (manifest.batching?.maxSize === 1) return 'the manifest sets maxSize 1';
  return probe.batching.sound ? null : probe.batching.reason;
}

function defaultMaxRows(cost: CostEstimate): number {
  if (cost.msPerRow <= 0) return DEFAULT_MAX_ROWS;
  return Math.max(1, Math.min(DEFAULT_MAX_ROWS, Math.floor((TARGET_BATCH_MS - cost.fixedMs) / cost.msPerRow)));
}

function defaultIsolation(probe: ServingEvidence, cost: CostEstimate, maxRows: number): Isolation {
  if (probe.hasControlFlow) return 'process'; // a Loop may never end, and only a child can be killed
  if (probe.runMs === null || probe.runMs > INLINE_RUN_MS) return 'thread';
  return inlineMaxRows(cost, maxRows) >= Math.min(maxRows, 8) ? 'inline' : 'thread';
}

function inlineMaxRows(cost: CostEstimate, maxRows: number): number {
  if (cost.msPerRow <= 0) return maxRows;
  return Math.max(1, Math.min(maxRows, Math.floor((INLINE_BATCH_MS - cost.fixedMs) / cost.msPerRow)));
}

function defaultInstances(probe: ServingEvidence, unbatched: boolean, cores: number): number {
  const isHeavy = (probe.runMs ?? 0) >= PARALLEL_RUN_MS;
  return unbatched && isHeavy && probe.memoryBytes <= PARALLEL_MAX_BYTES ? Math.max(1, Math.min(cores, 4)) : 1;
}

function defaultThreads(isolation: Isolation, probe: ServingEvidence, coresPerInstance: number): number {
  // Small models lose more to waking threads than they gain from them, and inline ones must not wait for any.
  if (isolation === 'inline' || (probe.runMs ?? 0) < 0.5) return 1;
  return Math.max(1, Math.floor(coresPerInstance));
}
