// Arithmetic on rows of float32 tables, four numbers at a time, in WebAssembly: typed arrays get one at a time from
// JavaScript. Measured: a step of word2vec takes half as long as with such loops. Results are the same on every machine.
// The module is written out below, instruction by instruction; rows are padded with zeros to multiples of four.
// Source: WebAssembly specification 2.0, binary format (sections 5.4 and 5.5).
import { AmaasError } from '@amaas/core';

/** Instructions of the functions below, all of whose addresses and lengths are in bytes. */
interface RowFunctions {
  /** Σ a·b */
  dot(a: number, b: number, bytes: number): number;
  /** to += factor · from */
  addScaled(to: number, from: number, bytes: number, factor: number): void;
  /** error += slope · row, then row += move · hidden, with the row as it was */
  exchange(hidden: number, error: number, row: number, bytes: number, slope: number, move: number): void;
  /**
   * A step of AdaGrad on two rows whose gradients are slope · the other: row −= rate · gradient / √squares, then
   * squares += gradient².
   */
  adagrad(a: number, b: number, aSquares: number, bSquares: number, bytes: number, slope: number, rate: number): void;
}

/** A table of rows within the memory. */
export interface RowTable {
  /** Address of the first row. */
  readonly start: number;
  /** Bytes from row to row. */
  readonly rowBytes: number;
  readonly rows: number;
  readonly dimensions: number;
}

const LANES = 4;
const PAGE_BYTES = 65_536;
const MOST_PAGES = 65_536;

/** Memory with tables by name, all zeros at first, and the functions on their rows. */
export class RowMath<Name extends string> {
  readonly functions: RowFunctions;
  readonly tables: Readonly<Record<Name, RowTable>>;
  readonly #numbers: Float32Array;

  /** @throws INVALID_ARGUMENT when the tables need more than 4 GB. */
  constructor(rowsByTable: Readonly<Record<Name, number>>, dimensions: number) {
    const rowBytes = 4 * LANES * Math.ceil(dimensions / LANES);
    let bytes = 0;
    const tables = Object.entries<number>(rowsByTable).map(([name, rows]) => {
      const start = bytes;
      bytes += rows * rowBytes;
      return [name, { start, rowBytes, rows, dimensions }];
    });
    this.tables = Object.fromEntries(tables); // the names given, which are the programmer's
    const pages = Math.ceil(bytes / PAGE_BYTES);
    if (pages > MOST_PAGES) {
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `word vectors: the tables need ${Math.ceil(bytes / 2 ** 20)} MB, at most 4096 can be had; ` +
          'take fewer words, dimensions or buckets',
      );
    }
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.#numbers = new Float32Array(memory.buffer);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()), { m: { m: memory } });
    // The module below exports exactly these.
    this.functions = instance.exports as unknown as RowFunctions;
  }

  /** The row itself, without padding: writing changes it. */
  row({ start, rowBytes, dimensions }: RowTable, row: number): Float32Array {
    const at = (start + row * rowBytes) / 4;
    return this.#numbers.subarray(at, at + dimensions);
  }

  /** Rows from … to − 1 as [rows, dimensions]. @returns a copy */
  copy(table: RowTable, from = 0, to = table.rows): Float32Array {
    const copied = new Float32Array((to - from) * table.dimensions);
    for (let row = from; row < to; row++) copied.set(this.row(table, row), (row - from) * table.dimensions);
    return copied;
  }

  /** Sets every number, padding too, which is divided by and must not be 0 then. */
  fillAll({ start, rowBytes, rows }: RowTable, value: number): void {
    this.#numbers.fill(value, start / 4, (start + rows * rowBytes) / 4);
  }

  /** Sets every number of the rows, padding left at 0. */
  fill(table: RowTable, next: () => number): void {
    for (let row = 0; row < table.rows; row++) {
      const numbers = this.row(table, row);
      for (let d = 0; d < numbers.length; d++) numbers[d] = next();
    }
  }
}

const [I32, F32, V128] = [0x7f, 0x7d, 0x7b];

const get = (local: number): readonly number[] => [0x20, local];
const set = (local: number): readonly number[] => [0x21, local];
const tee = (local: number): readonly number[] => [0x22, local];
const SIMD = 0xfd;
const LOAD = [SIMD, 0x00, 4, 0];
const STORE = [SIMD, 0x0b, 4, 0];
const SPLAT = [SIMD, 0x13];
const SQRT = [SIMD, 0xe3, 0x01];
const ADD = [SIMD, 0xe4, 0x01];
const SUBTRACT = [SIMD, 0xe5, 0x01];
const MULTIPLY = [SIMD, 0xe6, 0x01];
const DIVIDE = [SIMD, 0xe7, 0x01];
const ADD_F32 = 0x92;
const ADD_I32 = 0x6a;

interface FunctionCode {
  readonly name: keyof RowFunctions;
  readonly parameters: readonly number[];
  readonly result: readonly number[];
  readonly locals: readonly number[];
  readonly code: readonly number[];
}

/** For each sixteen bytes from the last to the first; `at` then holds how far they lie from a row's beginning. */
function forEachFour(bytes: number, at: number, body: readonly number[]): readonly number[] {
  const LOOP = [0x03, 0x40];
  const STEP = [0x41, 0x70, ADD_I32]; // − 16
  const AGAIN = [...get(at), 0x0d, 0, 0x0b]; // while not 0
  return [...get(bytes), ...set(at), ...LOOP, ...get(at), ...STEP, ...set(at), ...body, ...AGAIN];
}

const address = (row: number, at: number): readonly number[] => [...get(row), ...get(at), ADD_I32];
const load = (row: number, at: number): readonly number[] => [...address(row, at), ...LOAD];
const splat = (from: number, to: number): readonly number[] => [...get(from), ...SPLAT, ...set(to)];

function functionCodes(): readonly FunctionCode[] {
  const lane = (vector: number, k: number): readonly number[] => [...get(vector), SIMD, 0x1f, k];
  return [
    {
      name: 'dot', // a 0, b 1, bytes 2; at 3, sum 4
      parameters: [I32, I32, I32],
      result: [F32],
      locals: [I32, V128],
      code: [
        ...forEachFour(2, 3, [...get(4), ...load(0, 3), ...load(1, 3), ...MULTIPLY, ...ADD, ...set(4)]),
        ...[...lane(4, 0), ...lane(4, 1), ADD_F32, ...lane(4, 2), ...lane(4, 3), ADD_F32, ADD_F32],
      ],
    },
    {
      name: 'addScaled', // to 0, from 1, bytes 2, factor 3; at 4, factors 5
      parameters: [I32, I32, I32, F32],
      result: [],
      locals: [I32, V128],
      code: [
        ...splat(3, 5),
        ...forEachFour(2, 4, [
          ...[...address(0, 4), ...load(0, 4), ...load(1, 4), ...get(5), ...MULTIPLY, ...ADD, ...STORE],
        ]),
      ],
    },
    {
      name: 'exchange', // hidden 0, error 1, row 2, bytes 3, slope 4, move 5; at 6, slopes 7, moves 8, row's four 9
      parameters: [I32, I32, I32, I32, F32, F32],
      result: [],
      locals: [I32, V128, V128, V128],
      code: [
        ...splat(4, 7),
        ...splat(5, 8),
        ...forEachFour(3, 6, [
          ...[...address(1, 6), ...load(1, 6), ...load(2, 6), ...tee(9), ...get(7), ...MULTIPLY, ...ADD, ...STORE],
          ...[...address(2, 6), ...get(9), ...load(0, 6), ...get(8), ...MULTIPLY, ...ADD, ...STORE],
        ]),
      ],
    },
    {
      // a 0, b 1, aSquares 2, bSquares 3, bytes 4, slope 5, rate 6; at 7, slopes 8, rates 9, a's and b's gradients 10, 11
      name: 'adagrad',
      parameters: [I32, I32, I32, I32, I32, F32, F32],
      result: [],
      locals: [I32, V128, V128, V128, V128],
      code: [
        ...splat(5, 8),
        ...splat(6, 9),
        ...forEachFour(4, 7, [
          ...[...load(1, 7), ...get(8), ...MULTIPLY, ...set(10)],
          ...[...load(0, 7), ...get(8), ...MULTIPLY, ...set(11)],
          ...[...descend(0, 2, 10), ...descend(1, 3, 11)],
        ]),
      ],
    },
  ];
}

/** One row's part of {@link RowFunctions.adagrad}. */
function descend(row: number, squares: number, gradient: number): readonly number[] {
  const [at, rates] = [7, 9];
  return [
    ...[...address(row, at), ...load(row, at)],
    ...[...get(gradient), ...get(rates), ...MULTIPLY, ...load(squares, at), ...SQRT, ...DIVIDE, ...SUBTRACT, ...STORE],
    ...[...address(squares, at), ...load(squares, at)],
    ...[...get(gradient), ...get(gradient), ...MULTIPLY, ...ADD, ...STORE],
  ];
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const codes = functionCodes();
  const list = (items: readonly (readonly number[])[]): readonly number[] => [items.length, ...items.flat()];
  const sized = (bytes: readonly number[]): readonly number[] => [...unsigned(bytes.length), ...bytes];
  const section = (id: number, items: readonly (readonly number[])[]): readonly number[] => [id, ...sized(list(items))];
  const text = (name: string): readonly number[] => sized([...new TextEncoder().encode(name)]);
  const END = 0x0b;
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      codes.map(({ parameters, result }) => [0x60, ...sized(parameters), ...sized(result)]),
    ),
    ...section(2, [[...text('m'), ...text('m'), 2, 0, 1]]), // a memory of one page or more
    ...section(
      3,
      codes.map((_, index) => [index]),
    ),
    ...section(
      7,
      codes.map(({ name }, index) => [...text(name), 0, index]),
    ),
    ...section(
      10,
      codes.map(({ locals, code }) => sized([...list(locals.map((type) => [1, type])), ...code, END])),
    ),
  ]);
}

/** LEB128 */
function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
