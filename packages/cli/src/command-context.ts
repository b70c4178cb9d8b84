// What every verb is given: the world outside (environment, folders, streams) and the options all verbs share.
import type { Readable } from 'node:stream';
import { type AmaasClient, createClient } from '@amaas/client';
import type { Command } from 'commander';
import { credentialsPath, type Environment, readCredential } from './credentials.ts';
import type { Streams, Terminal } from './terminal.ts';

/** The process as the command sees it. */
export interface World extends Streams {
  readonly environment: Environment;
  readonly cwd: string;
  readonly stdin: Readable;
}

export interface CommandContext {
  readonly world: World;
  readonly terminal: Terminal;
}

/** Options that every verb has. */
export interface SharedOptions {
  readonly url?: string;
  readonly apiKey?: string;
  readonly json?: true;
}

/** Wrong use of the command line: exit code 2. */
export class UsageError extends Error {}

/** A command that has told itself what failed: exit code 1. */
export class CommandFailed extends Error {}

/** Where a server is looked for that nothing names. */
export const DEFAULT_URL = 'http://127.0.0.1:8080';

/** Options of a verb together with the shared ones. */
export function optionsOf<Options extends object>(command: Command): Options & SharedOptions {
  return command.optsWithGlobals<Options & SharedOptions>();
}

/** Address of the server the options or the environment name, without a trailing slash. */
export function serverUrl({ world }: CommandContext, options: SharedOptions): string {
  return (options.url ?? (world.environment['AMAAS_URL'] || DEFAULT_URL)).replace(/\/+$/, '');
}

/** The server to talk to, and the key: flags, then environment, then the credentials file. */
export async function resolveServer(
  context: CommandContext,
  options: SharedOptions,
): Promise<{ readonly url: string; readonly apiKey: string | undefined }> {
  const { environment } = context.world;
  const url = serverUrl(context, options);
  const given = options.apiKey ?? (environment['AMAAS_API_KEY'] || undefined);
  return { url, apiKey: given ?? (await readCredential(credentialsPath(environment), url)) ?? undefined };
}

/** A client of the server the options name. */
export async function connect(context: CommandContext, options: SharedOptions): Promise<AmaasClient> {
  const { url, apiKey } = await resolveServer(context, options);
  // An empty key stands for none: without it the client would read the environment itself.
  return createClient({ url, apiKey: apiKey ?? '' });
}

/** Prints a result: as JSON where asked for, else as text. */
export function show(context: CommandContext, options: SharedOptions, result: unknown, text: () => string): void {
  context.terminal.print(options.json ? JSON.stringify(result, null, 2) : text());
}
