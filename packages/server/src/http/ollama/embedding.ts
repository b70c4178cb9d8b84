// /api/embed and /api/embeddings: vectors of texts.
import { AmaasError, type Embeddings, type LanguageModel, type PromptPiece } from '@amaas/core';
import { shortenVectors } from '@amaas/protocols/answers';
import { decodeEmbed, decodeEmbeddings, encodeEmbeddings, type OllamaEmbed } from '@amaas/protocols/ollama';
import type { ServedLanguageModel } from '../../dataplane/index.ts';
import type { ModelRecorder } from '../../monitoring/index.ts';
import type { Exchange } from '../exchange.ts';
import { readJson } from '../json-body.ts';
import { recordFailure, recordSuccess } from '../outcome.ts';
import type { AnsweringParts } from './answering.ts';
import { assertContext, resolveNamed } from './named-model.ts';

export async function answerEmbed(parts: AnsweringParts, exchange: Exchange): Promise<void> {
  const asked = decodeEmbed(await readJson(exchange, parts.maxRequestBytes));
  const { vectors, loadMs, promptTokens } = await embed(parts, exchange, asked);
  const measured = { elapsedMs: exchange.elapsedMs(), loadMs, promptTokens };
  exchange.sendJson(200, encodeEmbeddings(asked.model, vectors, measured));
}

export async function answerEmbeddings(parts: AnsweringParts, exchange: Exchange): Promise<void> {
  const asked = decodeEmbeddings(await readJson(exchange, parts.maxRequestBytes));
  const { vectors } = await embed(parts, exchange, asked);
  exchange.sendJson(200, { embedding: [...(vectors[0] ?? [])] });
}

interface Embedded extends Embeddings {
  readonly loadMs: number;
}

async function embed(parts: AnsweringParts, exchange: Exchange, asked: OllamaEmbed): Promise<Embedded> {
  const served = resolveNamed(parts.dataPlane, exchange, asked.model);
  const size = served.file.embeddingSize;
  const { dimensions = size } = asked;
  if (dimensions > size) {
    const message = `dimensions: model ${JSON.stringify(asked.model)} gives ${size} numbers, got ${dimensions}`;
    throw new AmaasError('INVALID_ARGUMENT', message, { details: { field: 'dimensions' } });
  }
  await assertContext(served, asked);
  try {
    const embedded = await embedBy(served, exchange, asked);
    return dimensions === size ? embedded : { ...embedded, vectors: shortenVectors(embedded.vectors, dimensions) };
  } catch (thrown) {
    recordFailure(served.recorder, exchange, { protocol: 'ollama', thrown });
    throw thrown;
  }
}

function embedBy(
  served: ServedLanguageModel<ModelRecorder>,
  exchange: Exchange,
  { texts, truncate, keepAliveMs }: OllamaEmbed,
): Promise<Embedded> {
  const { isLoaded } = served.residency;
  const beganMs = exchange.elapsedMs();
  const work = async (model: LanguageModel): Promise<Embedded> => {
    const loadedMs = exchange.elapsedMs();
    const loadMs = isLoaded ? 0 : loadedMs - beganMs;
    if (texts.length === 0) return { vectors: [], promptTokens: 0, loadMs };
    const pieces = await Promise.all(texts.map((text) => piecesOf(model, text, truncate)));
    const embedded = await model.embed(pieces, exchange.gone);
    const computeMs = exchange.elapsedMs() - loadedMs;
    const timing = { queueMs: 0, computeMs, batchRows: texts.length };
    recordSuccess(served.recorder, exchange, { protocol: 'ollama', timing });
    return { ...embedded, loadMs };
  };
  return served.use(work, { keepAliveMs, signal: exchange.gone });
}

/** A text whole, or where it does not fit and may be cut, as many of its tokens as do. */
async function piecesOf(model: LanguageModel, text: string, truncate: boolean): Promise<readonly PromptPiece[]> {
  const whole = [{ text, special: false }];
  const { contextTokens } = model.facts;
  // No token is shorter than a byte of text: most texts fit without being looked at.
  if (!truncate || Buffer.byteLength(text) < contextTokens - MARKS) return whole;
  const tokens = await model.tokenize(whole);
  return tokens.length <= contextTokens - MARKS ? whole : [{ tokens: tokens.slice(0, contextTokens - MARKS) }];
}

/** Room for the tokens that models put around a text. */
const MARKS = 2;
