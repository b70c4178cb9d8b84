// Reranking in the form that Jina's and Cohere's clients share: texts judged by a query, the best first.
// Source: docs of both, POST /v1/rerank.
import { AmaasError, type Relevances } from '@amaas/core';
import { Fields } from '../fields/index.ts';

export interface RerankOrder {
  readonly model: string;
  readonly query: string;
  readonly documents: readonly string[];
  /** Results wanted; null: all. */
  readonly topN: number | null;
  /** Whether results carry their texts. */
  readonly returnDocuments: boolean;
}

/** Each document is a prompt of its own. */
const MOST_DOCUMENTS = 1000;

/** @throws INVALID_ARGUMENT naming the field */
export function readRerankOrder(body: unknown): RerankOrder {
  const fields = Fields.of(body);
  const model = fields.needText('model');
  const query = fields.needText('query');
  const documents = fields.need('documents', fields.list('documents', readDocument));
  if (documents.length === 0 || documents.length > MOST_DOCUMENTS) {
    throw fields.invalid('documents', `expected 1 to ${MOST_DOCUMENTS} texts, got ${documents.length}`);
  }
  const topN = fields.integer('top_n', { min: 1 }) ?? null;
  const returnDocuments = fields.flag('return_documents') ?? false;
  fields.end();
  return { model, query, documents, topN, returnDocuments };
}

function readDocument(item: unknown, path: string): string {
  if (typeof item === 'string') return item;
  const document = Fields.of(item, path);
  const text = document.needText('text');
  document.end();
  return text;
}

/** @throws INTERNAL when there are not as many scores as documents */
export function encodeRerank(order: RerankOrder, { scores, promptTokens }: Relevances, id: string): object {
  if (scores.length !== order.documents.length) {
    throw new AmaasError('INTERNAL', `rerank: ${order.documents.length} documents got ${scores.length} scores`);
  }
  const ranked = scores
    .map((score, index) => ({ index, relevance_score: score }))
    .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
    .slice(0, order.topN ?? scores.length);
  return {
    id,
    object: 'list',
    model: order.model,
    results: ranked.map((result) => ({
      ...result,
      ...(order.returnDocuments ? { document: { text: order.documents[result.index] ?? '' } } : {}),
    })),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}
