// A training's progress at the terminal: a line that is drawn again and again, or where nobody watches a line now and then.
import type { Clock } from '@amaas/core';
import { type ProgressEvent, type TableProgress, trackTableProgress } from '@amaas/learn/pipelines';
import { formatNumber } from '../facts-text.ts';
import type { Terminal } from '../terminal.ts';

/** How often a line is written where none can be drawn. */
const LINE_EVERY_MS = 3000;
/** Quicker than eyes. */
const DRAW_EVERY_MS = 80;
const BAR_WIDTH = 16;

/** Makes a function that shows events as they come. `isTerminal`: whether a line can be drawn again. */
export function createProgressView(
  terminal: Pick<Terminal, 'progress' | 'note'>,
  { isTerminal, clock }: { readonly isTerminal: boolean; readonly clock: Pick<Clock, 'nowMs'> },
): (event: ProgressEvent) => void {
  const track = trackTableProgress();
  const startedMs = clock.nowMs();
  let shownMs = isTerminal ? Number.NEGATIVE_INFINITY : startedMs;
  return (event) => {
    const progress = track(event);
    const nowMs = clock.nowMs();
    if (progress === null || nowMs - shownMs < (isTerminal ? DRAW_EVERY_MS : LINE_EVERY_MS)) return;
    shownMs = nowMs;
    const line = progressText(progress, nowMs - startedMs, isTerminal);
    if (isTerminal) terminal.progress(line);
    else terminal.note(line);
  };
}

/** `perceptron 12/200 ███░░░ 41% loss 0.31 validation loss 0.33 accuracy 0.87 12,000 rows/s 4 s left`. */
export function progressText(progress: TableProgress, elapsedMs: number, withBar: boolean): string {
  const { phase, fraction, candidate, epoch, epochs, loss, metrics = {}, rowsPerSecond } = progress;
  const filled = Math.round(fraction * BAR_WIDTH);
  const named = Object.entries(loss === undefined ? metrics : { loss, ...metrics });
  // The validation loss tells more than all others where a line is cut.
  const ordered = named.toSorted(([left], [right]) => rank(left) - rank(right));
  const leftMs = fraction > 0 ? (elapsedMs / fraction) * (1 - fraction) : 0;
  return [
    candidate === undefined ? PHASES[phase] : `${candidate} ${epoch}/${epochs}`,
    ...(withBar ? [`${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`] : []),
    `${Math.floor(fraction * 100)}%`,
    ...ordered.map(([name, value]) => `${name.replace('validation ', 'val ')} ${formatNumber(value)}`),
    ...(rowsPerSecond === undefined ? [] : [`${Math.round(rowsPerSecond).toLocaleString('en-US')} rows/s`]),
    ...(candidate === undefined ? [] : [`${Math.ceil(leftMs / 1000)} s left`]),
  ].join('  ');
}

const PHASES = { read: 'reads the data', train: 'trains', evaluate: 'evaluates on what was held out' } as const;

function rank(name: string): number {
  if (name === 'loss') return 0;
  return name === 'validation loss' ? 1 : 2;
}
