// The course of a training as a picture that stands by itself: loss by step, of what was learned from and of what was held
// out.
import type { CurvePoint } from './language-options.ts';

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 360, 52, 16, 34, 40];
const COLOURS = { training: '#3b6fb6', heldOut: '#c4572f' };
const TICKS = 5;

/** An SVG document; `title` may hold anything. Points that are not finite are left out. */
export function lossCurveSvg(curve: readonly CurvePoint[], title: string): string {
  const training = curve.map(({ step, loss }) => [step, loss] as const);
  const heldOut = curve.flatMap(({ step, validationLoss }) =>
    validationLoss === null ? [] : [[step, validationLoss] as const],
  );
  const losses = [...training, ...heldOut].map(([, loss]) => loss).filter(Number.isFinite);
  const most = Math.max(0.1, ...losses);
  const least = losses.length === 0 ? 0 : Math.min(...losses);
  const y = axis({ from: least - 0.05 * (most - least), to: most, start: HEIGHT - BOTTOM, end: TOP });
  const x = axis({ from: 0, to: Math.max(1, ...curve.map(({ step }) => step)), start: LEFT, end: WIDTH - RIGHT });
  const line = (points: readonly (readonly [number, number])[], colour: string): string => {
    const drawn = points.filter(([, loss]) => Number.isFinite(loss));
    const path = drawn.map(([step, loss]) => `${x.at(step)},${y.at(loss)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  };
  const name = (at: number, text: string, colour: string): string =>
    `<text x="${at}" y="${TOP - 12}" fill="${colour}">${text}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...y.ticks.map(
      (value) =>
        `<path d="M${LEFT} ${y.at(value)}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y.at(value) + 4}" text-anchor="end">${value.toFixed(2)}</text>`,
    ),
    ...x.ticks.map(
      (value) =>
        `<text x="${x.at(value)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${Math.round(value).toLocaleString('en-US')}</text>`,
    ),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">step</text>`,
    name(LEFT, 'training loss, nats per token', COLOURS.training),
    line(training, COLOURS.training),
    ...(heldOut.length === 0 ? [] : [name(260, 'held out', COLOURS.heldOut), line(heldOut, COLOURS.heldOut)]),
    '</svg>',
    '',
  ].join('\n');
}

interface AxisRange {
  readonly from: number;
  readonly to: number;
  /** Pixels. */
  readonly start: number;
  readonly end: number;
}

function axis({ from, to, start, end }: AxisRange): {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
} {
  const at = (value: number): number =>
    Math.round(10 * (start + ((value - from) / (to - from || 1)) * (end - start))) / 10;
  return { at, ticks: Array.from({ length: TICKS + 1 }, (_, tick) => from + ((to - from) * tick) / TICKS) };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
