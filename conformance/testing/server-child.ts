// A server in a process of its own, so that a test can kill it. First argument: flags as JSON. Says where it is in one
// line once everything there was at the start has been dealt with.
import { startServer } from '@amaas/server';

const flags: Readonly<Record<string, string>> = JSON.parse(process.argv[2] ?? '{}');
const server = await startServer({
  flags,
  environment: {},
  cwd: process.cwd(),
  logDestination: { write: (line: string) => process.stderr.write(line) },
});
process.on('SIGTERM', () => void server.stop());
await server.ready;
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
