// The baseline of the HTTP benches: a node:http server that reads the body and answers a constant.
import { createServer } from 'node:http';

const reply = Buffer.alloc(Number(process.argv[2] ?? '4'), 1);
let receivedBytes = 0;
const server = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => {
    receivedBytes += chunk.length;
  });
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': String(reply.length) });
    response.end(reply);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${address.port}` })}\n`);
});
process.on('SIGTERM', () => process.exit(receivedBytes === 0 ? 1 : 0));
