// What the commands show: text on stdout, progress and complaints on stderr. Progress is drawn on a terminal only.

export interface Terminal {
  /** Writes one or more lines to stdout. */
  print(text: string): void;
  /** Writes one or more lines to stderr, above any progress line. */
  note(text: string): void;
  /** Draws or replaces the progress line; nothing where stderr is no terminal. */
  progress(text: string): void;
  /** Removes the progress line. */
  clearProgress(): void;
}

interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

const CLEAR_LINE = '\r\u001b[2K';

export function createTerminal({ stdout, stderr }: Streams): Terminal {
  let shown = false;
  const clearProgress = () => {
    if (shown) stderr.write(CLEAR_LINE);
    shown = false;
  };
  return {
    print(text) {
      clearProgress();
      stdout.write(`${text}\n`);
    },
    note(text) {
      clearProgress();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      if (stderr.isTTY !== true) return;
      stderr.write(CLEAR_LINE + text.slice(0, (stderr.columns ?? 80) - 1));
      shown = true;
    },
    clearProgress,
  };
}

const BAR_WIDTH = 28;

/** A progress bar: `upload  ███████░░░░░  41%  12.3 MB of 30.0 MB`. */
export function progressBar(label: string, done: number, total: number, amount: string): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR_WIDTH);
  return `${label}  ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${String(Math.floor(share * 100)).padStart(3)}%  ${amount}`;
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const SPINNER_PERIOD_MS = 100;

/** Shows that `work` is under way, with the seconds it has taken, until it settles. */
export async function withSpinner<Result>(terminal: Terminal, label: string, work: Promise<Result>): Promise<Result> {
  const startMs = performance.now();
  const draw = () => {
    const elapsedMs = performance.now() - startMs;
    const frame = SPINNER[Math.floor(elapsedMs / SPINNER_PERIOD_MS) % SPINNER.length] ?? '';
    terminal.progress(`${frame} ${label} ${Math.floor(elapsedMs / 1000)} s`);
  };
  const timer = setInterval(draw, SPINNER_PERIOD_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    terminal.clearProgress();
  }
}

/** Lines up cells in columns, two spaces apart; the header row is followed by the rows. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => displayWidth(line[column] ?? ''))));
  const render = (line: readonly string[]) =>
    line
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)))
      .join('  ')
      .trimEnd();
  return lines.map(render).join('\n');
}

/** Label and value, one pair per line, values lined up. */
export function pairs(entries: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...entries.map(([label]) => displayWidth(label)));
  return entries.map(([label, value]) => `${label}${' '.repeat(width - displayWidth(label))}  ${value}`).join('\n');
}

function displayWidth(text: string): number {
  return [...text].length;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes in powers of 1000, three digits: `26.5 kB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** A duration with three digits: `0.42 ms`, `12.5 ms`, `3.20 s`. */
export function formatMs(durationMs: number): string {
  const seconds = durationMs >= 999.5;
  const value = seconds ? durationMs / 1000 : durationMs;
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3;
  return `${value.toFixed(digits)} ${seconds ? 's' : 'ms'}`;
}
