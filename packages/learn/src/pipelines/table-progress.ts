// How far the training of a table has come, from its events: one shape for a terminal's bar and a job's progress.
import type { TrainTableEvent } from './train-table.ts';

/** What progress is told from; trainings of media say the same. */
export type ProgressEvent =
  | Extract<TrainTableEvent, { readonly kind: 'training' | 'epoch' | 'trained' | 'evaluating' }>
  | { readonly kind: 'described' | 'split' | 'prepared' };

export interface TableProgress {
  readonly phase: 'read' | 'train' | 'evaluate';
  /** Of the whole training, 0 to 1; early stopping makes it jump. */
  readonly fraction: number;
  /** What is trained at the moment. */
  readonly candidate?: string;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly loss?: number;
  /** By name, such as `accuracy` and `validation loss`. */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly rowsPerSecond?: number;
}

/** Where in the whole the first candidate begins, the second, and the evaluation. */
const STARTS = [0.05, 0.35, 0.95] as const;

/** Makes a function that turns events, in their order, into progress; null for those that change nothing. */
export function trackTableProgress(): (event: ProgressEvent) => TableProgress | null {
  let trained = 0;
  let validation: Readonly<Record<string, number>> = {};
  return (event) => {
    switch (event.kind) {
      case 'described':
      case 'split':
      case 'prepared':
        return { phase: 'read', fraction: STARTS[0] };
      case 'training': {
        const { epoch, epochs, step, stepsPerEpoch, values, rowsPerSecond } = event.progress;
        const { loss, ...metrics } = values;
        const [from, to] = trained === 0 ? [STARTS[0], STARTS[1]] : [STARTS[1], STARTS[2]];
        return {
          phase: 'train',
          fraction: from + ((to - from) * (epoch - 1 + step / stepsPerEpoch)) / epochs,
          candidate: event.candidate,
          epoch,
          epochs,
          ...(loss === undefined ? {} : { loss }),
          metrics: { ...metrics, ...validation },
          rowsPerSecond,
        };
      }
      case 'epoch':
        validation = Object.fromEntries(
          Object.entries(event.record.values).filter(([name]) => name.startsWith('validation ')),
        );
        return null;
      case 'trained':
        trained++;
        validation = {};
        return null;
      case 'evaluating':
        return { phase: 'evaluate', fraction: STARTS[2] };
      default:
        return event satisfies never;
    }
  };
}
