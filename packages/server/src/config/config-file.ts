// Finds and reads amaas.config.(ts|json). Knows nothing of the settings inside.
import { AmaasError } from '@amaas/core';

/** The file system as far as a configuration file needs it; tests bring their own. */
export interface ConfigFileReader {
  /** Names of the entries of a folder; empty when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  readText(path: string): Promise<string>;
  /** Default export of a module. */
  importDefault(path: string): Promise<unknown>;
}

/** A configuration file's contents. */
export interface ConfigFile {
  readonly name: string;
  /** An array of pairs, because its keys are not to be trusted. */
  readonly entries: readonly (readonly [string, unknown])[];
}

const READABLE = new Set(['amaas.config.json', 'amaas.config.ts']);
const REFUSED = new Map([
  ['amaas.config.yaml', 'YAML is not read by this release; write it as amaas.config.json or amaas.config.ts'],
  ['amaas.config.yml', 'YAML is not read by this release; write it as amaas.config.json or amaas.config.ts'],
  ['amaas.config.js', 'name it amaas.config.ts (plain JavaScript is fine inside) or write amaas.config.json'],
  ['amaas.config.mjs', 'name it amaas.config.ts (plain JavaScript is fine inside) or write amaas.config.json'],
]);

/**
 * Reads the configuration file of a folder, or returns undefined when there is none.
 * @throws INVALID_CONFIG when there are two, when it is of a kind that is not read, or when it holds no object.
 */
export async function readConfigFile(folder: string, reader: ConfigFileReader): Promise<ConfigFile | undefined> {
  const found = (await reader.list(folder)).filter((name) => READABLE.has(name) || REFUSED.has(name)).sort();
  const [name, second] = found;
  if (name === undefined) return undefined;
  if (second !== undefined) {
    throw invalid(`${found.join(' and ')} lie in ${folder}; expected one configuration file`);
  }
  const refusal = REFUSED.get(name);
  if (refusal !== undefined) throw invalid(`${name}: ${refusal}`);
  return { name, entries: entriesOf(name, await readContents(`${folder}/${name}`, name, reader)) };
}

async function readContents(path: string, name: string, reader: ConfigFileReader): Promise<unknown> {
  try {
    return name.endsWith('.json') ? parseJson(await reader.readText(path)) : await reader.importDefault(path);
  } catch (error) {
    throw invalid(`${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** JSON.parse whose message keeps the place but not the text around it, which may hold a secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /line \d+ column \d+/.exec(String(error))?.[0];
    throw new Error(`not valid JSON${place === undefined ? '' : ` at ${place}`}`);
  }
}

function entriesOf(name: string, contents: unknown): readonly (readonly [string, unknown])[] {
  if (typeof contents !== 'object' || contents === null || Array.isArray(contents)) {
    const what = name.endsWith('.ts') ? 'a default export that is an object of settings' : 'an object of settings';
    throw invalid(`${name}: expected ${what}, got ${Array.isArray(contents) ? 'an array' : String(contents)}`);
  }
  return Object.entries(contents);
}

function invalid(problem: string, cause?: unknown): AmaasError {
  return new AmaasError('INVALID_CONFIG', `configuration: ${problem}`, { cause });
}
