// Drops what has no value, so that "left out" and "undefined" are the same to whoever reads the object.

/** Fields that may be undefined become ones that may be left out. */
type Given<Value> = {
  [Name in keyof Value as undefined extends Value[Name] ? never : Name]: Value[Name];
} & {
  [Name in keyof Value as undefined extends Value[Name] ? Name : never]?: Exclude<Value[Name], undefined>;
};

/** The object without its undefined fields. */
export function withoutUndefined<const Value extends object>(value: Value): Given<Value> {
  const given = Object.entries(value).filter(([, field]) => field !== undefined);
  // The same fields, less those whose value was undefined.
  return Object.fromEntries(given) as Given<Value>;
}
