#!/usr/bin/env node
// Launcher of the amaas command: plain JavaScript that any Node since 16 can read. It finds a Node that runs the rest
// (24 or newer: this one, or the one installed beside it as the npm package `node`), and says what to do without one.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NEEDED_MAJOR = 24;
/**
 * For the server alone. Bodies of megabytes come and go outside V8's heap; with the small heap there is, V8 would answer
 * with a full collection every 150 ms. These let such memory reach 300 MB first, and only while large bodies come.
 */
const SERVER_FLAGS = ['--external-memory-accounted-in-global-limit', '--initial-old-space-size=300'];

if (majorOf(process.versions.node) >= NEEDED_MAJOR) await run();
else relaunch();

async function run() {
  becomeServerProcess();
  // While modules load, V8 would grow its young generation to three times 16 MB and keep it. Held back here; `serve` lets it
  // grow again once it is ready, when requests need it.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Compiled code is kept between starts: a third of a second on a fast machine, more on a slow one.
  // In the environment as well, where the threads and children of the server find it.
  process.env.NODE_COMPILE_CACHE = cacheDirectory();
  nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
  quietExperimentalWarnings();
  endQuietlyWhenNobodyReads();
  const { main } = await import('../src/main.ts');
  process.exitCode = await main(process.argv.slice(2), {
    environment: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  });
}

function majorOf(version) {
  return Number(version.split('.')[0]);
}

/** Starts anew in the same process with the flags a server needs, which V8 reads at its start only. */
function becomeServerProcess() {
  const isServer = process.argv.slice(2).find((word) => !word.startsWith('-')) === 'serve';
  const hasFlags = SERVER_FLAGS.every((flag) => process.execArgv.includes(flag));
  if (!isServer || hasFlags || process.execve === undefined) return; // Windows has no execve: the server works without
  quietExperimentalWarnings();
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...SERVER_FLAGS, ...process.argv.slice(1)]);
}

/** Where the operating system wants caches; NODE_COMPILE_CACHE, read by Node itself, goes before. */
function cacheDirectory() {
  if (process.env.NODE_COMPILE_CACHE) return process.env.NODE_COMPILE_CACHE;
  const base =
    process.platform === 'win32'
      ? process.env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local')
      : process.platform === 'darwin'
        ? join(homedir(), 'Library', 'Caches')
        : process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'amaas', 'compile');
}

/** Three features amaas stands on are still announced as experimental; other warnings pass. */
function quietExperimentalWarnings() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    const text = typeof warning === 'string' ? warning : warning.message;
    if (/^(SQLite|Type Stripping|process\.execve) is an experimental feature/.test(text)) return;
    emitWarning.call(process, warning, ...rest);
  };
}

/** `amaas … | head`: whoever read what is written here has gone, and is not to be told of an error. */
function endQuietlyWhenNobodyReads() {
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

/** Starts the same command with the Node of the npm package `node`, and ends as it ends. */
function relaunch() {
  const node = installedNode();
  if (node === null) {
    process.stderr.write(
      `amaas needs Node.js ${NEEDED_MAJOR} or newer; this is ${process.versions.node}, and no newer one is installed beside amaas.\n` +
        'In a checkout run `npm ci`, which installs it; or get one from https://nodejs.org.\n',
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  const forward = (signal) => {
    // A terminal sends Ctrl-C to parent and child alike; passed on once more it would count as the second, forcing one.
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
  child.on('error', (error) => {
    process.stderr.write(`amaas: cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 1);
  });
}

/** Path of the Node that npm installed beside amaas, or null when there is none that is new enough. */
function installedNode() {
  try {
    const manifest = nodeModule.createRequire(import.meta.url).resolve('node/package.json');
    if (majorOf(JSON.parse(readFileSync(manifest, 'utf8')).version) < NEEDED_MAJOR) return null;
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? binary : null;
  } catch {
    return null; // not installed
  }
}
