// The plots of a regression: predictions against targets, and how the errors are spread.
import { tableHtml, valuesTable } from './html.ts';
import { formatCount, formatNumber, formatPercent } from './number-text.ts';
import { linePath, type Plot, plotHtml, round, shortNumber } from './plot.ts';
import type { ResidualResult } from './report.ts';

/** Predictions against targets; on the diagonal both are equal. */
export function scatterPlot({ sample }: ResidualResult): string {
  const values = sample.flat();
  const [low, high] = padded(Math.min(...values), Math.max(...values));
  const step = Math.ceil(sample.length / 20);
  const table = tableHtml({
    caption: 'Some targets with their predictions',
    header: ['Target', 'Prediction', 'Prediction − target'],
    textColumns: [],
    rows: sample
      .filter((_, i) => i % step === 0)
      .toSorted(([a], [b]) => a - b)
      .map(([target, prediction]) => [target, prediction, prediction - target].map(formatNumber)),
  });
  const plot: Plot = {
    id: 'scatter',
    title: 'Prediction against target',
    description: `${sample.length} rows as dots between ${formatNumber(low)} and ${formatNumber(high)}; on the diagonal the prediction is right.`,
    x: { label: 'Target', lowest: low, highest: high, format: shortNumber },
    y: { label: 'Prediction', lowest: low, highest: high, format: shortNumber },
    draw: (x, y) =>
      `<path class="guide" d="${linePath(
        [
          [low, low],
          [high, high],
        ],
        x,
        y,
      )}"/>${sample
        .map(
          ([target, prediction]) =>
            `<circle class="point" cx="${round(x(target))}" cy="${round(y(prediction))}" r="2.4"/>`,
        )
        .join('')}`,
  };
  return plotHtml(plot, valuesTable(table));
}

/** Errors against predictions: a pattern here is something the model has missed. */
export function residualPlot({ sample }: ResidualResult): string {
  const predictions = sample.map(([, prediction]) => prediction);
  const residuals = sample.map(([target, prediction]) => prediction - target);
  const [lowX, highX] = padded(Math.min(...predictions), Math.max(...predictions));
  const [low, high] = padded(Math.min(0, ...residuals), Math.max(0, ...residuals));
  return plotHtml({
    id: 'residuals',
    title: 'Residuals',
    description: `Prediction − target against the prediction for ${sample.length} rows, from ${formatNumber(Math.min(...residuals))} to ${formatNumber(Math.max(...residuals))}; the line is zero.`,
    x: { label: 'Prediction', lowest: lowX, highest: highX, format: shortNumber },
    y: { label: 'Prediction − target', lowest: low, highest: high, format: shortNumber },
    draw: (x, y) =>
      `<path class="guide" d="${linePath(
        [
          [lowX, 0],
          [highX, 0],
        ],
        x,
        y,
      )}"/>${sample
        .map(
          ([target, prediction]) =>
            `<circle class="point" cx="${round(x(prediction))}" cy="${round(y(prediction - target))}" r="2.4"/>`,
        )
        .join('')}`,
  });
}

/** How often errors of which size come. */
export function residualHistogram({ edges, counts, quantiles }: ResidualResult): string {
  const [low = 0, high = 1] = [edges[0], edges.at(-1)];
  const most = Math.max(...counts);
  return plotHtml(
    {
      id: 'residual-histogram',
      title: 'Distribution of the errors',
      description: `Histogram of prediction − target. ${quantiles.map(([level, value]) => `${formatPercent(level)} of the rows up to ${formatNumber(value)}`).join(', ')}.`,
      x: { label: 'Prediction − target', lowest: low, highest: high, format: shortNumber },
      y: { label: 'Rows', lowest: 0, highest: most * 1.05, format: shortNumber },
      draw: (x, y) =>
        `${counts
          .map((count, i) => {
            const [from, to] = [edges[i] ?? low, edges[i + 1] ?? high];
            const [left, right] = [x(from), x(to)];
            const gap = right - left > 4 ? 1 : 0;
            return `<rect class="bar" x="${round(left)}" y="${round(y(count))}" width="${round(Math.max(0.5, right - left - gap))}" height="${round(y(0) - y(count))}"><title>${formatNumber(from)} … ${formatNumber(to)}: ${formatCount(count)} rows</title></rect>`;
          })
          .join('')}${
          low < 0 && high > 0
            ? `<path class="guide" d="${linePath(
                [
                  [0, 0],
                  [0, most * 1.05],
                ],
                x,
                y,
              )}"/>`
            : ''
        }`,
    },
    valuesTable(
      tableHtml({
        caption: 'Quantiles of prediction − target',
        header: ['Share of the rows', 'Up to'],
        rows: quantiles.map(([level, value]) => [formatPercent(level), formatNumber(value)]),
      }),
    ),
  );
}

function padded(low: number, high: number): readonly [number, number] {
  const pad = (high - low) * 0.04 || Math.abs(high) * 0.05 || 1;
  return [low - pad, high + pad];
}
