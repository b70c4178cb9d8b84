// Plain JSON that has no form of its own as text for people: `learningRate 0.01`, and numbers in few digits.
/** Elements of a list that are shown. */
const MAX_ELEMENTS = 8;

/** One line per entry: its name and its value in short. */
export function factLines(value: unknown): readonly string[] {
  return entriesOf(value).map(([name, item]) => `${name} ${factText(item)}`);
}

/** A value in short: numbers with four digits, objects as `name value` with commas between. */
export function factText(value: unknown): string {
  if (typeof value === 'number') return formatNumber(value);
  if (value === null) return 'none';
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_ELEMENTS).map(factText).join(', ');
    return value.length > MAX_ELEMENTS ? `${shown}, and ${value.length - MAX_ELEMENTS} more` : shown;
  }
  if (typeof value !== 'object') return String(value);
  return entriesOf(value)
    .map(([name, item]) => `${name} ${factText(item)}`)
    .join(', ');
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** Four digits: what can be told apart while it changes. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
}
