// JSON bytes to JsonValue by recursive descent, made for bodies that are mostly one big array of numbers: those are read
// straight into doubles, without text in between. Knows nothing of what the document means.
// An array is first taken for a rectangular nest of numbers; where it turns out otherwise, the finished children are
// kept, only the innermost open run of numbers is read again, so no byte is read more than twice.
import { AmaasError } from '@amaas/core';
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './characters.ts';
import { NumberArena } from './number-arena.ts';
import { NumberReader } from './numbers.ts';
import { JsonSource } from './source.ts';
import { StringReader } from './strings.ts';
import type { JsonArray, JsonObject, JsonValue } from './value.ts';

export interface ParseOptions {
  /** Most arrays and objects inside each other, 0 to 1000; default 64, the greatest rank of a tensor. */
  readonly maxDepth?: number;
  /** Whether bare `NaN`, `Infinity` and `-Infinity` count as numbers; default false, they are not JSON. */
  readonly allowNonFinite?: boolean;
  /** Whether anything may follow the document; default false. */
  readonly allowTrailing?: boolean;
  /** Whether an object may name a key twice (the last one counts); default false, readers disagree on what it means. */
  readonly allowDuplicateKeys?: boolean;
}

/**
 * Parses one JSON document in UTF-8.
 * @throws MALFORMED_REQUEST naming the byte, also for numbers beyond the range of a double and halves of surrogate pairs.
 */
export function parseJson(bytes: Uint8Array, options: ParseOptions = {}): JsonValue {
  const parser = new JsonParser(bytes, options);
  return parser.parseDocument(options.allowTrailing ?? false);
}

class JsonParser {
  readonly #source: JsonSource;
  readonly #strings: StringReader;
  readonly #arena = new NumberArena();
  readonly #numbers: NumberReader;
  readonly #maxDepth: number;
  readonly #allowDuplicateKeys: boolean;
  /** Shape of the array #parseArray has just left in the arena. */
  #shape: readonly number[] = [0];

  constructor(bytes: Uint8Array, options: ParseOptions) {
    this.#source = new JsonSource(bytes);
    this.#numbers = new NumberReader(this.#source, this.#arena, options.allowNonFinite ?? false);
    this.#strings = new StringReader(this.#source);
    this.#maxDepth = options.maxDepth ?? 64;
    this.#allowDuplicateKeys = options.allowDuplicateKeys ?? false;
  }

  parseDocument(allowTrailing: boolean): JsonValue {
    const source = this.#source;
    source.skipSpace();
    const value = this.#parseValue(1);
    if (!allowTrailing) {
      source.skipSpace();
      if (source.position < source.bytes.length) throw source.unexpected('the end of the document');
    }
    return value;
  }

  /** Reads the value at the position; `depth` is what an array or object there would have. */
  #parseValue(depth: number): JsonValue {
    const source = this.#source;
    const byte = source.bytes[source.position] ?? 0;
    if (byte === QUOTE) return this.#strings.read();
    if (byte === OPEN_BRACE) return this.#parseObject(depth);
    if (byte === OPEN_BRACKET) {
      const start = this.#arena.length;
      const array = this.#parseArray(depth);
      if (array !== undefined) return array;
      const packed = this.#arena.cut(start, this.#shape);
      this.#arena.truncate(start);
      return packed;
    }
    if (this.#numbers.canStart(byte)) return this.#numbers.readOne();
    if (source.takeWord('true')) return true;
    if (source.takeWord('false')) return false;
    if (source.takeWord('null')) return null;
    throw source.unexpected('a value');
  }

  #parseObject(depth: number): JsonObject {
    const source = this.#source;
    this.#enter(depth);
    const object = new Map<string, JsonValue>();
    let byte = source.skipSpace();
    if (byte !== CLOSE_BRACE) {
      for (;;) {
        if (byte !== QUOTE) throw source.unexpected(object.size === 0 ? 'a key or "}"' : 'a key');
        const keyAt = source.position;
        const key = this.#strings.read();
        if (source.skipSpace() !== COLON) throw source.unexpected('":" after a key');
        source.position++;
        source.skipSpace();
        const sizeBefore = object.size;
        object.set(key, this.#parseValue(depth + 1));
        if (object.size === sizeBefore && !this.#allowDuplicateKeys) {
          throw new AmaasError(
            'MALFORMED_REQUEST',
            `json: expected every key of an object once, got ${JSON.stringify(key.slice(0, 64))} again at byte ${keyAt}`,
          );
        }
        byte = source.skipSpace();
        if (byte === CLOSE_BRACE) break;
        if (byte !== COMMA) throw source.unexpected('"," or "}"');
        source.position++;
        byte = source.skipSpace();
      }
    }
    source.position++;
    return object;
  }

  /**
   * Reads the array at the position. Returns undefined for a non-empty rectangular nest of numbers: its numbers are then
   * the end of the arena, its shape is in #shape.
   */
  #parseArray(depth: number): JsonArray | undefined {
    const source = this.#source;
    this.#enter(depth);
    const byte = source.skipSpace();
    if (byte === CLOSE_BRACKET) {
      source.position++;
      return [];
    }
    if (byte === OPEN_BRACKET) return this.#parseNest(depth);
    if (this.#numbers.canStart(byte) && this.#readRun()) return undefined;
    return this.#parseItems(depth, []);
  }

  /** Reads children of an array as long as they are nests of one shape, from the first child's bracket on. */
  #parseNest(depth: number): JsonArray | undefined {
    const source = this.#source;
    const arena = this.#arena;
    const start = arena.length;
    let shape: readonly number[] = [];
    let children = 0;
    for (;;) {
      const childStart = arena.length;
      const child = this.#parseArray(depth + 1);
      if (child !== undefined) return this.#leaveNest(depth, { start, children, shape }, child);
      if (children === 0) shape = this.#shape;
      else if (!isSameShape(shape, this.#shape)) {
        const odd = arena.cut(childStart, this.#shape);
        return this.#leaveNest(depth, { start, children, shape }, odd);
      }
      children++;
      const byte = source.skipSpace();
      source.position++;
      if (byte === CLOSE_BRACKET) {
        this.#shape = [children, ...shape];
        return undefined;
      }
      if (byte !== COMMA) throw source.unexpected('"," or "]"', source.position - 1);
      if (source.skipSpace() !== OPEN_BRACKET) {
        return this.#parseItems(depth, this.#takeChildren({ start, children, shape }));
      }
    }
  }

  /** Goes on with an array whose child just read does not fit the ones before it. */
  #leaveNest(depth: number, nest: OpenNest, child: JsonValue): JsonArray {
    const items = this.#takeChildren(nest);
    items.push(child);
    return this.#closesArray() ? items : this.#parseItems(depth, items);
  }

  /** Takes an array's children out of the arena, each as a value of its own. */
  #takeChildren(nest: OpenNest): JsonValue[] {
    const { start, children, shape } = nest;
    const size = shape.reduce((product, dim) => product * dim, 1);
    const items: JsonValue[] = [];
    for (let child = 0; child < children; child++) items.push(this.#arena.cut(start + child * size, shape));
    this.#arena.truncate(start);
    return items;
  }

  /** Reads the rest of an array of anything, from an item on. */
  #parseItems(depth: number, items: JsonValue[]): JsonArray {
    for (;;) {
      items.push(this.#parseValue(depth + 1));
      if (this.#closesArray()) return items;
    }
  }

  /** Moves behind the `]` or `,` that must come next, and on to the next item. */
  #closesArray(): boolean {
    const source = this.#source;
    const byte = source.skipSpace();
    if (byte !== COMMA && byte !== CLOSE_BRACKET) throw source.unexpected('"," or "]"');
    source.position++;
    if (byte === CLOSE_BRACKET) return true;
    source.skipSpace();
    return false;
  }

  /** Reads an array's numbers up to the closing bracket into the arena; false, with nothing changed, when there is anything else. */
  #readRun(): boolean {
    const count = this.#numbers.readRun();
    if (count === 0) return false;
    // The same shape object for rows of the same length: nothing to allocate, and quick to compare.
    if (this.#shape.length !== 1 || this.#shape[0] !== count) this.#shape = [count];
    return true;
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) {
      throw new AmaasError(
        'MALFORMED_REQUEST',
        `json: expected at most ${this.#maxDepth} arrays and objects inside each other, got more at byte ${this.#source.position}`,
      );
    }
    this.#source.position++;
  }
}

/** An array's children in the arena: `children` nests of `shape` from `start` on. */
interface OpenNest {
  readonly start: number;
  readonly children: number;
  readonly shape: readonly number[];
}

function isSameShape(one: readonly number[], other: readonly number[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((dim, axis) => dim === other[axis]);
}
