// The credentials file: which API key belongs to which server address. `serve` writes the local admin's key into it, the
// other verbs read it. Mode 0600; it never goes anywhere else.
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { AmaasError } from '@amaas/core';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Path of the file: AMAAS_CREDENTIALS_FILE, else `amaas/credentials.json` where the user's configuration lives. */
export function credentialsPath(environment: Environment): string {
  const named = environment['AMAAS_CREDENTIALS_FILE'];
  if (named !== undefined && named !== '') return named;
  const base = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config');
  return join(base, 'amaas', 'credentials.json');
}

/**
 * The key kept for a server address, or null. Loopback addresses with the same port are one server.
 * @throws FORBIDDEN when others can read the file; INVALID_CONFIG when it cannot be read as credentials
 */
export async function readCredential(path: string, url: string): Promise<string | null> {
  const keys = await readFileOrEmpty(path);
  return keys.get(url) ?? [...keys].find(([kept]) => isSameServer(kept, url))?.[1] ?? null;
}

/** Keeps a key for a server address, beside those of others. @throws as {@link readCredential} */
export async function writeCredential(path: string, url: string, key: string): Promise<void> {
  const keys = new Map([...(await readFileOrEmpty(path))].filter(([kept]) => !isSameServer(kept, url)));
  keys.set(url, key);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // Written beside and renamed, so that a reader never sees half a file, and never one others can read.
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(Object.fromEntries(keys), null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

async function readFileOrEmpty(path: string): Promise<ReadonlyMap<string, string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return new Map();
    throw new AmaasError('INVALID_CONFIG', `credentials: ${path} cannot be read`, { cause: thrown });
  }
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) {
    throw new AmaasError('FORBIDDEN', `credentials: ${path} can be read by others; run: chmod 600 ${path}`);
  }
  const keys = new Map<string, string>();
  for (const [url, key] of Object.entries(parseObject(path, text))) {
    if (typeof key !== 'string') throw malformed(path);
    keys.set(url, key);
  }
  return keys;
}

function parseObject(path: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Not JSON: told like any other wrong content, without showing it.
  }
  throw malformed(path);
}

function malformed(path: string): AmaasError {
  return new AmaasError('INVALID_CONFIG', `credentials: ${path} must hold a JSON object of keys by server address`);
}

/** Names this machine has for itself; a server that listens on all addresses (0.0.0.0, ::) is reached by any of them. */
const LOOPBACK_HOST = /^(localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0|\[::\])$/;

/** Whether two addresses lead to one server: loopback addresses with the same port do. */
export function isSameServer(left: string, right: string): boolean {
  if (left === right) return true;
  if (!URL.canParse(left) || !URL.canParse(right)) return false;
  const [a, b] = [new URL(left), new URL(right)];
  return (
    LOOPBACK_HOST.test(a.hostname) &&
    LOOPBACK_HOST.test(b.hostname) &&
    a.protocol === b.protocol &&
    a.port === b.port &&
    a.pathname === b.pathname
  );
}
