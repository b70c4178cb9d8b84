// Walks over the bytes of a CSV file once and counts: records, cells a record, line ends, quotes that do not close.
// It gives no cells, that is DuckDB's part; it tells what DuckDB does not (true line numbers) and checks its row count.
import { isUtf8 } from 'node:buffer';

/** A record that has too few or too many cells. */
export interface RaggedLine {
  /** Where it starts, from 1, as editors count. */
  readonly line: number;
  readonly cells: number;
}

export interface CsvScan {
  /** Records with at least one character; header and skipped lines not counted. */
  readonly records: number;
  readonly shortRecords: number;
  readonly longRecords: number;
  /** Whether the first record is a short one. */
  readonly startsShort: boolean;
  /** Short records that follow one another, at most. */
  readonly longestShortRun: number;
  readonly longestRecordBytes: number;
  /** The first of both, at most {@link MAX_RAGGED_LINES}. */
  readonly raggedLines: readonly RaggedLine[];
  /** Where a quote opens that nothing closes. */
  readonly unclosedQuoteLine: number | undefined;
  /** Where text follows a closing quote. */
  readonly strayQuoteLine: number | undefined;
  readonly invalidUtf8Line: number | undefined;
  /** Whether records end in more than one way (LF, CRLF, CR). */
  readonly hasMixedLineEnds: boolean;
}

export interface CsvScanOptions {
  /** One ASCII character. */
  readonly separator: string;
  /** '' for none. */
  readonly quote: string;
  /** Cells a record should have. */
  readonly cellCount: number;
  /** Lines at the start that are no records. */
  readonly skipLines: number;
  readonly hasHeader: boolean;
  readonly encoding: 'utf-8' | 'utf-16' | 'latin-1';
}

export const MAX_RAGGED_LINES = 20;

const LF = 10;
const CR = 13;
const SPACE = 32;

/** Where in a record the walk stands. */
type Place = 'cell start' | 'plain' | 'quoted' | 'after quote';

/** Counts a file given chunk by chunk. */
export class CsvScanner {
  readonly #options: CsvScanOptions;
  readonly #separator: number;
  readonly #quote: number;
  readonly #utf16: TextDecoder | undefined;
  #utf8: TextDecoder | undefined;
  /** The last three bytes given: the longest beginning of a character. */
  #tail: Uint8Array = new Uint8Array(0);
  #isStart = true;
  #place: Place = 'cell start';
  #line = 1;
  #recordLine = 1;
  #quoteLine = 1;
  #cells = 1;
  /** Whether the record has no character yet. */
  #isBlank = true;
  /** Whether the cell has no character but blanks and quotes yet; and whether it has blanks before any quote. */
  #isCellEmpty = true;
  #hasBlanks = false;
  /** The last cell of the record that is not empty, from 1. */
  #lastFilledCell = 0;
  #linesToSkip: number;
  #isHeaderPending: boolean;
  /** A CR was read, and what follows tells whether it is half a CRLF; 'record' where it ended a record. */
  #pendingCr: 'none' | 'record' | 'quoted' = 'none';
  #records = 0;
  #shortRecords = 0;
  #longRecords = 0;
  #startsShort = false;
  #shortRun = 0;
  #longestShortRun = 0;
  #longestRecordBytes = 0;
  /** Bytes of all chunks before this one. */
  #offset = 0;
  #position = 0;
  #recordStart = 0;
  #strayQuoteLine: number | undefined;
  #invalidUtf8Line: number | undefined;
  readonly #raggedLines: RaggedLine[] = [];
  readonly #lineEnds = new Set<'lf' | 'crlf' | 'cr'>();

  constructor(options: CsvScanOptions) {
    this.#options = options;
    this.#separator = options.separator.charCodeAt(0);
    this.#quote = options.quote === '' ? -1 : options.quote.charCodeAt(0);
    this.#utf16 = options.encoding === 'utf-16' ? new TextDecoder('utf-16le') : undefined;
    this.#utf8 = options.encoding === 'utf-8' ? new TextDecoder('utf-8', { fatal: true }) : undefined;
    this.#linesToSkip = options.skipLines;
    this.#isHeaderPending = options.hasHeader;
  }

  /** Takes the next bytes of the contents. */
  add(chunk: Uint8Array): void {
    const bytes = this.#utf16 === undefined ? chunk : Buffer.from(this.#utf16.decode(chunk, { stream: true }));
    if (this.#utf8 !== undefined) this.#checkUtf8(bytes);
    const hasMark = this.#isStart && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    this.#isStart = false;
    for (let i = hasMark ? 3 : 0; i < bytes.length; i++) {
      this.#position = this.#offset + i;
      this.#step(bytes[i] ?? 0);
    }
    this.#offset += bytes.length;
  }

  /** To be called once, after the last bytes. */
  finish(): CsvScan {
    this.#settleCr(-1);
    if (this.#utf8 !== undefined) this.#checkUtf8(new Uint8Array(0), { isLast: true });
    const unclosedQuoteLine = this.#place === 'quoted' ? this.#quoteLine : undefined;
    if (!this.#isBlank && this.#linesToSkip === 0) this.#endRecord();
    return {
      records: this.#records,
      shortRecords: this.#shortRecords,
      longRecords: this.#longRecords,
      startsShort: this.#startsShort,
      longestShortRun: this.#longestShortRun,
      longestRecordBytes: this.#longestRecordBytes,
      raggedLines: this.#raggedLines,
      unclosedQuoteLine,
      strayQuoteLine: this.#strayQuoteLine,
      invalidUtf8Line: this.#invalidUtf8Line,
      hasMixedLineEnds: this.#lineEnds.size > 1,
    };
  }

  #step(byte: number): void {
    if (this.#pendingCr !== 'none' && this.#settleCr(byte)) return;
    if (this.#linesToSkip > 0) {
      if (byte === LF || byte === CR) this.#endLine(byte);
      return;
    }
    if (this.#place === 'quoted') {
      if (byte === this.#quote) {
        this.#place = 'after quote';
        return;
      }
      this.#isCellEmpty = false;
      if (byte === LF) this.#line++;
      else if (byte === CR) this.#pendingCr = 'quoted';
      return;
    }
    if (byte === LF || byte === CR) {
      this.#endLine(byte);
    } else if (byte === this.#separator) {
      this.#endCell();
      this.#cells++;
      this.#isBlank = false;
      this.#place = 'cell start';
    } else if (this.#place !== 'plain') {
      this.#isBlank = false;
      this.#stepAtQuote(byte);
    }
  }

  /** At the start of a cell or after a quote that may close one. */
  #stepAtQuote(byte: number): void {
    const opens = byte === this.#quote && this.#place === 'cell start';
    if (!opens && byte !== SPACE) this.#isCellEmpty = false;
    if (byte === SPACE && this.#place === 'cell start') this.#hasBlanks = true;
    if (this.#place === 'after quote') {
      if (byte === this.#quote) this.#place = 'quoted';
      else if (byte !== SPACE) {
        this.#strayQuoteLine ??= this.#line;
        this.#place = 'plain';
      }
    } else if (byte === this.#quote) {
      this.#place = 'quoted';
      this.#quoteLine = this.#line;
    } else if (byte !== SPACE) this.#place = 'plain';
  }

  /** Whether the byte after a CR was the LF that belongs to it. */
  #settleCr(byte: number): boolean {
    const pending = this.#pendingCr;
    this.#pendingCr = 'none';
    if (pending === 'none') return false;
    this.#line++;
    if (pending === 'record') {
      this.#recordLine = this.#line;
      this.#lineEnds.add(byte === LF ? 'crlf' : 'cr');
    }
    return byte === LF;
  }

  #endLine(byte: typeof LF | typeof CR): void {
    if (this.#linesToSkip > 0) this.#linesToSkip--;
    else if (!this.#isBlank) this.#endRecord();
    this.#place = 'cell start';
    if (byte === CR) {
      this.#pendingCr = 'record';
      return;
    }
    this.#lineEnds.add('lf');
    this.#line++;
    this.#recordLine = this.#line;
  }

  #endCell(): void {
    // Blanks alone are contents to DuckDB, blanks around quotes are not.
    if (!this.#isCellEmpty || (this.#hasBlanks && this.#place === 'cell start')) this.#lastFilledCell = this.#cells;
    this.#isCellEmpty = true;
    this.#hasBlanks = false;
  }

  #endRecord(): void {
    const { cellCount } = this.#options;
    this.#endCell();
    // DuckDB overlooks empty cells too many at the end, and so must this count.
    const cells = this.#lastFilledCell <= cellCount ? Math.min(this.#cells, cellCount) : this.#cells;
    this.#lastFilledCell = 0;
    this.#longestRecordBytes = Math.max(this.#longestRecordBytes, this.#position - this.#recordStart);
    this.#recordStart = this.#position;
    this.#cells = 1;
    this.#isBlank = true;
    if (this.#isHeaderPending) {
      this.#isHeaderPending = false;
      return;
    }
    this.#records++;
    const isShort = cells < cellCount;
    this.#shortRun = isShort ? this.#shortRun + 1 : 0;
    this.#longestShortRun = Math.max(this.#longestShortRun, this.#shortRun);
    if (cells === cellCount) return;
    if (isShort) this.#shortRecords++;
    else this.#longRecords++;
    if (isShort && this.#records === 1) this.#startsShort = true;
    if (this.#raggedLines.length < MAX_RAGGED_LINES) this.#raggedLines.push({ line: this.#recordLine, cells });
  }

  #checkUtf8(bytes: Uint8Array, { isLast } = { isLast: false }): void {
    try {
      this.#utf8?.decode(bytes, { stream: !isLast });
      this.#tail = Buffer.concat([this.#tail, bytes.subarray(-3)]).subarray(-3);
    } catch {
      this.#utf8 = undefined; // one line is enough
      // The character may have begun in the chunk before.
      const linesInTail = this.#tail.filter((byte) => byte === LF).length;
      this.#invalidUtf8Line = this.#line - linesInTail + findInvalidLine(Buffer.concat([this.#tail, bytes]));
    }
  }
}

/** Lines before the first that is no UTF-8; the first may start within a character, which is not held against it. */
function findInvalidLine(bytes: Uint8Array): number {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  for (let lines = 0; ; lines++) {
    const end = bytes.indexOf(LF, start);
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return lines;
    start = end + 1;
  }
}
