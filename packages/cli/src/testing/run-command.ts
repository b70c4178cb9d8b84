// Runs one command line in this process, with streams and an environment of its own, and returns what it wrote.
import { Readable } from 'node:stream';
import { main } from '../main.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
}

/** The credentials file of the machine is never looked at. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const written = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const code = await main(argv, {
    environment: { AMAAS_CREDENTIALS_FILE: '/nonexistent/credentials.json', ...options.environment },
    cwd: options.cwd ?? process.cwd(),
    stdin: Readable.from(options.stdin === undefined ? [] : [options.stdin]),
    stdout: into('stdout'),
    stderr: into('stderr'),
  });
  return { code, ...written };
}
