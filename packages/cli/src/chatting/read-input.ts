// What a user types at the prompt: lines, and texts of several lines between """.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export type Input =
  | { readonly kind: 'text'; readonly text: string }
  /** Ctrl-C. */
  | { readonly kind: 'interrupted' }
  /** Ctrl-D, or the end of the stream. */
  | { readonly kind: 'end' };

/** Gives the next line a user types behind a prompt. */
export type ReadLine = (prompt: string) => Promise<Input>;

const FENCE = '"""';

/** The next thing a user says: a line, or all between """ and """. */
export async function readInput(readLine: ReadLine): Promise<Input> {
  const first = await readLine('> ');
  if (first.kind !== 'text' || !first.text.trimStart().startsWith(FENCE)) return first;
  const lines: string[] = [];
  let rest = first.text.trimStart().slice(FENCE.length);
  for (;;) {
    const end = rest.indexOf(FENCE);
    if (end !== -1) {
      lines.push(rest.slice(0, end));
      return { kind: 'text', text: lines.join('\n').replace(/^\n/, '') };
    }
    lines.push(rest);
    const next = await readLine('… ');
    if (next.kind !== 'text') return next;
    rest = next.text;
  }
}

/**
 * Reads lines at a terminal, with editing and history. Between lines the terminal is as it was before, so that Ctrl-C is a
 * signal again; what was typed or pasted ahead is kept for the next line.
 */
export class TerminalLines {
  readonly #stdin: Readable;
  readonly #stdout: NodeJS.WritableStream;
  readonly #ahead: string[] = [];
  #history: string[] = [];

  constructor(stdin: Readable, stdout: NodeJS.WritableStream) {
    this.#stdin = stdin;
    this.#stdout = stdout;
  }

  read(prompt: string): Promise<Input> {
    const ahead = this.#ahead.shift();
    if (ahead !== undefined) {
      this.#stdout.write(`${prompt}${ahead}\n`);
      return Promise.resolve({ kind: 'text', text: ahead });
    }
    return new Promise((resolve) => {
      const lines = createInterface({
        input: this.#stdin,
        output: this.#stdout,
        terminal: true,
        prompt,
        history: this.#history,
      });
      let answer: Input | null = null;
      lines.on('history', (history: string[]) => {
        this.#history = history;
      });
      lines.on('line', (text) => {
        if (answer !== null) {
          this.#ahead.push(text); // pasted together
          return;
        }
        answer = { kind: 'text', text };
        setImmediate(() => lines.close());
      });
      lines.on('SIGINT', () => {
        answer ??= { kind: 'interrupted' };
        lines.close();
      });
      lines.on('close', () => {
        if (answer?.kind !== 'text') this.#stdout.write('\n');
        resolve(answer ?? { kind: 'end' });
      });
      lines.prompt();
    });
  }
}
