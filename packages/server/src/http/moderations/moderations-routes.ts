// The table of moderations and reranking.
import Type from 'typebox';
import type { RouteDescription } from '../family.ts';

const Texts = Type.Union([
  Type.String(),
  Type.Array(Type.String(), { minItems: 1 }),
  Type.Array(Type.Object({ type: Type.Literal('text'), text: Type.String() }), { minItems: 1 }),
]);

const Model = Type.String();

export const MODERATIONS_ROUTES = {
  moderations: {
    method: 'POST',
    path: '/v1/moderations',
    access: 'infer',
    summary: 'Texts judged by a deployed classifier, in the form of OpenAI',
    tag: 'OpenAI',
    requestBody: Type.Object(
      {
        input: Texts,
        model: Type.Optional(
          Type.String({ description: 'Name of a model, or a label that one has; default omni-moderation-latest.' }),
        ),
      },
      { additionalProperties: false },
    ),
    example: { model: 'spam', input: 'You have won a prize' },
    reply: Type.Object({
      id: Type.String(),
      model: Model,
      results: Type.Array(
        Type.Object({
          flagged: Type.Boolean(),
          categories: Type.Record(Type.String(), Type.Boolean()),
          category_scores: Type.Record(Type.String(), Type.Number()),
          category_applied_input_types: Type.Record(Type.String(), Type.Array(Type.String())),
        }),
      ),
    }),
  },
  rerank: {
    method: 'POST',
    path: '/v1/rerank',
    access: 'infer',
    summary: 'Texts in the order in which they answer a query, in the form of Jina and Cohere',
    tag: 'OpenAI',
    requestBody: Type.Object(
      {
        model: Model,
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
      model: Model,
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
