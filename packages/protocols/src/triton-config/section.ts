// One message of a configuration while it is being read: typed access to its fields, and a note of those nobody asked for.
import { AmaasError } from '@amaas/core';
import { invalidConfig, type TextMessage, type TextValue } from './text-format.ts';

/** A message, its path for people (`''` at the top, else `input[0].`), and where unread fields are noted. */
export class Section {
  readonly path: string;
  readonly #fields: TextMessage;
  readonly #ignored: string[];
  readonly #read = new Set<string>();

  constructor(fields: TextMessage, path: string, ignored: string[]) {
    this.#fields = fields;
    this.path = path;
    this.#ignored = ignored;
  }

  /** A text; null when absent or empty, which protobuf does not tell apart. */
  text(name: string): string | null {
    const value = this.#single(name);
    if (value === null) return null;
    if (value.kind !== 'text') throw this.#wrong(name, 'a quoted text', value);
    return value.text === '' ? null : value.text;
  }

  /** An enum's name; null when absent. */
  word(name: string): string | null {
    const value = this.#single(name);
    if (value === null) return null;
    if (value.kind !== 'word') throw this.#wrong(name, 'a name without quotes', value);
    return value.word;
  }

  /** A whole number of at least `least`; null when absent. */
  integer(name: string, least: number): number | null {
    const value = this.#single(name);
    return value === null ? null : this.#toInteger(name, value, least);
  }

  /** Whole numbers of at least `least`. */
  integers(name: string, least: number): readonly number[] {
    return this.#all(name).map((value) => this.#toInteger(name, value, least));
  }

  /** A switch; false when absent. */
  flag(name: string): boolean {
    const value = this.#single(name);
    if (value === null) return false;
    if (value.kind === 'word' && ['true', 'True', 't'].includes(value.word)) return true;
    if (value.kind === 'word' && ['false', 'False', 'f'].includes(value.word)) return false;
    if (value.kind === 'number' && (value.value === 0 || value.value === 1)) return value.value === 1;
    throw this.#wrong(name, 'true or false', value);
  }

  /** A message; null when absent. */
  section(name: string): Section | null {
    const value = this.#single(name);
    return value === null ? null : this.#toSection(name, value, `${this.path}${name}.`);
  }

  /** Repeated messages. */
  sections(name: string): readonly Section[] {
    return this.#all(name).map((value, index) => this.#toSection(name, value, `${this.path}${name}[${index}].`));
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** Refuses a feature that cannot be left out without changing what the model answers. */
  refuse(name: string): void {
    const [value] = this.#all(name);
    if (value === undefined) return;
    throw new AmaasError(
      'UNSUPPORTED_FEATURE',
      `config.pbtxt line ${value.line}: ${this.path}${name} is not supported, and ignoring it would change results`,
      { details: { field: this.path + name } },
    );
  }

  /** As {@link refuse}, for a switch that is on. */
  refuseIfSet(name: string): void {
    if (this.flag(name)) this.refuse(name);
  }

  /** Notes a field as ignored. */
  ignore(name: string): void {
    this.#read.add(name);
    this.#ignored.push(this.path + name);
  }

  /** Notes every field that was not asked for. */
  finish(): void {
    for (const name of this.#fields.keys()) if (!this.#read.has(name)) this.ignore(name);
  }

  /** An error at a field, or at the first line when it is absent. */
  invalid(name: string, what: string): AmaasError {
    return invalidConfig(this.#fields.get(name)?.[0]?.line ?? 1, `${this.path}${name} ${what}`);
  }

  #all(name: string): readonly TextValue[] {
    this.#read.add(name);
    return this.#fields.get(name) ?? [];
  }

  #single(name: string): TextValue | null {
    const [value, second] = this.#all(name);
    if (second !== undefined) throw invalidConfig(second.line, `${this.path}${name} is given more than once`);
    return value ?? null;
  }

  #toSection(name: string, value: TextValue, path: string): Section {
    if (value.kind !== 'message') throw this.#wrong(name, 'a message in braces', value);
    return new Section(value.fields, path, this.#ignored);
  }

  #toInteger(name: string, value: TextValue, least: number): number {
    if (value.kind !== 'number' || !Number.isSafeInteger(value.value) || value.value < least) {
      throw this.#wrong(name, `a whole number ≥ ${least}`, value);
    }
    return value.value;
  }

  #wrong(name: string, expected: string, value: TextValue): AmaasError {
    return invalidConfig(value.line, `${this.path}${name} must be ${expected}, got ${describeValue(value)}`);
  }
}

function describeValue(value: TextValue): string {
  switch (value.kind) {
    case 'message':
      return 'a message';
    case 'text':
      return JSON.stringify(value.text.slice(0, 40));
    case 'number':
      return String(value.value);
    case 'word':
      return value.word.slice(0, 40);
    default:
      return value satisfies never;
  }
}
