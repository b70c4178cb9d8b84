// Reading what a llama-server answers: nothing in it is believed to be there.

/** What lies at a path of names; undefined where there is nothing. */
export function valueIn(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = new Map(Object.entries(found)).get(name);
  }
  return found;
}

/** 0 where there is no number. */
export function numberIn(value: unknown, ...path: readonly string[]): number {
  const found = valueIn(value, ...path);
  return typeof found === 'number' ? found : 0;
}

/** '' where there is no text. */
export function textIn(value: unknown, ...path: readonly string[]): string {
  const found = valueIn(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** Nothing where there is no list. */
export function listIn(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueIn(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Those of the list that are numbers. */
export function numbersIn(value: unknown, ...path: readonly string[]): readonly number[] {
  return listIn(value, ...path).filter((each) => typeof each === 'number');
}
