// Drops what has no value, so that "left out" and "undefined" are the same to whoever reads the object.

/** The object without its undefined fields. */
export function withoutUndefined<Value extends object>(
  value: Value,
): { [Name in keyof Value]?: Exclude<Value[Name], undefined> } {
  const given = Object.entries(value).filter(([, field]) => field !== undefined);
  // The same fields, less those whose value was undefined.
  return Object.fromEntries(given) as { [Name in keyof Value]?: Exclude<Value[Name], undefined> };
}
