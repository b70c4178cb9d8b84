// A value inside a tokenizer.json together with its path, so that every refusal says where the file is wrong, what was
// expected there and what came. Knows no tokenizers.
import { AmaasError } from '@amaas/core';

/** Characters of a value that a message shows. */
const SHOWN_CHARACTERS = 60;

/** One value of a parsed JSON document. */
export class JsonNode {
  readonly value: unknown;
  /** Such as `model.merges[12]`; empty for the document itself. */
  readonly path: string;

  constructor(value: unknown, path: string) {
    this.value = value;
    this.path = path;
  }

  /** Whether the value is null or not there at all; the format treats both alike. */
  get isAbsent(): boolean {
    return this.value === null || this.value === undefined;
  }

  /** A field of this object; absent fields are nodes too. */
  at(name: string): JsonNode {
    const record = this.#record();
    const path = /^\w+$/.test(name) ? name : `[${JSON.stringify(name)}]`;
    return new JsonNode(
      Object.hasOwn(record, name) ? record[name] : undefined,
      this.path === '' ? path : path.startsWith('[') ? `${this.path}${path}` : `${this.path}.${path}`,
    );
  }

  entries(): [name: string, node: JsonNode][] {
    return Object.entries(this.#record()).map(([name, value]) => [
      name,
      new JsonNode(value, `${this.path}[${JSON.stringify(name)}]`),
    ]);
  }

  list(): JsonNode[] {
    if (!Array.isArray(this.value)) throw this.refuse('a list');
    return this.value.map((value: unknown, index) => new JsonNode(value, `${this.path}[${index}]`));
  }

  text(): string {
    if (typeof this.value !== 'string') throw this.refuse('a text');
    return this.value;
  }

  /** A single character (code point). */
  character(): string {
    const text = this.text();
    if ([...text].length !== 1) throw this.refuse('a single character');
    return text;
  }

  boolean(fallback?: boolean): boolean {
    if (this.isAbsent && fallback !== undefined) return fallback;
    if (typeof this.value !== 'boolean') throw this.refuse('true or false');
    return this.value;
  }

  finite(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value)) throw this.refuse('a finite number');
    return this.value;
  }

  /** A whole number from 0, or from `least`, to 2^31 − 1. */
  whole(least = 0): number {
    const { value } = this;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value >= 2 ** 31) {
      throw this.refuse(`a whole number from ${least} to 2147483647`);
    }
    return value;
  }

  oneOf<T extends string>(allowed: readonly T[], fallback?: T): T {
    if (this.isAbsent && fallback !== undefined) return fallback;
    const found = allowed.find((word) => word === this.value);
    if (found === undefined) throw this.refuse(`one of ${allowed.map((word) => `"${word}"`).join(', ')}`);
    return found;
  }

  /** The error of a value that is not what it should be. */
  refuse(expected: string): AmaasError {
    return new AmaasError(
      'INVALID_MODEL',
      `tokenizer.json: ${this.path === '' ? 'the document' : this.path} expects ${expected}, got ${describe(this.value)}`,
    );
  }

  #record(): Readonly<Record<string, unknown>> {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.refuse('an object');
    return value as Readonly<Record<string, unknown>>; // an object of parsed JSON that is neither null nor a list
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS)}…` : shown;
}
