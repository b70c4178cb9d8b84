// The trial of a model, step by step: load, warm up, prove that rows may be joined, measure. Runs in a probing child and
// blocks it; time and memory limits are the parent's business, which is told about every step.
import { AmaasError, type BatchingProof, type NamedTensors, type ProbeReport, type TensorSpec } from '@amaas/core';
import { PROOF_ROWS_RUN, proveBatching, whyShapesForbidBatching } from './batching-proof.ts';
import { listShapings, makeUpInputs, type Random } from './made-up-inputs.ts';
import type { DeclaredShapes, ProbeStage } from './probe-messages.ts';
import { commonRowCount, joinRows, sliceRow, varyRow } from './rows.ts';
import { measureMedianMs, measureMsPerRow } from './run-cost.ts';
import { openSession, type OrtSession, type SessionConfig } from './session.ts';
import { packTensors, unpackTensors } from './tensors.ts';

export interface Trial {
  readonly config: SessionConfig;
  readonly example: NamedTensors | null;
  readonly declared: DeclaredShapes | null;
  readonly timeoutMs: number;
  readonly random: Random;
  /** Tells the parent what comes next. Throws when a limit is passed. */
  readonly enter: (stage: ProbeStage) => void;
  readonly residentBytes: () => number;
}

/** Requests of one row each, however many are wanted. */
type MakeRow = (index: number) => NamedTensors;

interface WarmUp {
  /** A request that runs; null when none was found. */
  readonly inputs: NamedTensors | null;
  readonly skipped: string | null;
  /** null where the request cannot be varied row by row. */
  readonly makeRow: MakeRow | null;
}

/**
 * Tries the model out.
 * @throws MODEL_REJECTED when it cannot be loaded or its example fails, UNSUPPORTED_TENSOR, INVALID_CONFIG
 */
export async function runTrial(trial: Trial): Promise<ProbeReport> {
  const { config, enter } = trial;
  const baselineBytes = trial.residentBytes();
  enter('loading');
  const startMs = performance.now();
  const session = await openForTrial(config);
  const loadMs = performance.now() - startMs;
  const inputs = withDeclaredShapes(session.inputs, trial.declared?.inputs);
  const outputs = withDeclaredShapes(session.outputs, trial.declared?.outputs);
  enter('warm-up');
  const warm = warmUp(trial, session, inputs);
  const runMs = warm.inputs === null ? null : measureRunMs(trial, session, warm.inputs);
  const memoryBytes = Math.max(0, trial.residentBytes() - baselineBytes);
  enter('batch proof');
  const elapsedMs = performance.now() - startMs;
  const batching = tryBatching(trial, session, { inputs, outputs, warm, runMs, elapsedMs });
  enter('measuring');
  const msPerRow = batching.sound ? measurePerRow(trial, session, warm.makeRow, runMs) : null;
  session.release();
  const signature = { method: 'predict', inputs, outputs } as const;
  return { signature, memoryBytes, loadMs, runMs, msPerRow, batching, warmupSkipped: warm.skipped };
}

async function openForTrial(config: SessionConfig): Promise<OrtSession> {
  try {
    return await openSession(config);
  } catch (thrown) {
    if (!(thrown instanceof AmaasError && thrown.reason === 'INVALID_MODEL')) throw thrown;
    throw new AmaasError('MODEL_REJECTED', thrown.message.replace(/^load:/, 'probe:'), {
      details: { stage: 'loading' satisfies ProbeStage },
    });
  }
}

function withDeclaredShapes(specs: readonly TensorSpec[], declared: readonly TensorSpec[] = []): readonly TensorSpec[] {
  const shapes = new Map(declared.map((spec) => [spec.name, spec.shape]));
  return specs.map((spec) => {
    const shape = shapes.get(spec.name);
    return shape === undefined ? spec : { ...spec, shape };
  });
}

function run(
  session: OrtSession,
  config: SessionConfig,
  inputs: NamedTensors,
): { outputs: NamedTensors; computeMs: number } {
  const { outputs, computeMs } = session.run(packTensors(config.label, inputs), null);
  return { outputs: unpackTensors(outputs), computeMs };
}

function warmUp(trial: Trial, session: OrtSession, inputs: readonly TensorSpec[]): WarmUp {
  const { config, example, random } = trial;
  if (example !== null) {
    runExample(config, session, example);
    const rows = commonRowCount(example);
    const makeRow: MakeRow = (index) => {
      const row = new Map([...example].map(([name, tensor]) => [name, sliceRow(tensor, index % (rows ?? 1))]));
      return index < (rows ?? 0) ? row : varyRow(row, index, random);
    };
    return { inputs: example, skipped: null, makeRow: rows === null ? null : makeRow };
  }
  let firstError = 'nothing was tried';
  const deadlineMs = performance.now() + trial.timeoutMs / 3; // leaves time for the rest
  for (const [index, shaping] of listShapings(inputs).entries()) {
    const madeUp = makeUpInputs(inputs, shaping, 1, random);
    try {
      run(session, config, madeUp);
      return { inputs: madeUp, skipped: null, makeRow: () => makeUpInputs(inputs, shaping, 1, random) };
    } catch (error) {
      if (index === 0) firstError = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > deadlineMs) break;
  }
  return { inputs: null, skipped: `no made-up input was accepted; the first attempt: ${firstError}`, makeRow: null };
}

function runExample(config: SessionConfig, session: OrtSession, example: NamedTensors): void {
  try {
    run(session, config, example);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AmaasError('MODEL_REJECTED', `probe: the example of model "${config.label}" fails: ${why}`, {
      details: { stage: 'warm-up' satisfies ProbeStage },
    });
  }
}

/** Time of one row where rows can be told apart, else of the request as it is. */
function measureRunMs({ config }: Trial, session: OrtSession, inputs: NamedTensors): number {
  return measureMedianMs(() => run(session, config, inputs).computeMs, 1);
}

interface BatchingQuestion {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly warm: WarmUp;
  readonly runMs: number | null;
  readonly elapsedMs: number;
}

function tryBatching(
  { config, example, timeoutMs }: Trial,
  session: OrtSession,
  question: BatchingQuestion,
): BatchingProof {
  const { inputs, outputs, warm, runMs, elapsedMs } = question;
  const forbidden = whyShapesForbidBatching(inputs, outputs);
  if (forbidden !== null) return { sound: false, reason: forbidden };
  if (runMs === null) return { sound: false, reason: 'the model could not be run on made-up inputs' };
  if (warm.makeRow === null)
    return { sound: false, reason: "the example's inputs do not have the same number of rows" };
  const neededMs = runMs * PROOF_ROWS_RUN;
  if (neededMs > (timeoutMs - elapsedMs) / 2) {
    return {
      sound: false,
      reason: `proving it would take about ${Math.ceil(neededMs)} ms, longer than quarantine allows`,
    };
  }
  try {
    const proof = proveBatching((rows) => run(session, config, rows).outputs, warm.makeRow);
    if (proof.sound || example !== null) return proof;
    // Values nobody would send can drive a model to where rounding alone decides.
    return { sound: false, reason: `${proof.reason} (on made-up inputs: an example request may show otherwise)` };
  } catch (error) {
    return {
      sound: false,
      reason: `a run on several rows fails: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

function measurePerRow(
  { config }: Trial,
  session: OrtSession,
  makeRow: MakeRow | null,
  runMs: number | null,
): number | null {
  if (makeRow === null || runMs === null) return null;
  return measureMsPerRow((rows) => {
    const joined = joinRows(Array.from({ length: rows }, (_, index) => makeRow(index)));
    return run(session, config, joined).computeMs;
  }, runMs);
}
