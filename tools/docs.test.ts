// Holds what the pages name against what there is: files, verbs and options of the command, environment variables,
// settings, manifest fields, routes, status codes, metrics. Sentences are for readers to judge.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { AmaasError, ERROR_CODES } from '../packages/core/src/index.ts';
import { runCommand } from '../packages/cli/src/testing/run-command.ts';
import { ADMIN_STATUS, ManifestSchema } from '../packages/protocols/src/admin/index.ts';
import { OIP_ROUTES, OIP_STATUS } from '../packages/protocols/src/oip/index.ts';
import { HTTP_STATUSES } from '../packages/protocols/src/tfs/index.ts';
import { type ConfigFileReader, loadConfig } from '../packages/server/src/config/index.ts';
import { ADMIN_ROUTES } from '../packages/server/src/http/admin/routes.ts';
import { Metrics } from '../packages/server/src/monitoring/index.ts';
import { readSettingRows, settingRows } from './write-configuration-doc.ts';

const root = dirname(import.meta.dirname);
const pages = globSync(['README.md', 'CONTRIBUTING.md', 'docs/**/*.md', 'models/README.md'], { cwd: root }).sort();

function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** What a page shows as code: the lines of shell blocks, and spans. */
function codeOf(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n'));
  const prose = text.replace(/^```[^\n]*\n.*?^```/gms, '');
  return [...blocks, ...[...prose.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)];
}

/** First cells of a page's table rows that are code, with the other cells. */
function tableRows(page: string): ReadonlyMap<string, readonly string[]> {
  const rows = readPage(page)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/));
  return new Map(
    rows.map(([first = '', ...rest]) => [first.trim().replaceAll('`', ''), rest.map((cell) => cell.trim())]),
  );
}

/** The anchor a heading gets, as code hosts make it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

test('pages link only to files and headings that are there', () => {
  const broken: string[] = [];
  for (const page of pages) {
    const prose = readPage(page).replace(/^```.*?^```/gms, '');
    for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : relative(root, join(root, dirname(page), path));
      if (!existsSync(join(root, file))) broken.push(`${page}: ${target}`);
      else if (anchor !== undefined) {
        const headings = [...readPage(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
        if (!headings.includes(anchor)) broken.push(`${page}: ${target} (no such heading)`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test('pages name only verbs and options that the amaas command has', async () => {
  const helps = new Map<string, string>();
  const helpOf = async (words: readonly string[]): Promise<string> => {
    const key = words.join(' ');
    const known = helps.get(key) ?? (await runCommand([...words, '--help'])).stdout;
    helps.set(key, known);
    return known;
  };
  const has = (help: string, verb: string): boolean => new RegExp(`^  ${verb}(?: |$)`, 'm').test(help);
  const wrong: string[] = [];
  for (const page of pages) {
    for (const line of codeOf(readPage(page))) {
      const [, rest] =
        /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx )?amaas ((?:[a-z-]+|<verb>).*)$/.exec(line.split(/ +# /)[0] ?? '') ?? [];
      if (rest === undefined || rest.startsWith('<verb>')) continue;
      const words = rest.split(' ');
      const [verb = '', sub = ''] = words;
      const top = await helpOf([]);
      if (!has(top, verb)) {
        wrong.push(`${page}: ${line}`);
        continue;
      }
      const inner = await helpOf([verb]);
      const isGroup = inner.includes('\nCommands:\n');
      if (isGroup && sub !== '' && !has(inner, sub)) wrong.push(`${page}: ${line}`);
      const help = isGroup && sub !== '' ? await helpOf([verb, sub]) : inner;
      for (const option of words.filter((word) => /^--[a-z]/.test(word))) {
        if (!help.includes(`${option.split('=')[0]} `)) wrong.push(`${page}: ${line}: ${option}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('pages name only AMAAS_ variables that the server knows or leaves to others', async () => {
  const empty: ConfigFileReader = { list: async () => [], readText: async () => '', importDefault: async () => ({}) };
  const unknown: string[] = [];
  for (const page of pages) {
    const text = readPage(page).replace(/^.*is not a setting.*$/gm, ''); // shows what a mistake looks like
    for (const name of new Set(text.match(/\bAMAAS_[A-Z_]*[A-Z]\b/g) ?? [])) {
      const problem = await loadConfig({ environment: { [name]: '' }, cwd: root, reader: empty }).catch(
        (error) => error,
      );
      if (problem instanceof AmaasError && problem.message.includes(`${name} (environment) is not a setting`)) {
        unknown.push(`${page}: ${name}`);
      }
    }
  }
  assert.deepEqual(unknown, []);
});

test('docs/configuration.md has the settings of the code, cell by cell', () => {
  assert.deepEqual(readSettingRows(), settingRows(), 'run: node tools/write-configuration-doc.ts');
});

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** Paths of the values in a schema: `limits.maxRunMs`, `signatures.*.inputs[].name`. */
function leafPaths(schema: JsonSchema, path: string): readonly string[] {
  const below = (child: JsonSchema, step: string): readonly string[] =>
    leafPaths(child, path === '' ? step : `${path}.${step}`);
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, child]) => below(child, name));
  }
  if (schema.patternProperties !== undefined) {
    return Object.values(schema.patternProperties).flatMap((child) => below(child, '*'));
  }
  if (schema.items?.properties !== undefined) return leafPaths(schema.items, `${path}[]`);
  // What has several kinds shares some of its fields.
  if (schema.anyOf?.some(({ properties }) => properties !== undefined))
    return [...new Set(schema.anyOf.flatMap((alternative) => leafPaths(alternative, path)))];
  return [path];
}

test('docs/models.md has a row for every field of the manifest and no other', () => {
  const fields = leafPaths(ManifestSchema as JsonSchema, ''); // what JSON Schema says of an object, TypeBox says too
  const section =
    readPage('docs/models.md')
      .split('\n## ')
      .find((part) => part.startsWith('The manifest\n')) ?? '';
  const named = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(named.toSorted(), fields.toSorted());
});

test('docs/protocols.md names every route of the Open Inference Protocol and of the management API', () => {
  const spans = new Set(codeOf(readPage('docs/protocols.md')));
  const routes = [...OIP_ROUTES, ...Object.values(ADMIN_ROUTES)].map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(
    routes.filter((route) => !spans.has(route)),
    [],
  );
});

test('docs/protocols.md has the status of every code for every protocol', () => {
  const rows = tableRows('docs/protocols.md');
  for (const code of ERROR_CODES) {
    const statuses = (rows.get(code) ?? []).map((cell) => Number.parseInt(cell, 10));
    assert.deepEqual(statuses.slice(0, 3), [OIP_STATUS[code], HTTP_STATUSES[code], ADMIN_STATUS[code]], code);
  }
});

test('docs/operations.md has a row for every series of amaas and no other', async () => {
  const { text } = await new Metrics({ processMetrics: false }).render();
  const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const named = [...tableRows('docs/operations.md').keys()].filter((name) => /^amaas_[a-z_]+$/.test(name));
  assert.deepEqual(named.toSorted(), families.toSorted());
});
