// Turns pino's JSON lines into one-liners for people at a terminal.

/** Where finished log lines go. */
export interface LogDestination {
  write(line: string): void;
}

/** Written elsewhere on the line, or not for people. */
const HIDDEN = new Set(['level', 'time', 'msg', 'err']);

/** A destination that makes lines readable and passes them on. */
export function createPrettyDestination(next: LogDestination): LogDestination {
  return { write: (line) => next.write(prettyLine(line)) };
}

/** `12:03:04.120 INFO  model loaded model=iris version=1`, an error's stack on the lines below. */
export function prettyLine(line: string): string {
  const record = parseRecord(line);
  if (record === undefined) return `${printable(line.trimEnd())}\n`;
  const time = String(record['time'] ?? '').slice(11, 23);
  const level = String(record['level'] ?? '')
    .toUpperCase()
    .padEnd(5);
  const fields = Object.entries(record)
    .filter(([name]) => !HIDDEN.has(name))
    .map(([name, value]) => ` ${printable(name)}=${showValue(value)}`);
  return `${time} ${level} ${printable(String(record['msg'] ?? ''))}${fields.join('')}${showError(record['err'])}\n`;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    // The only objects pino writes are records; arrays and null are ruled out.
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // not one of pino's lines: shown as it is
  }
  return undefined;
}

function showValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value)
    ? printable(value)
    : printable(JSON.stringify(value) ?? '');
}

function showError(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('stack' in error)) return '';
  return `\n${String(error.stack)
    .split('\n')
    .map((line) => `    ${printable(line)}`)
    .join('\n')}`;
}

/** Text from callers must not steer the terminal: control characters are shown, not sent. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
