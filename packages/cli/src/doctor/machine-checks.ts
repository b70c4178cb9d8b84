// Checks of the machine: Node, the native runtimes, cores and memory.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { formatBytes } from '../terminal.ts';
import { type Check, fail, ok, textOf, warn } from './check.ts';

const NEEDED_NODE_MAJOR = 24;
const ENGINE_TIMEOUT_MS = 30_000;
/** A loaded server with small models takes 200 MB; below this the first larger model fails. */
const COMFORTABLE_MEMORY_BYTES = 512e6;

export function checkNode(version: string): Check {
  if (Number(version.split('.')[0]) >= NEEDED_NODE_MAJOR) return ok('node', version);
  return fail('node', version, `amaas needs Node.js ${NEEDED_NODE_MAJOR} or newer: https://nodejs.org`);
}

/** Loads the engine's native binding in a process of its own: a broken one may end the process that loads it. */
export async function checkEngine(): Promise<Check> {
  try {
    // The engine belongs to the server, so it is found from there.
    const server = createRequire(import.meta.url).resolve('@amaas/server');
    const engine = createRequire(server).resolve('@amaas/engine-ort-node');
    const script = `const engine = (await import(${JSON.stringify(engine)})).createOrtEngine();
      const providers = await engine.listExecutionProviders();
      console.log(engine.name, engine.version, '(' + providers.join(', ') + ')');
      await engine.dispose();`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      timeout: ENGINE_TIMEOUT_MS,
    });
    return ok('engine', stdout.trim());
  } catch (thrown) {
    const found = textOf(thrown).split('\n').slice(0, 3).join(' ').slice(0, 300);
    return fail(
      'engine',
      `ONNX Runtime does not load: ${found}`,
      'Install again with `npm ci`; Intel Macs and 32-bit systems are not supported by ONNX Runtime.',
    );
  }
}

export async function checkImages(): Promise<Check> {
  const { describeImageReader } = await import('@amaas/engine-sharp');
  const reader = await describeImageReader();
  if (reader !== null) return ok('images', reader);
  return warn(
    'images',
    'sharp does not load',
    '`amaas predict --image` needs it: npm install sharp. Everything else works without.',
  );
}

export function checkCores(): Check {
  const cores = availableParallelism();
  if (cores > 1) return ok('cores', String(cores));
  return warn('cores', '1', 'Models and the server share one core: latencies will vary. Give it two.');
}

export function checkMemory(): Check {
  const availableBytes = process.availableMemory();
  const found = `${formatBytes(availableBytes)} available`;
  if (availableBytes >= COMFORTABLE_MEMORY_BYTES) return ok('memory', found);
  return warn(
    'memory',
    found,
    `Larger models will be refused or the process ended; have ${formatBytes(COMFORTABLE_MEMORY_BYTES)} free.`,
  );
}
