// From a table to the best of many models: one split and one preprocessing for all, trials over a search space that stop
// when they are bad, the default candidates beside them, and the best by validation evaluated once on the held-out rows.
// Where trials run, where the journal is kept and how any of it looks is the caller's affair.
import { AmaasError, type Clock } from '@amaas/core';
import {
  computeImportance,
  type ParameterImportance,
  type StudyResult,
  type StudyTable,
  studyTable,
} from '../tune/index.ts';
import { type CandidateTraining, namedCandidate, type TableCandidate, trainTableCandidate } from './table-candidate.ts';
import { finishTable, type TrainedTable } from './table-outcome.ts';
import { type PrepareTableOptions, prepareTable } from './table-preparation.ts';
import type { TrainTableEvent } from './train-table.ts';
import { constantCandidate, type ValidatedCandidate } from './tune-table-baseline.ts';
import { type SearchTableEvent, type SearchTableOptions, TableSearch } from './tune-table-search.ts';
import { checkTableSpace } from './tune-table-space.ts';

export interface TuneTableOptions extends Omit<PrepareTableOptions, 'onEvent'>, SearchTableOptions {
  readonly onEvent?: (event: TuneTableEvent) => void;
  /** Of what computes in the calling thread. */
  readonly threads?: number;
  readonly clock?: Clock;
}

export type TuneTableEvent = TrainTableEvent | SearchTableEvent;

export interface TunedTable extends TrainedTable {
  readonly study: {
    readonly ended: StudyResult['ended'];
    readonly table: StudyTable;
    readonly importance: readonly ParameterImportance[];
    /** By validation loss, best first: the best trial, the default network, the linear model, and no model at all. */
    readonly candidates: readonly ValidatedCandidate[];
  };
}

/**
 * Searches the settings of a table's network. The candidate that does best on the validation rows comes out, the default
 * ones among them; the held-out rows are read by its report alone.
 *
 * With `parallel` 1 the same seed, data and number of threads give the same trials, however often the study was
 * interrupted and gone on with.
 * @throws INVALID_DATA, INVALID_CONFIG; INVALID_CHECKPOINT when the journal is of another study; CANCELLED;
 * TRAINING_DIVERGED when every trial failed
 */
export async function tuneTable(options: TuneTableOptions): Promise<TunedTable> {
  const { source, executor, seed = 0, onEvent } = options;
  if (options.space !== undefined) checkTableSpace(options.space, options.model);
  const prepared = await prepareTable(options);
  const { examples } = prepared;
  const context = {
    rows: examples.training.target.shape[0] ?? 1,
    training: {
      examples,
      executor,
      seed,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    },
    onEvent,
  };
  const search = new TableSearch(options, context);
  const defaults = await trainDefaults(options, context);
  const { best, ended } = await search.run();
  const tuned = best === null ? [] : [await search.restore(best)];
  const byLoss = [...tuned, ...defaults].toSorted((a, b) => a.validationLoss - b.validationLoss);
  const [chosen, ...others] = byLoss;
  if (chosen === undefined) throw new AmaasError('INTERNAL', 'tune: there is no candidate');
  onEvent?.({ kind: 'evaluating' });
  const trained = await finishTable(prepared, { source, executor, seed, chosen, others });
  return {
    ...trained,
    study: {
      ended,
      table: studyTable(search.study),
      importance: computeImportance(search.study),
      candidates: [...byLoss.map(validated), constantCandidate(examples)].toSorted(
        (a, b) => (a.validationLoss ?? Infinity) - (b.validationLoss ?? Infinity),
      ),
    },
  };
}

/** What a training without a search would have: what the trials must beat. */
async function trainDefaults(
  { model = {}, checkpoint, onEvent }: TuneTableOptions,
  { rows, training }: { readonly rows: number; readonly training: CandidateTraining },
): Promise<readonly TableCandidate[]> {
  const { epochs } = model;
  const linear = namedCandidate(rows, { hidden: [], ...(epochs === undefined ? {} : { epochs }) });
  const network = namedCandidate(rows, model);
  const trained: TableCandidate[] = [];
  for (const candidate of network.name === 'linear' ? [network] : [linear, network]) {
    const name = candidate.name === 'linear' ? 'linear' : 'default network';
    const done = await trainTableCandidate(candidate, {
      ...training,
      onProgress: (progress) => onEvent?.({ kind: 'training', candidate: name, progress }),
      onEpoch: (record) => onEvent?.({ kind: 'epoch', candidate: name, record }),
      ...(checkpoint === undefined ? {} : { checkpoint: checkpoint(candidate.name) }),
    });
    onEvent?.({ kind: 'trained', candidate: name, validationLoss: done.validationLoss, epochs: done.history.length });
    trained.push({ ...done, name });
  }
  return trained;
}

function validated({ name, options, validationLoss, validationMetrics }: TableCandidate): ValidatedCandidate {
  return { name, options, validationLoss, validationMetrics };
}
