// The table of reranking.
import Type from 'typebox';
import type { RouteDescription } from '../family.ts';

export const RERANK_ROUTES = {
  rerank: {
    method: 'POST',
    path: '/v1/rerank',
    access: 'infer',
    summary: 'Texts in the order in which they answer a query, in the form of Jina and Cohere',
    tag: 'OpenAI',
    requestBody: Type.Object(
      {
        model: Type.String(),
        query: Type.String(),
        documents: Type.Array(Type.Union([Type.String(), Type.Object({ text: Type.String() })]), {
          minItems: 1,
          maxItems: 1000,
        }),
        top_n: Type.Optional(Type.Integer({ minimum: 1 })),
        return_documents: Type.Optional(Type.Boolean({ description: 'Default false.' })),
      },
      { additionalProperties: false },
    ),
    example: { model: 'reranker', query: 'What do cats eat?', documents: ['Cats eat mice.', 'Paris is in France.'] },
    reply: Type.Object({
      id: Type.String(),
      object: Type.Literal('list'),
      model: Type.String(),
      results: Type.Array(
        Type.Object({
          index: Type.Integer(),
          relevance_score: Type.Number(),
          document: Type.Optional(Type.Object({ text: Type.String() })),
        }),
      ),
      usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
    }),
  },
} as const satisfies Record<string, RouteDescription>;
