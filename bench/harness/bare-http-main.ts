// The baseline of the HTTP benches: a node:http server that reads the body and answers a constant.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const reply = Buffer.alloc(Number(process.argv[2] ?? '4'), 1);
const server = createServer((request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': String(reply.length) });
    response.end(reply);
    if (bytes < 0) throw new Error('unreachable: keeps the count alive');
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${address.port}` })}\n`);
});
createInterface({ input: process.stdin })
  .on('line', () => {
    const { user, system } = process.cpuUsage();
    process.stdout.write(
      `${JSON.stringify({ cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage().rss })}\n`,
    );
  })
  .on('close', () => process.exit(0));
