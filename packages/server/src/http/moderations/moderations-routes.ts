// The table of moderations.
import Type from 'typebox';
import type { RouteDescription } from '../family.ts';

const Texts = Type.Union([
  Type.String(),
  Type.Array(Type.String(), { minItems: 1 }),
  Type.Array(Type.Object({ type: Type.Literal('text'), text: Type.String() }), { minItems: 1 }),
]);

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
      model: Type.String(),
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
} as const satisfies Record<string, RouteDescription>;
