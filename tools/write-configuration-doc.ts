// Writes the table of settings in docs/configuration.md from the schema of the configuration. Run it after the settings
// have changed; tools/docs.test.ts fails while page and schema differ.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeConfig } from '../packages/server/src/config/index.ts';

const PAGE = join(import.meta.dirname, '..', 'docs', 'configuration.md');
const BEGIN = '<!-- the table below is written by tools/write-configuration-doc.ts -->';
const END = '<!-- end of the table -->';
const HEAD = ['setting', 'flag', 'environment', 'default', 'allowed', 'meaning'];

/** One row per setting, in the order of the schema, as the cells of the page say it. */
export function settingRows(): readonly (readonly string[])[] {
  return describeConfig().map((setting) => [
    code(setting.key),
    code(setting.flag),
    code(setting.environment),
    setting.default === '' ? '' : code(setting.default),
    escaped(`${setting.allowed}${setting.bounds === '' ? '' : ` (${setting.bounds})`}`),
    escaped(`${setting.description}${setting.secret ? ' Never shown or logged.' : ''}`),
  ]);
}

/** The rows the page has, padding taken off. @throws Error when the page has no table between the two marks. */
export function readSettingRows(): readonly (readonly string[])[] {
  const [, table] = splitPage(readFileSync(PAGE, 'utf8'));
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

function code(text: string): string {
  return `\`${text}\``;
}

/** Outside code a `<` would open a tag, an asterisk emphasis, and a bar the next cell. */
function escaped(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replace(/[<*|]/g, '\\$&')))
    .join('');
}

function splitPage(page: string): readonly [before: string, table: string, after: string] {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} lacks "${BEGIN}" or "${END}"`);
  return [page.slice(0, begin + BEGIN.length), page.slice(begin + BEGIN.length, end), page.slice(end)];
}

function writePage(): void {
  const [before, , after] = splitPage(readFileSync(PAGE, 'utf8'));
  const rows = [HEAD, HEAD.map(() => '---'), ...settingRows()];
  const table = rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  writeFileSync(PAGE, `${before}\n\n${table}\n\n${after}`);
  process.stdout.write(`${PAGE}: ${rows.length - 2} settings; now run: npx biome format --write docs\n`);
}

if (import.meta.main) writePage();
