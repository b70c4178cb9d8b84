// POST /v1/embeddings: all texts of a body in one call of the model.
import { AmaasError } from '@amaas/core';
import { decodeEmbeddingRequest, encodeEmbeddingReply, shortenVectors } from '@amaas/protocols/openai';
import type { Exchange } from '../exchange.ts';
import { readJson } from '../json-body.ts';
import { resolveLanguageFor } from '../language/index.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';
import { type OpenAiParts, PROTOCOL } from './openai-parts.ts';

export async function sendEmbeddings(parts: OpenAiParts, exchange: Exchange): Promise<void> {
  const request = decodeEmbeddingRequest(await readJson(exchange, parts.limits.maxRequestBytes));
  const served = resolveLanguageFor(exchange, parts.dataPlane, request.model);
  const { texts, dimensions, model, encoding } = request;
  const { embeddingSize } = served.file;
  if (dimensions !== undefined && dimensions > embeddingSize) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `dimensions: model "${model}" has vectors of ${embeddingSize} numbers, got ${dimensions}`,
      { details: { field: 'dimensions' } },
    );
  }
  const beganMs = exchange.elapsedMs();
  try {
    const signal = exchange.gone;
    const { vectors, promptTokens } = await served.use((loaded) => loaded.embed(texts, signal), { signal });
    const timing = { queueMs: 0, computeMs: exchange.elapsedMs() - beganMs, batchRows: texts.length };
    recordSuccess(served.recorder, exchange, { protocol: PROTOCOL, timing });
    const wanted = dimensions === undefined ? vectors : shortenVectors(vectors, dimensions);
    exchange.send(
      200,
      'application/json',
      encodeEmbeddingReply({ vectors: wanted, promptTokens }, { model, encoding }),
    );
  } catch (thrown) {
    recordFailure(served.recorder, exchange, { protocol: PROTOCOL, thrown });
    throw thrown;
  }
}
