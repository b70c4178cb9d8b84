// What a user may say about the training of a table, as plain JSON: the same from a command line and in a job, and kept
// with the version it made.
import type { TargetTask } from '../data/index.ts';
import type { TableModelOptions } from './choose-network.ts';
import type { TrainTableOptions } from './train-table.ts';

export interface TableSettings {
  /** The column to predict. */
  readonly target: string;
  readonly task?: TargetTask;
  /** Columns to leave out. */
  readonly exclude?: readonly string[];
  /** Share or number of rows held out for the report. */
  readonly test?: number;
  /** Share or number of rows held out to choose and to stop by. */
  readonly validation?: number;
  readonly groupBy?: string;
  readonly timeBy?: string;
  readonly seed?: number;
  readonly epochs?: number;
  readonly hidden?: readonly number[];
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly dropout?: number;
  readonly weightDecay?: number;
  /** Rows held in memory; of larger tables a random part is, and networks learn from the stream of all. */
  readonly maxRowsInMemory?: number;
  /** Trains even where a column tells the target all by itself. */
  readonly allowLeakage?: boolean;
}

type SettingOptions = Omit<TrainTableOptions, 'source' | 'executor' | 'onEvent' | 'signal' | 'checkpoint' | 'clock'>;

const NETWORK_SETTINGS = ['epochs', 'hidden', 'learningRate', 'batchSize', 'dropout', 'weightDecay'] as const;

/** As {@link trainTable} takes them. */
export function tableOptions(settings: TableSettings): SettingOptions {
  const {
    epochs: _,
    hidden: __,
    learningRate: ___,
    batchSize: ____,
    dropout: _____,
    weightDecay: ______,
    ...rest
  } = settings;
  const model: Partial<TableModelOptions> = Object.fromEntries(
    NETWORK_SETTINGS.flatMap((name) => (settings[name] === undefined ? [] : [[name, settings[name]]])),
  );
  return { ...rest, model };
}
