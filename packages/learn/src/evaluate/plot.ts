// Axes, scales and lines of small SVG plots, drawn at the size of a phone and scaled by nobody more than a third.
import { escapeHtml, svgLabel } from './html.ts';
import { formatNumber } from './number-text.ts';

/** Units of a plot's own coordinates; about one CSS pixel on a phone. */
const WIDTH = 360;
const HEIGHT = 300;
const LEFT = 52;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 44;

export interface Axis {
  readonly label: string;
  readonly lowest: number;
  readonly highest: number;
  /** Default linear. */
  readonly scale?: 'linear' | 'log';
  /** Default {@link niceTicks}. */
  readonly ticks?: readonly number[];
  readonly format?: (value: number) => string;
}

/** From data to a plot's coordinates. */
export type Project = (value: number) => number;

export interface Legend {
  readonly name: string;
  /** Which of the colours, from 0. */
  readonly series: number;
}

export interface Plot {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** What the plot shows, for who cannot see it. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  /** The marks, as SVG. */
  readonly draw: (x: Project, y: Project) => string;
  readonly legend?: readonly Legend[];
}

/** A figure with its heading, plot and legend; `after` follows the plot, such as its values as a table. */
export function plotHtml({ id, title, description, x, y, draw, legend = [] }: Plot, after = ''): string {
  const projectX = projection(x, [LEFT, WIDTH - RIGHT]);
  const projectY = projection(y, [HEIGHT - BOTTOM, TOP]);
  const keys = legend.map(
    ({ name, series }) =>
      `<li><svg class="key" viewBox="0 0 22 8" aria-hidden="true"><path class="${lineClass(series)}" d="M0 4H22"/></svg> ${escapeHtml(name)}</li>`,
  );
  return `<figure>
<h3 id="${id}-title">${escapeHtml(title)}</h3>
<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-text">
<desc id="${id}-text">${escapeHtml(description)}</desc>
${xTicks(x, projectX)}${yTicks(y, projectY)}
<path class="axis" d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}"/>
<text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${svgLabel(x.label, 48)}</text>
<text class="label" transform="translate(13 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${svgLabel(y.label, 40)}</text>
${draw(projectX, projectY)}
</svg>
${keys.length === 0 ? '' : `<ul class="legend">${keys.join('')}</ul>`}${after}
</figure>`;
}

/** Colours repeat after ten; every second five are dashed, so that colour alone is not what tells lines apart. */
export function lineClass(series: number): string {
  return `line s${series % 10}${series % 10 >= 5 ? ' dashed' : ''}`;
}

/** SVG path through points; one without a finite value leaves a gap. */
export function linePath(points: readonly (readonly [number, number | null])[], x: Project, y: Project): string {
  let pen = 'M';
  let path = '';
  for (const [atX, atY] of points) {
    const [px, py] = [x(atX), atY === null ? Number.NaN : y(atY)];
    if (Number.isFinite(px) && Number.isFinite(py)) {
      path += `${pen}${round(px)} ${round(py)}`;
      pen = 'L';
    } else pen = 'M';
  }
  return path;
}

/** Coordinates to a tenth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** About five round numbers between two. */
export function niceTicks(lowest: number, highest: number): readonly number[] {
  const span = highest - lowest;
  if (!(span > 0)) return [lowest];
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const first = Math.ceil(lowest / step - 1e-9);
  const count = Math.floor(highest / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten between two positive numbers, with 2 and 5 between them where there are few. */
export function logTicks(lowest: number, highest: number): readonly number[] {
  const [from, to] = [Math.floor(Math.log10(lowest)), Math.ceil(Math.log10(highest))];
  const factors = to - from <= 3 ? [1, 2, 5] : [1];
  const every = Math.ceil((to - from) / 6);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    .filter((_, i) => i % every === 0)
    .flatMap((exponent) => factors.map((factor) => factor * 10 ** exponent))
    .filter((tick) => tick >= lowest * 0.999 && tick <= highest * 1.001);
}

function projection({ lowest, highest, scale }: Axis, [start, end]: readonly [number, number]): Project {
  const bend = scale === 'log' ? Math.log : (value: number): number => value;
  const [from, to] = [bend(lowest), bend(highest)];
  const span = to - from || 1;
  return (value) => start + ((bend(value) - from) / span) * (end - start);
}

function ticksOf({ ticks, scale, lowest, highest }: Axis): readonly number[] {
  return ticks ?? (scale === 'log' ? logTicks(lowest, highest) : niceTicks(lowest, highest));
}

function xTicks(axis: Axis, x: Project): string {
  const { format = formatNumber } = axis;
  return ticksOf(axis)
    .map((tick) => {
      const at = round(x(tick));
      return `<path class="grid" d="M${at} ${TOP}V${HEIGHT - BOTTOM}"/><text class="tick" x="${at}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${escapeHtml(format(tick))}</text>`;
    })
    .join('');
}

function yTicks(axis: Axis, y: Project): string {
  const { format = formatNumber } = axis;
  return ticksOf(axis)
    .map((tick) => {
      const at = round(y(tick));
      return `<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text class="tick" x="${LEFT - 6}" y="${at + 4}" text-anchor="end">${escapeHtml(format(tick))}</text>`;
    })
    .join('');
}

/** A number short enough for a tick: `240k`, `1.5M`. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  for (const [unit, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (size >= unit * 10 || (size >= unit && unit > 1e3)) return `${Number((value / unit).toPrecision(4))}${letter}`;
  }
  return formatNumber(value);
}
