// Holds the imports against the arrows of docs/architecture.md: which package, and which folder inside server and
// learn, may import which. Also: no cycles between folders' files, folders entered through index.ts, native packages
// imported in one file only. Prints every breach and exits 1.
import { readFileSync, globSync, existsSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

const root = dirname(import.meta.dirname);

/** Package (or engine) → packages it may import. */
const PACKAGE_ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocols: ['core'],
  learn: ['core'],
  'engines/ort-node': ['core'],
  'engines/ort-web': ['core'],
  'engines/duckdb': ['core', 'learn'],
  'engines/sharp': ['core', 'learn'],
  'engines/llama': ['core', 'learn'],
  client: ['protocols', 'core'],
  cli: [
    ...['client', 'core', 'protocols', 'learn', 'server'],
    ...['engines/ort-node', 'engines/llama', 'engines/duckdb', 'engines/sharp'],
  ],
  server: ['core', 'protocols', 'learn', 'engines/ort-node', 'engines/llama', 'engines/duckdb', 'engines/sharp'],
};

/** Folder inside server → sibling folders it may import. `compose` is the composition root and sees everything. */
const SERVER_ARROWS: Readonly<Record<string, readonly string[] | 'all'>> = {
  compose: 'all',
  config: [],
  storage: [],
  artifacts: [],
  scheduler: [],
  monitoring: [],
  gateway: ['storage'],
  registry: ['artifacts', 'storage'],
  admission: ['registry', 'artifacts', 'dataplane'],
  dataplane: ['scheduler', 'registry', 'monitoring', 'artifacts'],
  preprocess: ['dataplane'],
  conversation: ['dataplane'],
  responses: ['storage'],
  batches: ['artifacts', 'storage'],
  backup: ['storage', 'artifacts'],
  hub: ['gateway', 'admission', 'registry', 'artifacts'],
  jobs: ['registry', 'dataplane', 'artifacts', 'storage'],
  'fine-tuning': ['jobs', 'gateway', 'admission', 'registry', 'dataplane', 'artifacts', 'storage'],
  codec: [],
  http: [
    'batches',
    'fine-tuning',
    'responses',
    'codec',
    'gateway',
    'dataplane',
    'registry',
    'admission',
    'jobs',
    'monitoring',
    'artifacts',
    'hub',
  ],
};

/** Folder inside learn → sibling folders it may import. */
const LEARN_ARROWS: Readonly<Record<string, readonly string[] | 'all'>> = {
  statistics: [],
  onnx: [],
  graph: [],
  reference: ['graph'],
  compile: ['graph', 'onnx', 'reference'],
  layers: ['graph', 'statistics'],
  data: ['statistics'],
  preprocess: ['graph', 'data', 'statistics'],
  evaluate: ['statistics'],
  train: ['graph', 'compile', 'layers', 'data', 'statistics'],
  model: ['graph', 'layers', 'train', 'statistics'],
  tokenize: ['statistics'],
  decode: ['statistics'],
  gguf: [],
  grammar: [],
  'word-vectors': ['statistics', 'graph', 'compile', 'evaluate'],
  language: [
    ...['statistics', 'onnx', 'graph', 'compile', 'layers', 'train', 'data', 'tokenize', 'decode', 'evaluate', 'gguf'],
  ],
  tune: ['statistics', 'train', 'evaluate'],
  pipelines: 'all',
};

/** Files that alone may import a native or heavy package. */
const SINGLE_IMPORTERS: Readonly<Record<string, string>> = {
  'onnxruntime-node': 'packages/engines/ort-node/src/binding.ts',
  sharp: 'packages/engines/sharp/src/binding.ts',
  '@duckdb/node-api': 'packages/engines/duckdb/src/binding.ts',
  'onnxruntime-web': 'packages/engines/ort-web/src/binding.ts',
  'onnxruntime-web/wasm': 'packages/engines/ort-web/src/binding.ts',
  '@huggingface/jinja': 'packages/server/src/conversation/chat-template.ts',
  pg: 'packages/server/src/storage/postgres.ts',
  'node:sqlite': 'packages/server/src/storage/sqlite.ts',
};

const breaches: string[] = [];
const files = globSync('packages/**/*.ts', { cwd: root, exclude: (name) => name.includes('node_modules') });
const imports = new Map<string, string[]>();

for (const file of files) {
  const text = readFileSync(join(root, file), 'utf8');
  const edges: string[] = [];
  for (const match of text.matchAll(
    /^\s*(?:import|export)\b[^;'"]*?from\s*'([^']+)'|\bimport\s*\(\s*'([^']+)'|^\s*import\s*'([^']+)'/gm,
  )) {
    const specifier = match[1] ?? match[2] ?? match[3];
    if (specifier !== undefined) {
      checkImport(file, specifier);
      if (specifier.startsWith('.')) edges.push(relative(root, resolve(root, dirname(file), specifier)));
    }
  }
  imports.set(file, edges);
}
findCycles();

if (breaches.length > 0) {
  process.stderr.write(
    `${breaches.join('\n')}\n${breaches.length} import(s) against the arrows of docs/architecture.md\n`,
  );
  process.exit(1);
}
process.stdout.write(`import arrows hold in ${files.length} files\n`);

function packageOf(file: string): string {
  const parts = file.split(sep);
  return parts[1] === 'engines' ? `engines/${parts[2]}` : (parts[1] ?? '');
}

function checkImport(file: string, specifier: string): void {
  const from = packageOf(file);
  const isTest = /\.(test|contract)\.ts$/.test(file) || file.includes(`${sep}testing${sep}`);
  const single = SINGLE_IMPORTERS[specifier];
  if (single !== undefined && file !== single && !isTest)
    breaches.push(`${file}: only ${single} may import ${specifier}`);
  if (specifier.startsWith('@amaas/')) {
    const name = specifier.slice('@amaas/'.length).split('/')[0] ?? '';
    const to = name.startsWith('engine-') ? `engines/${name.slice('engine-'.length)}` : name;
    if (!isTest && !(PACKAGE_ARROWS[from] ?? []).includes(to)) breaches.push(`${file}: ${from} may not import ${to}`);
    if (from === 'server' && to.startsWith('engines/') && folderOf(file) !== 'compose' && !isTest) {
      breaches.push(`${file}: engines are imported by the composition root only`);
    }
    return;
  }
  if (!specifier.startsWith('.')) return;
  const target = relative(root, resolve(root, dirname(file), specifier));
  if (!existsSync(join(root, target))) breaches.push(`${file}: ${specifier} does not exist`);
  if (isTest) return;
  if (packageOf(target) !== from) breaches.push(`${file}: ${specifier} reaches into another package`);
  if (from === 'server') checkFolder(file, target, { specifier, arrows: SERVER_ARROWS });
  if (from === 'learn') checkFolder(file, target, { specifier, arrows: LEARN_ARROWS });
}

function folderOf(file: string): string {
  const parts = file.split(sep);
  return parts.length > 4 ? (parts[3] ?? '') : '';
}

function checkFolder(
  file: string,
  target: string,
  { specifier, arrows }: { specifier: string; arrows: Readonly<Record<string, readonly string[] | 'all'>> },
): void {
  const from = folderOf(file);
  const to = folderOf(target);
  if (from === to || from === '') return;
  const allowed = arrows[from];
  if (allowed === undefined) breaches.push(`${file}: folder ${from} is not on the map`);
  else if (allowed !== 'all' && !allowed.includes(to))
    breaches.push(`${file}: ${from} may not import ${to} (${specifier})`);
  if (!target.endsWith(`${sep}index.ts`)) breaches.push(`${file}: enter ${to} through its index.ts, not ${specifier}`);
}

function findCycles(): void {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      breaches.push(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
      return;
    }
    state.set(file, 'open');
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of files) visit(file, []);
}
