// Reads the fields of a JSON object that a caller sent: each once, by its name, with its type. What was not asked for by the
// end is refused by name, so that no field is dropped in silence. Knows no protocol.
import { AmaasError } from '@amaas/core';

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  readonly isInteger?: boolean;
}

/** null counts as left out everywhere: clients send it for fields they have no value for. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #read = new Set<string>();

  private constructor(values: Readonly<Record<string, unknown>>, path: string) {
    this.#values = values;
    this.#path = path;
  }

  /**
   * @param path - of the object in the body, `messages[2]`; '' for the body itself
   * @throws INVALID_ARGUMENT when it is no object; `details.field` of every error here names the field
   */
  static of(value: unknown, path = ''): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(path, 'an object', value);
    return new Fields(Object.fromEntries(Object.entries(value)), path);
  }

  /** Names of the fields that have a value, read or not. */
  get names(): readonly string[] {
    return Object.keys(this.#values).filter((name) => this.#values[name] !== null);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name) && this.#values[name] !== null && this.#values[name] !== undefined;
  }

  /** Any value; undefined where it is left out. */
  any(name: string): unknown {
    this.#read.add(name);
    return this.has(name) ? this.#values[name] : undefined;
  }

  text(name: string): string | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === 'string') return value;
    throw mismatch(this.pathOf(name), 'a string', value);
  }

  flag(name: string): boolean | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw mismatch(this.pathOf(name), 'true or false', value);
  }

  number(name: string, range: NumberRange = {}): number | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, isInteger = false } = range;
    if (typeof value !== 'number' || value < min || value > max || (isInteger && !Number.isInteger(value))) {
      throw mismatch(this.pathOf(name), rangeText(range), value);
    }
    return value;
  }

  integer(name: string, range: Omit<NumberRange, 'isInteger'> = {}): number | undefined {
    return this.number(name, { ...range, isInteger: true });
  }

  choice<const Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw mismatch(this.pathOf(name), `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`, value);
  }

  /** @param read - is given each item and its path */
  list<Item>(name: string, read: (item: unknown, path: string) => Item): readonly Item[] | undefined {
    const value = this.any(name);
    if (value === undefined) return undefined;
    const path = this.pathOf(name);
    if (!Array.isArray(value)) throw mismatch(path, 'a list', value);
    if (value.length > MOST_ITEMS) throw invalid(path, `at most ${MOST_ITEMS} items are taken, got ${value.length}`);
    return value.map((item: unknown, index) => read(item, `${path}[${index}]`));
  }

  object(name: string): Fields | undefined {
    const value = this.any(name);
    return value === undefined ? undefined : Fields.of(value, this.pathOf(name));
  }

  /** A plain object as it came, for schemas and the like. */
  record(name: string): Readonly<Record<string, unknown>> | undefined {
    const value = this.any(name);
    return value === undefined ? undefined : Fields.of(value, this.pathOf(name)).#values;
  }

  /** The value, which must be there: `fields.need('seed', fields.integer('seed'))`. @throws INVALID_ARGUMENT */
  need<Value>(name: string, value: Value | undefined): Value {
    if (value !== undefined) return value;
    throw invalid(this.pathOf(name), 'is needed');
  }

  /** A string that must be there. @throws INVALID_ARGUMENT */
  needText(name: string): string {
    return this.need(name, this.text(name));
  }

  /** Lets fields pass that mean nothing here and change nothing of the answer. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /**
   * Ends the reading.
   * @throws INVALID_ARGUMENT naming the first field that was not asked for
   */
  end(): void {
    const unknown = this.names.find((name) => !this.#read.has(name));
    if (unknown !== undefined) throw invalid(this.pathOf(unknown), 'is not supported');
  }

  /** Where a field stands in the body, `messages[2].content`. */
  pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  /** For what only the caller of this class can judge. */
  invalid(name: string, problem: string): AmaasError {
    return invalid(this.pathOf(name), problem);
  }
}

function rangeText({ min, max, isInteger = false }: NumberRange): string {
  const kind = isInteger ? 'a whole number' : 'a number';
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind} of at least ${min}`;
  return max === undefined ? kind : `${kind} of at most ${max}`;
}

/** Of a list: longer ones are mistakes, or meant to keep a server busy. */
const MOST_ITEMS = 10_000;

/** Longest piece of a caller's value in a message. */
const MOST_SHOWN = 60;

function mismatch(path: string, expected: string, value: unknown): AmaasError {
  const shown = JSON.stringify(value) ?? String(value);
  const short = shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown;
  return invalid(path, `expected ${expected}, got ${short}`);
}

function invalid(path: string, problem: string): AmaasError {
  const field = path === '' ? 'the body' : path;
  return new AmaasError('INVALID_ARGUMENT', `${field}: ${problem}`, { details: { field: path } });
}

/**
 * For what a protocol has and this server does not.
 * @param path - where the field stands in the body, `tools[0].type`
 */
export function unsupported(path: string, problem: string): AmaasError {
  return new AmaasError('UNSUPPORTED_FEATURE', `${path}: ${problem}`, { details: { field: path } });
}
