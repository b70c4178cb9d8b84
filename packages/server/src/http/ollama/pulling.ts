// /api/pull: a model from the hub, under the name it has there.
import { encodeLine } from '@amaas/protocols/answers';
import { decodePull, encodeOllamaError, OllamaPullStream } from '@amaas/protocols/ollama';
import { authorize } from '../../gateway/index.ts';
import type { HubPuller, PullEvent } from '../../hub/index.ts';
import type { Exchange } from '../exchange.ts';
import { readJson } from '../json-body.ts';
import { sendPieces } from '../stream-reply.ts';

export interface PullingParts {
  readonly puller: Pick<HubPuller, 'pull'>;
}

/** A caller that goes away ends it; the next one goes on where it was. */
export async function pullNamed(parts: PullingParts, exchange: Exchange): Promise<void> {
  const { name, stream } = decodePull(await readJson(exchange));
  const { principal } = exchange;
  const events = parts.puller.pull(name, {
    deployedBy: principal?.name ?? 'nobody',
    authorize: (model) => principal !== null && authorize(principal, { scope: 'deploy', model }),
    signal: exchange.signal,
  });
  if (stream) {
    await sendPieces(exchange, {
      contentType: 'application/x-ndjson',
      pieces: linesOf(events),
      errorPiece: (error) => encodeLine(encodeOllamaError(error)),
    });
    return;
  }
  for await (const { type } of events) if (type === 'done') break;
  exchange.sendJson(200, { status: 'success' });
}

async function* linesOf(events: AsyncIterable<PullEvent>): AsyncGenerator<string> {
  const stream = new OllamaPullStream();
  for await (const event of events) {
    const lines = stream.write(event);
    if (lines.length > 0) yield lines.map(encodeLine).join('');
  }
}
