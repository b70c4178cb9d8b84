// Measures what a run costs: once for one row, and how much every further row adds. Knows nothing of sessions.

/** Runs the model on so many rows and says how long the runtime took, in milliseconds. */
export type TimeRun = (rows: number) => number;

/** Time given to each of the two measurements, in milliseconds; one run is always made. */
const BUDGET_MS = 300;
const MAX_RUNS = 15;
/** Row counts the added time per row is read from, as far as the budget allows. */
const ROW_COUNTS = [1, 4, 16];

/** Median time of a run on `rows` rows; the first run only warms up. */
export function measureMedianMs(timeRun: TimeRun, rows: number, budgetMs: number = BUDGET_MS): number {
  let spentMs = timeRun(rows);
  const times: number[] = [];
  do {
    const ms = timeRun(rows);
    times.push(ms);
    spentMs += ms;
  } while (times.length < MAX_RUNS && spentMs < budgetMs);
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? spentMs;
}

/** Added time per further row, by least squares; never negative. null where not even two counts fit the budget. */
export function measureMsPerRow(timeRun: TimeRun, runMs: number): number | null {
  const points: { rows: number; ms: number }[] = [{ rows: 1, ms: runMs }];
  for (const rows of ROW_COUNTS.slice(1)) {
    if (rows * runMs > BUDGET_MS) break;
    points.push({ rows, ms: measureMedianMs(timeRun, rows, BUDGET_MS / ROW_COUNTS.length) });
  }
  return points.length < 2 ? null : Math.max(0, slopeOf(points));
}

function slopeOf(points: readonly { rows: number; ms: number }[]): number {
  const meanRows = points.reduce((sum, { rows }) => sum + rows, 0) / points.length;
  const meanMs = points.reduce((sum, { ms }) => sum + ms, 0) / points.length;
  const covariance = points.reduce((sum, { rows, ms }) => sum + (rows - meanRows) * (ms - meanMs), 0);
  const variance = points.reduce((sum, { rows }) => sum + (rows - meanRows) ** 2, 0);
  return covariance / variance;
}
