import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CurvePoint } from './language-options.ts';
import { lossCurveSvg } from './loss-curve.ts';

const point = (step: number, loss: number, validationLoss: number | null): CurvePoint => ({
  ...{ step, loss, validationLoss },
  bitsPerByte: null,
  learningRate: 1e-3,
});

/** The points of every line, in the order they are drawn. */
function linesOf(svg: string): readonly (readonly (readonly number[])[])[] {
  return [...svg.matchAll(/points="([^"]*)"/g)].map(([, points = '']) =>
    points.split(' ').map((pair) => pair.split(',').map(Number)),
  );
}

test('lossCurveSvg draws both losses on one scale, and its title as text', () => {
  const svg = lossCurveSvg([point(10, 4, 5), point(20, 2, 3), point(40, 1, 3)], 'a < b & c');
  const [training = [], heldOut = []] = linesOf(svg);
  const [[x0 = 0, y0 = 0] = [], [x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = training;
  assert(Math.abs((x2 - x1) / (x1 - x0) - 2) < 0.01); // steps 10, 20, 40
  assert(Math.abs((y2 - y1) / (y1 - y0) - 0.5) < 0.01); // losses 4, 2, 1: downwards is more
  assert(y0 < y1 && y1 < y2);
  assert.equal(heldOut[1]?.[1], heldOut[2]?.[1]);
  assert((heldOut[0]?.[1] ?? 0) < y0);
  assert(svg.includes('<title>a &lt; b &amp; c</title>'));
});

test('lossCurveSvg draws one point, none, and what is not finite without breaking', () => {
  for (const curve of [[point(5, 2, null)], [], [point(5, Number.NaN, null), point(6, 1, null)]]) {
    const svg = lossCurveSvg(curve, 't');
    assert(!/NaN|Infinity/.test(svg), svg);
    assert.equal(linesOf(svg).length, 1);
  }
});
