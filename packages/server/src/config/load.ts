// Puts the configuration together: flags > AMAAS_* environment > configuration file > defaults. Reads the environment
// and the file only through what it is given, so that a test decides both.
import { resolve } from 'node:path';
import { AmaasError } from '@amaas/core';
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { type ConfigFile, type ConfigFileReader, readConfigFile } from './config-file.ts';
import { fileSystemReader } from './config-file-reader.ts';
import { isLoopbackHost } from './loopback.ts';
import { allowedInWords, environmentName, flagName, nearestName } from './names.ts';
import { CONFIG_SCHEMA, type Config, type ConfigKey, SETTINGS, type Setting } from './settings.ts';

export interface LoadConfigOptions {
  /**
   * Command-line flags by setting name (`maxRequestBytes`), values as text or already typed; undefined values count as
   * absent. Besides the settings: `noAuth: true` for --no-auth.
   */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder the configuration file lies in and relative paths start from. */
  readonly cwd: string;
  /** Default: the file system. */
  readonly reader?: ConfigFileReader;
}

/** AMAAS_* variables that the SDK, the CLI, the tests and the benches read, so that they are no mistakes here. */
const FOREIGN_PREFIXES = ['AMAAS_TEST_', 'AMAAS_BENCH_'];
const FOREIGN_VARIABLES = new Set(['AMAAS_URL', 'AMAAS_API_KEY', 'AMAAS_CREDENTIALS_FILE', 'AMAAS_SHARED_DATA']);

function isForeign(name: string): boolean {
  if (!name.startsWith('AMAAS_') || FOREIGN_VARIABLES.has(name)) return true;
  return FOREIGN_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** A value and where it was found, in the words of a message. */
interface Sourced {
  readonly value: unknown;
  /** `AMAAS_PORT`, `--port`, `port`. */
  readonly name: string;
  /** `environment`, `flag`, `amaas.config.json`. */
  readonly source: string;
  /** Whether text may stand for numbers, switches and lists. */
  readonly textual: boolean;
}

/** The settings found so far and everything wrong with them. */
interface Findings {
  readonly values: Map<ConfigKey, Sourced>;
  readonly problems: string[];
}

/**
 * Loads, checks and freezes the configuration.
 * @throws INVALID_CONFIG listing everything that is wrong: the name, where it came from, the value (never a secret's)
 *   and what is allowed.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<Config> {
  const findings: Findings = { values: new Map(), problems: [] };
  const file = await readConfigFile(options.cwd, options.reader ?? fileSystemReader);
  if (file !== undefined) collectFile(file, findings);
  collectEnvironment(options.environment, findings);
  collectFlags(options.flags ?? {}, findings);
  const config = typedValues(findings);
  if (findings.problems.length === 0) checkTogether(config, findings);
  if (findings.problems.length > 0) throw problemsError(findings.problems);
  return finish(config, options.cwd);
}

function collectFile(file: ConfigFile, { values, problems }: Findings): void {
  for (const [key, value] of file.entries) {
    if (!isConfigKey(key)) problems.push(unknownName(key, file.name, SETTINGS.keys()));
    else if (value !== undefined) values.set(key, { value, name: key, source: file.name, textual: false });
  }
}

function collectEnvironment(environment: LoadConfigOptions['environment'], { values, problems }: Findings): void {
  const keys = new Map([...SETTINGS.keys()].map((key) => [environmentName(key), key]));
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || isForeign(name)) continue;
    const key = keys.get(name);
    if (key !== undefined) values.set(key, { value, name, source: 'environment', textual: true });
    else problems.push(unknownName(name, 'environment', keys.keys()) + serviceLinkHint(name, value));
  }
}

function collectFlags(flags: Readonly<Record<string, unknown>>, { values, problems }: Findings): void {
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (key === 'noAuth') {
      if (value === true) values.set('auth', { value: 'off', name: '--no-auth', source: 'flag', textual: true });
    } else if (isConfigKey(key)) {
      values.set(key, { value, name: flagName(key), source: 'flag', textual: true });
    } else problems.push(unknownName(key, 'flag', SETTINGS.keys()));
  }
}

function isConfigKey(key: string): key is ConfigKey {
  return (SETTINGS as ReadonlyMap<string, unknown>).has(key); // widened only to ask for any string
}

function unknownName(name: string, source: string, candidates: Iterable<string>): string {
  const nearest = nearestName(name, candidates);
  return `${name} (${source}) is not a setting${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}

/** Kubernetes gives every container variables named after the services beside it: one called "amaas" collides. */
function serviceLinkHint(name: string, value: string): string {
  const fromKubernetes = /^AMAAS_(SERVICE_|PORT_\d)/.test(name) || /^(tcp|udp):\/\//.test(value);
  return fromKubernetes ? ' (a service link of Kubernetes: set enableServiceLinks: false in the pod)' : '';
}

/** Checks every value by itself and fills in the defaults; what does not fit goes to the problems. */
function typedValues({ values, problems }: Findings): Map<ConfigKey, unknown> {
  const config = new Map<ConfigKey, unknown>();
  for (const [key, setting] of SETTINGS) {
    const sourced = values.get(key);
    if (sourced === undefined) {
      if (setting.default !== undefined) config.set(key, setting.default);
      continue;
    }
    const value = sourced.textual ? fromText(sourced.value, setting) : sourced.value;
    // A property of the schema is a schema; SETTINGS shows the same object by what amaas added to it.
    if (Check(CONFIG_SCHEMA.properties[key] as TSchema, value)) config.set(key, value);
    else problems.push(badValue(sourced, setting));
  }
  return config;
}

/** Reads text as the type the setting has; text that cannot be is returned as it came and fails the check. */
function fromText(value: unknown, setting: Setting): unknown {
  if (setting.type === 'array') {
    const texts = Array.isArray(value) ? value : [value];
    return texts.flatMap((text) => (typeof text === 'string' ? text.split(',').map((part) => part.trim()) : [text]));
  }
  if (typeof value !== 'string') return value;
  if (setting.type === 'integer') return /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (setting.type === 'boolean') {
    if (value === 'on' || value === 'true') return true;
    if (value === 'off' || value === 'false') return false;
  }
  return value;
}

function badValue({ name, source, value }: Sourced, setting: Setting): string {
  const shown = setting.secret ? 'a value that is not shown here' : showValue(value);
  const bounds = setting.bounds === undefined ? '' : ` (${setting.bounds})`;
  const hint = typeof value === 'string' ? serviceLinkHint(name, value) : '';
  return `${name} (${source}) is ${shown}; expected ${allowedInWords(setting)}${bounds}${hint}`;
}

function showValue(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** The rules that hold between settings. */
function checkTogether(config: ReadonlyMap<ConfigKey, unknown>, { values, problems }: Findings): void {
  const named = (key: ConfigKey): string => {
    const sourced = values.get(key);
    return sourced === undefined ? `${key} (default)` : `${sourced.name} (${sourced.source})`;
  };
  for (const key of ['blobUrl', 'natsUrl'] as const) {
    const setting = SETTINGS.get(key);
    if (config.has(key))
      problems.push(`${named(key)} is not supported yet; allowed is ${setting?.allowed ?? 'nothing'}`);
  }
  if (config.has('tlsCert') !== config.has('tlsKey')) {
    const [given, missing] = config.has('tlsCert')
      ? (['tlsCert', 'tlsKey'] as const)
      : (['tlsKey', 'tlsCert'] as const);
    problems.push(`${named(given)} is set without ${missing}; HTTPS needs both`);
  }
  const host = String(config.get('host'));
  if (config.get('auth') === 'off' && !isLoopbackHost(host)) {
    problems.push(
      `${named('auth')} turns authentication off while ${named('host')} is ${JSON.stringify(host)}; ` +
        'without keys only a loopback host (127.0.0.1, ::1, localhost) is allowed',
    );
  }
}

function problemsError(problems: readonly string[]): AmaasError {
  const [only] = problems;
  const text = problems.length === 1 ? `${only}` : problems.map((problem) => `\n  - ${problem}`).join('');
  return new AmaasError('INVALID_CONFIG', `configuration: ${text}`, { details: { problems } });
}

function finish(checked: ReadonlyMap<ConfigKey, unknown>, cwd: string): Config {
  // Every setting was checked against its own schema, those without a default are optional or set just below.
  const config = Object.fromEntries(checked) as Omit<Config, 'modelsDir'> & { modelsDir?: string };
  const dataDir = resolve(cwd, config.dataDir);
  return Object.freeze({
    ...config,
    dataDir,
    modelsDir: config.modelsDir === undefined ? resolve(dataDir, 'models') : resolve(cwd, config.modelsDir),
    ...(config.tlsCert === undefined ? {} : { tlsCert: resolve(cwd, config.tlsCert) }),
    ...(config.tlsKey === undefined ? {} : { tlsKey: resolve(cwd, config.tlsKey) }),
    corsOrigins: Object.freeze([...config.corsOrigins]),
  });
}
