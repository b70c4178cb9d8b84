// A small real HTTP server that speaks as much of llama-server's protocol as the engine uses, for machines that have none. Its
// model knows bytes (token = byte + 3) and writes " 1 2 3 …" after every prompt; a prompt that ends in `die` ends it.
// Started as `node made-llama-server.ts` with llama-server's arguments.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setImmediate as yieldTurn } from 'node:timers/promises';

const FIRST_BYTE = 3;
const BEGIN = 1;

if (process.argv.includes('--help')) {
  process.stdout.write('--host --port --model --ctx-size --parallel --threads --no-webui --api-key\n');
  process.exit(0);
}
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
let cached: readonly number[] = [];
createServer((request, response) => void answer(request, response)).listen(port, '127.0.0.1');

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/health') return send(response, 200, { status: 'ok' });
  if (request.headers.authorization !== `Bearer ${process.env.LLAMA_API_KEY}`) {
    return send(response, 401, { error: { code: 401, message: 'Invalid API Key', type: 'authentication_error' } });
  }
  let text = '';
  for await (const part of request) text += part;
  const body = new Map<string, unknown>(Object.entries(JSON.parse(text)));
  switch (request.url) {
    case '/tokenize': {
      const tokens = tokensOf(String(body.get('content')));
      return send(response, 200, { tokens: body.get('add_special') === true ? [BEGIN, ...tokens] : tokens });
    }
    case '/detokenize':
      return send(response, 200, { content: textOf(numbers(body.get('tokens'))) });
    case '/completion':
      return complete(body, response);
    default:
      return send(response, 404, { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } });
  }
}

async function complete(body: ReadonlyMap<string, unknown>, response: ServerResponse): Promise<void> {
  const prompt = numbers(body.get('prompt'));
  if (textOf(prompt).endsWith('die')) process.exit(3);
  if (String(body.get('grammar') ?? 'root').includes('(')) {
    return send(response, 400, {
      error: { code: 400, message: 'failed to parse grammar', type: 'invalid_request_error' },
    });
  }
  const count = Number(body.get('n_predict'));
  let cache = 0;
  while (cache < prompt.length - 1 && cached[cache] === prompt[cache]) cache++;
  cached = prompt;
  const say = (chunk: object): void => void response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  say({
    content: '',
    tokens: [],
    stop: false,
    prompt_progress: { total: prompt.length, cache, processed: prompt.length },
  });
  const written = tokensOf(Array.from({ length: count }, (_, index) => ` ${index + 1}`).join(''));
  for (let index = 0; index < count && !response.destroyed; index++) {
    const token = written[index] ?? BEGIN;
    const entry = { id: token, token: textOf([token]), logprob: -0.5 };
    const probabilities = Number(body.get('n_probs')) > 0 ? [{ ...entry, top_logprobs: [entry] }] : undefined;
    say({
      ...{ content: textOf([token]), tokens: [token], stop: false, tokens_predicted: index + 1 },
      completion_probabilities: probabilities,
    });
    await yieldTurn();
  }
  say({
    content: '',
    tokens: [],
    stop: true,
    stop_type: 'limit',
    tokens_predicted: count,
    timings: { cache_n: cache },
  });
  response.end();
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function tokensOf(text: string): readonly number[] {
  return [...new TextEncoder().encode(text)].map((byte) => byte + FIRST_BYTE);
}

function textOf(tokens: readonly number[]): string {
  return new TextDecoder().decode(
    Uint8Array.from(
      tokens.filter((token) => token >= FIRST_BYTE),
      (t) => t - FIRST_BYTE,
    ),
  );
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
