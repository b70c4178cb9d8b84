// Runs the benches one after the other, each in a process of its own. Arguments filter by file name.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const filters = process.argv.slice(2);
const all = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.bench.ts'));
const files = all.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter))).sort();
if (files.length === 0) {
  const names = all.map((file) => file.replace('.bench.ts', '')).sort();
  process.stderr.write(`bench: no bench matches ${filters.join(' ')}; there are ${names.join(', ')}\n`);
  process.stderr.write('A model of a running server is measured with: npx amaas bench <model>\n');
  process.exit(1);
}
let failed = 0;
for (const file of files) {
  process.stdout.write(`\n== ${file}\n`);
  const result = spawnSync(process.execPath, [join(import.meta.dirname, file)], { stdio: 'inherit' });
  if (result.status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
