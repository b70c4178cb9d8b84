// How long a model is to stay in memory after a request: seconds as a number, or a duration as Go writes them.
import type { Fields } from '../fields/index.ts';

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;

/**
 * The field `keep_alive` in milliseconds; whatever is below 0: for ever, Infinity. A text without a unit counts as seconds.
 * Undefined where it is left out or empty.
 * @throws INVALID_ARGUMENT
 */
export function readKeepAlive(fields: Fields): number | undefined {
  const value = fields.any('keep_alive');
  if (value === undefined || value === '') return undefined;
  const durationMs = typeof value === 'number' ? value * 1000 : typeof value === 'string' ? parseDuration(value) : null;
  if (durationMs === null || Number.isNaN(durationMs)) {
    const got = JSON.stringify(value).slice(0, 60);
    throw fields.invalid('keep_alive', `expected seconds or a duration such as "5m" or "1h30m", got ${got}`);
  }
  return durationMs < 0 ? Number.POSITIVE_INFINITY : durationMs;
}

/** Milliseconds of `1h30m`, `-1m`, `300`; null for anything else. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (/^[+-]?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  const sign = trimmed.startsWith('-') ? -1 : 1;
  const rest = trimmed.replace(/^[+-]/, '');
  if (rest === '') return null;
  let sumMs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < rest.length) {
    const part = PART.exec(rest);
    if (part === null) return null;
    sumMs += Number(part[1]) * (UNITS_MS.get(part[2] ?? '') ?? Number.NaN);
  }
  return sign * sumMs;
}
