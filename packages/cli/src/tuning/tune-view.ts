// A study at the terminal: its table drawn again and again, or where nobody watches a line whenever a trial has ended.
import type { Clock } from '@amaas/core';
import type { TuneTableEvent } from '@amaas/learn/pipelines';
import { describeSearchSpace, formatStudyTable, type StudyTable, type StudyTableRow } from '@amaas/learn/tune';
import { formatNumber } from '../facts-text.ts';
import type { Streams, Terminal } from '../terminal.ts';

/** Quicker than eyes. */
const DRAW_EVERY_MS = 100;
/** Fits into small windows; the best trial is always among them. */
const DRAWN_TRIALS = 12;

export interface TuneView {
  show(event: TuneTableEvent): void;
  /** Removes what is drawn. */
  clear(): void;
}

export interface TuneViewContext {
  readonly terminal: Terminal;
  readonly stderr: Streams['stderr'];
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Trials that will be run; null when only time ends the study. */
  readonly maxTrials: number | null;
}

export function createTuneView({ terminal, stderr, clock, maxTrials }: TuneViewContext): TuneView {
  const isTerminal = stderr.isTTY === true;
  const block = createBlock(stderr);
  /** Trials whose end was told. */
  let told: Set<number> | null = null;
  let drawnMs = Number.NEGATIVE_INFINITY;
  const tell = (table: StudyTable): void => {
    const ended = table.rows.filter(({ status }) => status !== 'running');
    // What ended in an earlier run is no news.
    told ??= new Set(ended.slice(0, -1).map(({ trial }) => trial));
    for (const row of ended) {
      if (told.has(row.trial)) continue;
      told.add(row.trial);
      terminal.note(trialLine(row, table, { ended: told.size, maxTrials }));
    }
  };
  const draw = (table: StudyTable): void => {
    const nowMs = clock.nowMs();
    if (nowMs - drawnMs < DRAW_EVERY_MS) return;
    drawnMs = nowMs;
    terminal.clearProgress();
    block.draw(formatStudyTable(table, { maxRows: DRAWN_TRIALS }).split('\n'));
  };
  return {
    show(event) {
      switch (event.kind) {
        case 'training': {
          const { epoch, epochs, values } = event.progress;
          const loss = values['loss'] === undefined ? '' : `  loss ${formatNumber(values['loss'])}`;
          terminal.progress(`${event.candidate} ${epoch}/${epochs}${loss}`);
          break;
        }
        case 'trained':
          terminal.note(`${event.candidate}: validation loss ${formatNumber(event.validationLoss)}`);
          break;
        case 'searching':
          terminal.note(searchText(event));
          break;
        case 'study':
          if (isTerminal) draw(event.table);
          else tell(event.table);
          break;
        case 'evaluating':
          block.clear();
          terminal.progress('evaluates on held-out rows');
          break;
        default:
          break; // what is said about the data is the command's
      }
    },
    clear() {
      block.clear();
      terminal.clearProgress();
    },
  };
}

function searchText({ definition, trialsBefore }: Extract<TuneTableEvent, { kind: 'searching' }>): string {
  const { sampler, scheduler, space } = definition;
  const before = trialsBefore === 0 ? '' : `, goes on after ${trialsBefore} trial${trialsBefore === 1 ? '' : 's'}`;
  const ends = scheduler.kind === 'none' ? 'trains every trial to its end' : `ends bad trials by ${scheduler.kind}`;
  const lines = describeSearchSpace(space).map((line) => `  ${line}`);
  return [`searches with ${sampler.kind}, ${ends}${before}:`, ...lines].join('\n');
}

/** `trial 3 (4 of 30) stopped at epoch 5: 0.5123; best 0.4012, trial 1`. */
function trialLine(
  { trial, status, value, resource, failure }: StudyTableRow,
  { best }: StudyTable,
  { ended, maxTrials }: { readonly ended: number; readonly maxTrials: number | null },
): string {
  const of = maxTrials === null ? `${ended}` : `${ended} of ${maxTrials}`;
  const came = value === null ? (failure ?? '') : formatNumber(value);
  const leading = best?.value == null ? '' : `; best ${formatNumber(best.value)}, trial ${best.trial}`;
  return `trial ${trial} (${of}) ${status} at epoch ${resource ?? 0}: ${came}${leading}`;
}

/** Lines that stay at the end of a terminal and change in place. */
function createBlock(stderr: Streams['stderr']): { draw(lines: readonly string[]): void; clear(): void } {
  let drawn = 0;
  const clear = (): void => {
    if (drawn > 0) stderr.write(`\u001b[${drawn}A\r\u001b[J`);
    drawn = 0;
  };
  return {
    draw(lines) {
      const width = (stderr.columns || 80) - 1;
      clear();
      stderr.write(lines.map((line) => `${line.slice(0, width)}\n`).join(''));
      drawn = lines.length;
    },
    clear,
  };
}
