// Values of options as commander gives them, texts, read as what they must be.
import { UsageError } from '../command-context.ts';

/** @throws UsageError naming the option and what came */
export function wholeNumber(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  if (value >= least) return value;
  throw new UsageError(`${option} must be a whole number ≥ ${least}, got ${JSON.stringify(text)}`);
}

export interface Bounds {
  readonly above?: number;
  readonly least?: number;
  readonly below?: number;
}

/** @throws UsageError naming the option, its bounds and what came */
export function number(option: string, text: string | undefined, { above, least, below }: Bounds): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const isAllowed = Number.isFinite(value) && !(value <= (above ?? -Infinity)) && !(value < (least ?? -Infinity));
  if (isAllowed && value < (below ?? Infinity)) return value;
  const bounds = [
    ...(above === undefined ? [] : [`> ${above}`]),
    ...(least === undefined ? [] : [`≥ ${least}`]),
    ...(below === undefined ? [] : [`< ${below}`]),
  ];
  throw new UsageError(`${option} must be a number ${bounds.join(' and ')}, got ${JSON.stringify(text)}`);
}

/** A field that is left out where there is nothing to say. */
export function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [key in Name]?: Value } {
  // A computed key widens to string; it is exactly Name.
  return (value === undefined ? {} : { [name]: value }) as { readonly [key in Name]?: Value };
}
