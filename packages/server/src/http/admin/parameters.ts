// Reading what stands in the path and the query of a management call.
import { AmaasError } from '@amaas/core';
import type { Exchange } from '../exchange.ts';

/** Decoded path parameters. */
export type Parameters = ReadonlyMap<string, string>;

/** What a route does. */
export type Action = (exchange: Exchange, parameters: Parameters) => Promise<void>;

export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw new AmaasError('INTERNAL', `route without parameter ${name}`);
  return value;
}

/** A query parameter that is a whole number ≥ 1; undefined where it is not given. @throws MALFORMED_REQUEST */
export function wholeNumber(exchange: Exchange, name: string): number | undefined {
  const text = exchange.query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new AmaasError(
    'MALFORMED_REQUEST',
    `${name} must be a whole number ≥ 1, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}

/** @throws MALFORMED_REQUEST for a query parameter the route does not know: one ignored would be one lost. */
export function assertQuery(exchange: Exchange, known: readonly string[]): void {
  for (const name of exchange.query.keys()) {
    if (known.includes(name)) continue;
    const takes = known.length === 0 ? 'no query parameters' : known.join(', ');
    throw new AmaasError(
      'MALFORMED_REQUEST',
      `${exchange.method} ${exchange.path} takes ${takes} here, got ${JSON.stringify(name.slice(0, 60))}`,
    );
  }
}
