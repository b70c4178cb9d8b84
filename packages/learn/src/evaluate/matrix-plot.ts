// The confusion matrix as a heat map: dark where many rows of a class went.
import { escapeHtml, svgLabel, tableHtml, userHtml, valuesTable } from './html.ts';
import { formatCount, formatPercent } from './number-text.ts';
import { round } from './plot.ts';
import type { EvaluationReport } from './report.ts';

/** Beyond that many classes cells are too small for numbers and the matrix as a table is too wide to read. */
const MOST_NUMBERED = 15;

/** Heat map with counts, shares of the actual class as the shade; empty without a matrix. */
export function confusionPlot({ confusionMatrix, classes, confusions }: EvaluationReport): string {
  if (confusionMatrix === null || classes.length === 0) return '';
  const names = classes.map(({ className }) => className);
  const size = names.length;
  const isNumbered = size <= MOST_NUMBERED;
  const longest = Math.min(14, Math.max(...names.map((name) => [...name].length)));
  const isTurned = longest > (size <= 4 ? 8 : 3);
  const cell = isNumbered ? Math.max(26, Math.min(64, 300 / size)) : 330 / size;
  const left = 26 + longest * 6.6;
  const top = 26 + (isTurned ? longest * 5 : 14);
  const width = left + size * cell + (isTurned ? 30 : 4);
  const height = top + size * cell + 4;
  const every = Math.ceil(13 / cell);
  const cells = confusionMatrix.flatMap((counts, actual) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count, predicted) => {
      const share = total === 0 ? 0 : count / total;
      const [x, y] = [left + predicted * cell, top + actual * cell];
      const told = `${formatCount(count)} (${formatPercent(share)}) of ${names[actual]} predicted as ${names[predicted]}`;
      const number = `<text class="count ${shadeClass(share)}" x="${round(x + cell / 2)}" y="${round(y + cell / 2 + 4)}" text-anchor="middle">${shortCount(count)}</text>`;
      return `<g><title>${escapeHtml(told)}</title><rect class="cell" x="${round(x)}" y="${round(y)}" width="${round(cell - (isNumbered ? 1.5 : 0))}" height="${round(cell - (isNumbered ? 1.5 : 0))}"/><rect class="heat" x="${round(x)}" y="${round(y)}" width="${round(cell - (isNumbered ? 1.5 : 0))}" height="${round(cell - (isNumbered ? 1.5 : 0))}" fill-opacity="${Number(share.toFixed(3))}"/>${isNumbered ? number : ''}</g>`;
    });
  });
  const labels = names.flatMap((name, k) => {
    if (k % every !== 0) return [];
    const [x, y] = [round(left + (k + 0.5) * cell), round(top + (k + 0.5) * cell + 4)];
    const text = svgLabel(name, 14);
    const above = isTurned
      ? `<text class="tick" transform="translate(${x} ${top - 6}) rotate(-40)">${text}</text>`
      : `<text class="tick" x="${x}" y="${top - 6}" text-anchor="middle">${text}</text>`;
    return [`<text class="tick" x="${round(left - 6)}" y="${y}" text-anchor="end">${text}</text>`, above];
  });
  const right = confusionMatrix.reduce((sum, counts, k) => sum + (counts[k] ?? 0), 0);
  const all = confusionMatrix.flat().reduce((sum, count) => sum + count, 0);
  const [worst] = confusions;
  const mistake =
    worst === undefined
      ? ''
      : ` Most frequent mistake: ${worst.actual} predicted as ${worst.predicted}, ${formatCount(worst.count)}.`;
  return `<figure>
<h3 id="confusion-title">Confusion matrix</h3>
<svg class="plot matrix" viewBox="0 0 ${round(width)} ${round(height)}" width="${Math.round(width * 1.15)}" role="img" aria-labelledby="confusion-title confusion-text">
<desc id="confusion-text">${escapeHtml(`${formatCount(right)} of ${formatCount(all)} on the diagonal.${mistake}`)}</desc>
<text class="label" x="${round(left + (size * cell) / 2)}" y="13" text-anchor="middle">Predicted</text>
<text class="label" transform="translate(12 ${round(top + (size * cell) / 2)}) rotate(-90)" text-anchor="middle">Actual</text>
${cells.join('')}
${labels.join('')}
</svg>
<p class="note">The shade is the share of the actual class.</p>${isNumbered ? matrixTable(confusionMatrix, names) : ''}
</figure>`;
}

function matrixTable(matrix: readonly (readonly number[])[], names: readonly string[]): string {
  return valuesTable(
    tableHtml({
      caption: 'Confusion matrix',
      header: ['Actual \\ predicted', ...names.map(userHtml)],
      rows: matrix.map((counts, k) => [userHtml(names[k] ?? ''), ...counts.map(formatCount)]),
    }),
  );
}

/** Where black and white text change places on the mixed colour, light and dark: contrast is at least 4.57 : 1 all along. */
function shadeClass(share: number): string {
  return share < 0.573 ? 'pale' : share < 0.816 ? 'middle' : 'deep';
}

function shortCount(count: number): string {
  if (count >= 1e4) return `${Number((count / 1000).toPrecision(3))}k`;
  return String(Number(count.toPrecision(4)));
}
