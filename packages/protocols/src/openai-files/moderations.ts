// OpenAI's moderations: texts in, scores by category out. Which categories there are is the model's business.
// Source: OpenAI API specification 2.3.0, /v1/moderations.
import { Fields, unsupported } from '../fields/index.ts';

/** What clients ask for when they name no model. */
export const DEFAULT_MODERATION_MODEL = 'omni-moderation-latest';

export interface ModerationOrder {
  readonly model: string;
  /** Per result the texts it is about: one, or the text parts of one input. */
  readonly inputs: readonly (readonly string[])[];
}

/** What was found out about one input. */
export interface Moderation {
  readonly isFlagged: boolean;
  readonly categories: readonly { readonly name: string; readonly score: number; readonly isFlagged: boolean }[];
}

/** @throws INVALID_ARGUMENT naming the field, UNSUPPORTED_FEATURE for pictures */
export function readModerationOrder(body: unknown): ModerationOrder {
  const fields = Fields.of(body);
  const model = fields.text('model') ?? DEFAULT_MODERATION_MODEL;
  const input = fields.need('input', fields.any('input'));
  fields.end();
  if (typeof input === 'string') return { model, inputs: [[input]] };
  const items = fields.list('input', (item, path) => (typeof item === 'string' ? item : readPart(item, path))) ?? [];
  if (items.length === 0) throw fields.invalid('input', 'expected at least one text');
  const texts = items.filter((item) => typeof item === 'string');
  if (texts.length === items.length) return { model, inputs: texts.map((text) => [text]) };
  if (texts.length > 0) throw fields.invalid('input', 'expected strings only or parts only, got both');
  return { model, inputs: [items.map((item) => (typeof item === 'string' ? item : item.text))] };
}

function readPart(item: unknown, path: string): { readonly text: string } {
  const part = Fields.of(item, path);
  const type = part.need('type', part.choice('type', ['text', 'image_url']));
  if (type === 'image_url') {
    throw unsupported(path, 'image_url is not supported: models judge texts here');
  }
  const text = part.needText('text');
  part.end();
  return { text };
}

export function encodeModerations(
  results: readonly Moderation[],
  { id, model }: { readonly id: string; readonly model: string },
): object {
  return {
    id,
    model,
    results: results.map(({ isFlagged, categories }) => ({
      flagged: isFlagged,
      categories: Object.fromEntries(categories.map((category) => [category.name, category.isFlagged])),
      category_scores: Object.fromEntries(categories.map(({ name, score }) => [name, score])),
      category_applied_input_types: Object.fromEntries(categories.map(({ name }) => [name, ['text']])),
    })),
  };
}
