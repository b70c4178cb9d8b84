// Runs a server for a bench in a process of its own: flags as JSON in the first argument; says its address on standard
// output, and its processor time whenever it reads a line.
import { createInterface } from 'node:readline';
import { startServer } from '@amaas/server';

const flags: Record<string, string> = JSON.parse(process.argv[2] ?? '{}');
const startedMs = performance.now() + performance.timeOrigin;
const server = await startServer({ flags, environment: {}, cwd: process.cwd(), logDestination: { write: () => {} } });
await server.ready;
say({ url: server.url, readyMs: performance.now() + performance.timeOrigin - startedMs, models: server.readyModels() });

createInterface({ input: process.stdin })
  .on('line', () => {
    const { user, system } = process.cpuUsage();
    say({ cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage().rss });
  })
  .on('close', () => void server.stop().then(() => process.exit(0)));

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
