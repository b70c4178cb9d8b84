// `amaas serve`: starts the server, tells where it is and what to try, and drains it when told to end.
import { setFlagsFromString } from 'node:v8';
import { AmaasError } from '@amaas/core';
import { type Command, Option } from 'commander';
import { type CommandContext, DEFAULT_URL, optionsOf } from '../command-context.ts';
import { credentialsPath, type Environment, isSameServer, writeCredential } from '../credentials.ts';
import { importServer } from '../server-module.ts';
import { pairs, withSpinner } from '../terminal.ts';

type Server = Awaited<ReturnType<typeof import('@amaas/server')['startServer']>>;

/**
 * Registers the verb.
 * @param inFull whether to import the server for its settings: only when the verb is asked for, as that takes a while
 */
export async function registerServe(program: Command, context: CommandContext, inFull: boolean): Promise<void> {
  const serve = program
    .command('serve')
    .description('start a server on this machine')
    .addHelpText(
      'after',
      `
Every setting can also come from the environment (AMAAS_PORT for --port) or amaas.config.json; flags go before.

Example:
  $ amaas serve
  $ amaas serve --port 9000 --data-dir /var/lib/amaas --models-dir /srv/models`,
    );
  if (!inFull) return;
  const { describeConfig } = await importServer();
  for (const setting of describeConfig()) {
    const standard = setting.default === '' ? '' : ` (default: ${setting.default})`;
    serve.addOption(new Option(`${setting.flag} <value>`, `${setting.description}${standard}`));
  }
  serve.option('--no-auth', 'the same as --auth off: no API keys, on a loopback host only');
  serve.action(async (_options: unknown, command: Command) => {
    await runServer(context, command.opts(), optionsOf(command).json === true);
  });
}

async function runServer(
  context: CommandContext,
  flags: Readonly<Record<string, unknown>>,
  json: boolean,
): Promise<void> {
  const { world, terminal } = context;
  const { startServer } = await importServer();
  const { auth, ...others } = flags;
  let adminKey: string | null = null;
  const server = await startServer({
    flags: auth === false ? { ...others, noAuth: true } : flags,
    environment: withoutClientVariables(world.environment),
    cwd: world.cwd,
    onAdminKey: (key) => {
      adminKey = key;
    },
    logDestination: process.stderr, // stdout is for what people and scripts read
  });
  const ended = drainOnSignal(context, server);
  const keptIn = adminKey === null ? null : await keepKey(context, server.url, adminKey);
  await withSpinner(terminal, 'loading the models', server.ready);
  setFlagsFromString('--semi-space-growth-factor=2'); // V8's default, which the launcher held back while modules were loaded
  if (json) terminal.print(JSON.stringify({ url: server.url, adminKey, models: server.readyModels() }));
  else terminal.print(bannerText(server, { adminKey, keptIn, command: commandName(world.environment) }));
  await ended;
}

/** Variables of the CLI and SDK, which the server would take for misspelt settings of its own. */
function withoutClientVariables(environment: Environment): Environment {
  const { AMAAS_CREDENTIALS_FILE: _file, AMAAS_URL: _url, AMAAS_API_KEY: _key, ...rest } = environment;
  return rest;
}

/** Keeps the new admin key for the other verbs; returns where, or null when that failed, which is no reason to stop. */
async function keepKey({ world, terminal }: CommandContext, url: string, key: string): Promise<string | null> {
  const path = credentialsPath(world.environment);
  try {
    await writeCredential(path, url, key);
    return path;
  } catch (thrown) {
    const why = thrown instanceof AmaasError || thrown instanceof Error ? thrown.message : 'unknown';
    terminal.note(`amaas: the admin key could not be kept in ${path}: ${why}`);
    return null;
  }
}

interface BannerFacts {
  readonly adminKey: string | null;
  readonly keptIn: string | null;
  readonly command: string;
}

function bannerText(server: Server, { adminKey, keptIn, command }: BannerFacts): string {
  const ready = server.readyModels().toSorted();
  const names = ready.map((label) => label.slice(0, label.lastIndexOf('@')));
  const facts = pairs([
    ['amaas serves at', server.url],
    ['models ready', ready.length === 0 ? 'none yet' : ready.join(', ')],
    ['models folder', `${server.config.modelsDir}  (drop <name>.onnx, <name>.gguf or <name>/1/model.onnx into it)`],
    ...(adminKey === null
      ? []
      : [
          ['admin key', `${adminKey}  (shown this once)`] as const,
          ...(keptIn === null ? [] : [['', `kept for this user in ${keptIn}`] as const]),
        ]),
  ]);
  const address = addressFlag(server.url);
  const commands = tryThese(names).map((line) => `  ${command} ${line}${address}`);
  return `\n${facts}\n\nTry, in another terminal:\n${commands.join('\n')}\n\nCtrl-C ends it.`;
}

/** What a command line needs to find the server: nothing where it is looked for anyway. */
export function addressFlag(url: string): string {
  return isSameServer(url, DEFAULT_URL) ? '' : ` --url ${url}`;
}

/** A few commands that work with what is there. */
function tryThese(models: readonly string[]): readonly string[] {
  const [first] = models;
  if (first === undefined) return ['deploy model.onnx --name my-model', 'models list', 'doctor'];
  // The bundled flower classifier takes the shortest input of all.
  const ask = models.includes('iris') ? "predict iris --data '[[5.1, 3.5, 1.4, 0.2]]'" : `models show ${first}`;
  const chat = models.includes('story-teller') ? ["chat story-teller 'Once upon a time'"] : [];
  return ['models list', ask, ...chat, `bench ${models.includes('iris') ? 'iris' : first}`];
}

/** How the user can call this program: in a checkout started by npm, through npx. */
function commandName(environment: Environment): string {
  return environment['npm_lifecycle_event'] === undefined ? 'amaas' : 'npx amaas';
}

/** npm passes on a Ctrl-C that the terminal has sent to all: two signals this close together are one. */
const SAME_SIGNAL_MS = 500;

/** Resolves when the server has stopped: the first signal drains it, the second ends it at once. */
function drainOnSignal({ terminal }: CommandContext, server: Server): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let stoppingSinceMs: number | null = null;
  const onSignal = () => {
    if (stoppingSinceMs !== null) {
      if (performance.now() - stoppingSinceMs < SAME_SIGNAL_MS) return;
      terminal.note('amaas: ended at once');
      // Not process.exit: that runs destructors under a model's threads and aborts with a core dump.
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    stoppingSinceMs = performance.now();
    terminal.note('amaas: finishing what is under way (again to end at once) …');
    const leave = () => (server.hasStuckRuns() ? process.kill(process.pid, 'SIGKILL') : resolve());
    server.stop().then(leave, reject);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return promise.finally(() => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  });
}
