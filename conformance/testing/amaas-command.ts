// The `amaas` command as a user runs it: the launcher in a process of its own, in a home of its own. Everything it ever
// said is kept, so that a test can look for what should not have been said.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const LAUNCHER = resolve(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'amaas.mjs');

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A server started by `amaas serve`. */
export interface ServedAmaas {
  readonly url: string;
  /** Everything on standard output up to the end of the banner. */
  readonly banner: string;
  /** Everything on standard error so far. */
  readonly log: () => string;
  /** Ends it as Ctrl-C does; gives its exit code. */
  readonly stop: () => Promise<number | null>;
}

/** A user's machine: a working folder, a credentials file, nothing of the environment the tests run in. */
export class AmaasHome {
  readonly folder: string;
  readonly credentialsFile: string;
  /** Of every command so far: its line and all it wrote. */
  readonly transcript: string[] = [];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #running = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();

  private constructor(folder: string) {
    this.folder = folder;
    this.credentialsFile = join(folder, 'credentials.json');
    const inherited = Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(AMAAS_|npm_|NODE_OPTIONS$|NODE_TEST_)/.test(entry[0]),
    );
    this.#environment = {
      ...Object.fromEntries(inherited),
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, '.config'),
      AMAAS_CREDENTIALS_FILE: this.credentialsFile,
    };
  }

  static async create(): Promise<AmaasHome> {
    return new AmaasHome(await mkdtemp(join(tmpdir(), 'amaas-home-')));
  }

  /** Ends what still runs and removes the folder. */
  async dispose(): Promise<void> {
    for (const child of this.#running) {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Runs one command line to its end. */
  async run(argv: readonly string[], { stdin = '', environment = {} }: RunOptions = {}): Promise<CommandResult> {
    const child = this.#spawn(argv, environment);
    const output = collect(child);
    child.stdin.on('error', () => {}); // a command that does not read may be gone before it is written to
    child.stdin.end(stdin);
    const [code] = (await once(child, 'close')) as [number | null]; // the first argument of 'close'
    this.transcript.push(`$ amaas ${argv.join(' ')}\n${output.stdout}${output.stderr}`);
    return { code, stdout: output.stdout, stderr: output.stderr };
  }

  /** Starts `amaas serve` on a free port and waits until it says that it is ready; fails when it ends before. */
  async serve(flags: readonly string[] = []): Promise<ServedAmaas> {
    const argv = ['serve', '--port', '0', ...flags];
    const child = this.#spawn(argv, {});
    child.stdin.end();
    const output = collect(child);
    const isReady = flags.includes('--json') ? /\n/ : /Ctrl-C ends it\.\n/;
    while (!isReady.test(output.stdout)) {
      await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
      if (child.exitCode !== null) throw new Error(`amaas serve ended: ${output.stderr}`);
    }
    const banner = output.stdout;
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(banner)?.[0] ?? '';
    return {
      url,
      banner,
      log: () => output.stderr,
      stop: async () => {
        const closed = once(child, 'close');
        child.kill('SIGINT');
        const [code] = (await closed) as [number | null]; // the first argument of 'close'
        this.transcript.push(`$ amaas ${argv.join(' ')}\n${output.stdout.slice(banner.length)}${output.stderr}`);
        return code;
      },
    };
  }

  #spawn(
    argv: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): ChildProcessByStdio<Writable, Readable, Readable> {
    const child = spawn(process.execPath, [LAUNCHER, ...argv], {
      cwd: this.folder,
      env: { ...this.#environment, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    child.once('close', () => this.#running.delete(child));
    return child;
  }
}

function collect(child: ChildProcessByStdio<Writable, Readable, Readable>): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return output;
}

/** Fails unless the command succeeded without a word of complaint; gives what it printed. */
export function assertDone(result: CommandResult): string {
  assert.deepEqual([result.code, result.stderr], [0, ''], result.stdout);
  return result.stdout;
}

/** Fails unless the command ended with `code`, saying so on standard error only. */
export function assertFailed(result: CommandResult, code: 1 | 2, message: RegExp): void {
  assert.equal(result.code, code, `${result.stdout}${result.stderr}`);
  assert.equal(result.stdout, '');
  assert.match(result.stderr, message);
}

/** What a command printed as JSON. */
export function parseJson(result: CommandResult): unknown {
  assert.equal(result.stderr, '', 'nothing but the JSON');
  try {
    return JSON.parse(result.stdout);
  } catch {
    throw new Error(`not JSON: ${result.stdout.slice(0, 500)}`);
  }
}
