// Finds and runs the tests. `unit`: the `*.test.ts` beside the code. Without an argument: also the slower
// `*.slow.test.ts` and everything under conformance/ and examples/. Further arguments filter by path.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';

const [first, ...rest] = process.argv.slice(2);
const unitOnly = first === 'unit';
const filters = unitOnly ? rest : process.argv.slice(2);

const patterns = unitOnly ? ['{packages,tools}/**/*.test.ts'] : ['{packages,tools,conformance,examples}/**/*.test.ts'];
const files = globSync(patterns, {
  cwd: dirname(import.meta.dirname),
  exclude: (name) => name.includes('node_modules'),
})
  .filter((file) => !unitOnly || !file.endsWith('.slow.test.ts'))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort();
if (files.length === 0) {
  process.stderr.write(`run-tests: no test file matches ${filters.join(' ')}\n`);
  process.exit(1);
}
const result = spawnSync(
  process.execPath,
  ['--test', `--test-concurrency=${Math.min(2, availableParallelism())}`, '--test-timeout=600000', ...files],
  { cwd: dirname(import.meta.dirname), stdio: 'inherit' },
);
process.exit(result.status ?? 1);
