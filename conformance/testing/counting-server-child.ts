// As server-child.ts, with a kind of job that counts.
import { startServer } from '@amaas/server';
import { countingKinds } from './counting-kind.ts';

const flags: Readonly<Record<string, string>> = JSON.parse(process.argv[2] ?? '{}');
const server = await startServer({
  flags,
  environment: {},
  cwd: process.cwd(),
  logDestination: { write: (line: string) => process.stderr.write(line) },
  jobKinds: countingKinds,
});
process.on('SIGTERM', () => void server.stop());
await server.ready;
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
