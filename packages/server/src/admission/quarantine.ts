// Quarantine: a model is loaded, warmed and measured in a disposable child before anything else may load it. Verdicts are
// remembered by contents, engine, machine and conditions, so that a restart does not repeat them.
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import {
  type AmaasError,
  deserializeError,
  type Engine,
  type ModelSource,
  type NamedTensors,
  type ProbeReport,
  type ResourcesManifest,
  type SerializedError,
  serializeError,
  toAmaasError,
} from '@amaas/core';
import type { Digest } from '../artifacts/index.ts';
import type { Registry, VerdictKey } from '../registry/index.ts';
import type { DeclaredShapes } from './model-file.ts';

/** What a model may cost while it is tried. */
export interface QuarantineLimits {
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
}

export interface QuarantineCase {
  /** Digest of everything that is loaded. */
  readonly digest: Digest;
  readonly source: ModelSource;
  readonly resources: ResourcesManifest;
  readonly limits: QuarantineLimits;
  readonly example: NamedTensors | null;
  /** Follows from the contents; asked for only when there is no verdict yet. */
  readonly declared: () => DeclaredShapes | Promise<DeclaredShapes>;
  /** Try again although it was refused before. */
  readonly retryRejected?: boolean;
  readonly signal?: AbortSignal;
}

export interface QuarantineParts {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly onVerdict: (verdict: 'admitted' | 'rejected') => void;
}

/** Names the machine by what decides speed and instruction sets, not by host: containers change names. */
export function machineIdentity(): string {
  const [cpu] = cpus();
  const text = `${process.platform}/${process.arch}/${cpu?.model ?? 'unknown'}/${cpus().length}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export class Quarantine {
  readonly #parts: QuarantineParts;
  readonly #machine = machineIdentity();

  constructor(parts: QuarantineParts) {
    this.#parts = parts;
  }

  /**
   * What trying the model out showed, from memory where it was done before.
   * @throws MODEL_REJECTED, MEMORY_LIMIT, UNSUPPORTED_TENSOR with the reason.
   */
  async examine(subject: QuarantineCase): Promise<ProbeReport> {
    const { engine, registry, onVerdict } = this.#parts;
    const key = {
      digest: subject.digest,
      engine: engine.name,
      engineVersion: engine.version,
      machine: this.#machine,
      optionsDigest: conditionsDigest(subject),
    };
    const { label } = subject.source;
    return judge({ registry, onVerdict }, { key, label, retryRejected: subject.retryRejected ?? false }, async () =>
      engine.probe(subject.source, {
        resources: subject.resources,
        timeoutMs: subject.limits.timeoutMs,
        maxMemoryBytes: subject.limits.maxMemoryBytes,
        declared: await subject.declared(),
        ...(subject.example === null ? {} : { example: subject.example }),
        ...(subject.signal === undefined ? {} : { signal: subject.signal }),
      }),
    );
  }
}

/**
 * What trying a model out shows, from memory where it was done before.
 * @throws what `tryOut` throws, or threw when it was about the model
 */
export async function judge<Report>(
  { registry, onVerdict }: Pick<QuarantineParts, 'registry' | 'onVerdict'>,
  subject: { readonly key: VerdictKey; readonly label: string; readonly retryRejected: boolean },
  tryOut: () => Promise<Report>,
): Promise<Report> {
  const { key, label, retryRejected } = subject;
  const known = await registry.getVerdict<Report>(key);
  if (known?.kind === 'admitted') return known.report;
  if (known?.kind === 'rejected' && !retryRejected) throw deserializeError(renamed(known.error, label));
  try {
    const report = await tryOut();
    await registry.putVerdict<Report>(key, { kind: 'admitted', report });
    onVerdict('admitted');
    return report;
  } catch (thrown) {
    const error = toAmaasError(thrown);
    if (isAboutTheModel(error)) {
      await registry.putVerdict<Report>(key, {
        kind: 'rejected',
        error: renamed(serializeError(error), ANY_MODEL, label),
      });
      onVerdict('rejected');
    }
    throw error;
  }
}

/** Stands for the model's name in a remembered refusal: the same contents may be delivered under another name. */
const ANY_MODEL = '{model}';

function renamed(error: SerializedError, to: string, from: string = ANY_MODEL): SerializedError {
  return { ...error, message: error.message.replaceAll(from, to) };
}

/** Counts up when what quarantine asks of a model changes, so that verdicts by older rules are not believed. */
const RULES_VERSION = 2;

/**
 * Failures of the machine or the caller say nothing about the model and are not remembered; nor what may go well a little
 * later. Nor does a SIGKILL: it comes from a kernel short of memory or from an operator; a model that crashes ends by
 * another signal.
 */
function isAboutTheModel(error: AmaasError): boolean {
  if (error.retryable || error.details['signal'] === 'SIGKILL') return false;
  return ['MODEL_REJECTED', 'MEMORY_LIMIT', 'UNSUPPORTED_TENSOR', 'INVALID_MODEL'].includes(error.reason);
}

function conditionsDigest(subject: QuarantineCase): string {
  const conditions = {
    rules: RULES_VERSION,
    resources: subject.resources,
    limits: subject.limits,
    example:
      subject.example === null
        ? null
        : [...subject.example].map(([name, tensor]) => [name, tensor.dtype, tensor.shape]),
  };
  return createHash('sha256').update(JSON.stringify(conditions)).digest('hex');
}
