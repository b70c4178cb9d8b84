// `amaas keys`: API keys of a running server, and a new admin key when the old one is lost.
import type { CreateKeyRequest, Key } from '@amaas/client';
import { type Command, Option } from 'commander';
import {
  type CommandContext,
  connect,
  optionsOf,
  type SharedOptions,
  serverUrl,
  show,
  UsageError,
} from '../command-context.ts';
import { credentialsPath, readCredential, writeCredential } from '../credentials.ts';
import { importServer } from '../server-module.ts';
import { addDataDirOption, existingDataDir, type OfflineOptions } from '../offline.ts';
import { pairs, table } from '../terminal.ts';

export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .description('make, list and end API keys')
    .addHelpText('after', '\nExample:\n  $ amaas keys create phone-app --scope infer --model "resnet*" --expires 90d');
  registerList(keys, context);
  registerCreate(keys, context);
  registerRevoke(keys, context);
  registerResetAdmin(keys, context);
}

function registerList(keys: Command, context: CommandContext): void {
  keys
    .command('list')
    .description('every key, revoked ones too; never the secrets')
    .addHelpText('after', '\nExample:\n  $ amaas keys list')
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf(command);
      const list = await (await connect(context, options)).keys.list();
      show(context, options, { keys: list }, () => keyListText(list));
    });
}

function keyListText(list: readonly Key[]): string {
  const rows = list.map((key) => [
    key.id,
    key.name,
    `${key.prefix}…`,
    key.scopes.join(', '),
    key.models.join(', '),
    key.revokedAt !== null ? `revoked ${key.revokedAt}` : (key.expiresAt ?? 'never'),
  ]);
  return table(['ID', 'NAME', 'BEGINS', 'SCOPES', 'MODELS', 'EXPIRES'], rows);
}

interface CreateOptions {
  readonly scope: CreateKeyRequest['scopes'];
  readonly model?: string[];
  readonly expires?: string;
}

function registerCreate(keys: Command, context: CommandContext): void {
  const scope = new Option('--scope <scope...>', 'what the key may do').choices(['admin', 'deploy', 'infer']);
  keys
    .command('create <name>')
    .description('make a key; it is shown this once')
    .addOption(scope.default(['infer']))
    .option('--model <pattern...>', 'models the key is good for, `*` stands for anything (default: all)')
    .option('--expires <when>', 'a time like 2027-01-31T00:00:00Z, or a span like 12h or 90d (default: never)')
    .addHelpText('after', '\nExample:\n  $ amaas keys create phone-app --scope infer --model "resnet*" --expires 90d')
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = optionsOf<CreateOptions>(command);
      const client = await connect(context, options);
      const created = await client.keys.create({
        name,
        scopes: options.scope,
        ...(options.model === undefined ? {} : { models: options.model }),
        ...(options.expires === undefined ? {} : { expiresAt: readExpiry(options.expires, new Date()) }),
      });
      show(context, options, created, () =>
        pairs([
          ['key', created.key],
          ['id', created.id],
          ['scopes', created.scopes.join(', ')],
          ['models', created.models.join(', ')],
          ['expires', created.expiresAt ?? 'never'],
          ['', 'The key is shown this once; only its hash is kept.'],
        ]),
      );
    });
}

const SPAN_MS: ReadonlyMap<string, number> = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** An ISO time in UTC from `90d`, `12h`, `30m` after `now`, or from a time. */
export function readExpiry(text: string, now: Date): string {
  const span = /^([1-9][0-9]{0,4})([mhd])$/.exec(text);
  const time = span === null ? Date.parse(text) : now.getTime() + Number(span[1]) * (SPAN_MS.get(span[2] ?? '') ?? 0);
  if (Number.isNaN(time) || !/\d/.test(text)) {
    throw new UsageError(
      `--expires must be a time like 2027-01-31T00:00:00Z or a span like 12h or 90d, got ${JSON.stringify(text)}`,
    );
  }
  if (time <= now.getTime()) throw new UsageError(`--expires lies in the past: ${text}`);
  return new Date(time).toISOString();
}

function registerRevoke(keys: Command, context: CommandContext): void {
  keys
    .command('revoke <id>')
    .description('end a key at once')
    .addHelpText('after', '\nExample:\n  $ amaas keys revoke k_3f2a')
    .action(async (id: string, _options: unknown, command: Command) => {
      const options = optionsOf(command);
      await (await connect(context, options)).keys.revoke(id);
      show(context, options, { id, revoked: true }, () => `key ${id} is revoked`);
    });
}

interface ResetOptions extends OfflineOptions {
  readonly databaseUrl?: string;
}

function registerResetAdmin(keys: Command, context: CommandContext): void {
  addDataDirOption(
    keys
      .command('reset-admin')
      .description('make a new admin key when the old one is lost: on the machine of the server, while it is stopped'),
  )
    .option('--database-url <url>', 'PostgreSQL, where the server uses it (default: AMAAS_DATABASE_URL)')
    .addHelpText('after', '\nExample:\n  $ amaas keys reset-admin --data-dir ./.amaas')
    .action(async (_options: unknown, command: Command) => {
      const options = optionsOf<ResetOptions>(command);
      const dataDir = await existingDataDir(context, options);
      const databaseUrl = options.databaseUrl ?? (context.world.environment['AMAAS_DATABASE_URL'] || undefined);
      const { resetAdminKey } = await importServer();
      const { key } = await resetAdminKey({ dataDir, ...(databaseUrl === undefined ? {} : { databaseUrl }) });
      const keptIn = await replaceKeptKey(context, options, key);
      show(context, options, { key, dataDir, keptIn }, () =>
        pairs([
          ['admin key', key],
          ['', 'Shown this once. Give it to the other commands with --api-key or AMAAS_API_KEY.'],
          ...(keptIn === null ? [] : [['', `Kept for this user in ${keptIn}.`] as const]),
        ]),
      );
    });
}

/** Replaces the key this user's credentials file has for the server, so that the other verbs go on; where it did, else null. */
async function replaceKeptKey(context: CommandContext, options: SharedOptions, key: string): Promise<string | null> {
  const path = credentialsPath(context.world.environment);
  const url = serverUrl(context, options);
  if ((await readCredential(path, url)) === null) return null;
  await writeCredential(path, url, key);
  return path;
}
