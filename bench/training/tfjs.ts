// TensorFlow.js for the benches: installed when first needed, into a temporary folder, because nothing of ours depends on it.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const VERSION = '4.22.0';

/** The folder `@tensorflow` with its packages. Rejects with the reason where npm cannot install it. */
export async function installTfjs(): Promise<string> {
  const folder = join(tmpdir(), `amaas-bench-tfjs-${VERSION}`);
  const packages = join(folder, 'node_modules', '@tensorflow');
  if (existsSync(join(packages, 'tfjs-backend-wasm'))) return packages;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const names = [`@tensorflow/tfjs@${VERSION}`, `@tensorflow/tfjs-backend-wasm@${VERSION}`];
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...names];
  await promisify(execFile)('npm', args, { cwd: folder }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new Error(`TensorFlow.js cannot be installed: ${why}`);
  });
  return packages;
}
