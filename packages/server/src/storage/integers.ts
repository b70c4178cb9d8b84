// The one rule by which database integers become JavaScript values, whatever the database.

/** A number where it is exact, else the bigint itself: precision is never lost. */
export function fromDatabaseInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
