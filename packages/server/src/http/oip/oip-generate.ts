// `generate` and `generate_stream`: thin glue between the codec in protocols/oip and the data plane.
import { AmaasError, type ModelReference } from '@amaas/core';
import { collectAnswer } from '@amaas/protocols/answers';
import {
  decodeGenerateRequest,
  encodeGenerateErrorEvent,
  encodeGenerateReply,
  encodeGenerateStream,
} from '@amaas/protocols/oip';
import type { DataPlane } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { readJson } from '../json-body.ts';
import { recorded } from '../language/index.ts';
import { sendPieces } from '../stream-reply.ts';

export async function generate(
  parts: { readonly dataPlane: DataPlane<ModelRecorder>; readonly maxRequestBytes: number },
  exchange: Exchange,
  route: { readonly kind: 'generate' | 'generate-stream'; readonly reference: ModelReference },
): Promise<void> {
  const body = await readJson(exchange, parts.maxRequestBytes);
  const served = parts.dataPlane.resolveLanguage(route.reference);
  const { id, call, wantsDetails, isStream } = decodeGenerateRequest(body);
  if (isStream !== null && isStream !== (route.kind === 'generate-stream')) {
    const message = 'stream: generate gives one reply, generate_stream one for every piece; ask the other';
    throw new AmaasError('INVALID_ARGUMENT', message, { details: { field: 'stream' } });
  }
  const subject = { model: served.name, version: served.version, id, wantsDetails };
  const answer = served.generate(call, { signal: exchange.gone });
  const events = recorded(answer, { served, exchange, protocol: 'oip' });
  if (route.kind === 'generate') {
    exchange.sendJson(200, encodeGenerateReply(await collectAnswer(events), subject));
    return;
  }
  await sendPieces(exchange, {
    contentType: 'text/event-stream; charset=utf-8',
    pieces: encodeGenerateStream(events, subject),
    errorPiece: encodeGenerateErrorEvent,
  });
}
