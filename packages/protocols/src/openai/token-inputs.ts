// Texts to be continued or embedded, in the four forms OpenAI has: one text, several, the tokens of one, of several.
import type { Fields } from '../fields/index.ts';

export type TextOrTokens = string | readonly number[];

/**
 * @param options.least - characters or tokens of a text at least
 * @throws INVALID_ARGUMENT naming the field
 */
export function readTexts(
  fields: Fields,
  name: string,
  options: { readonly most: number; readonly least: 0 | 1 },
): readonly TextOrTokens[] {
  const value = fields.need(name, fields.any(name));
  const texts = textsOf(value);
  if (texts === null) {
    throw fields.invalid(name, 'expected a text, a list of texts, a list of tokens, or a list of lists of tokens');
  }
  if (texts.length === 0 || texts.length > options.most) {
    throw fields.invalid(name, `expected 1 to ${options.most} texts, got ${texts.length}`);
  }
  const empty = texts.findIndex((text) => text.length < (typeof text === 'string' ? options.least : 1));
  if (empty >= 0) throw fields.invalid(Array.isArray(value) ? `${name}[${empty}]` : name, 'is empty');
  return texts;
}

function textsOf(value: unknown): readonly TextOrTokens[] | null {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return null;
  const items: readonly unknown[] = value;
  if (items.length > 0 && items.every(isToken)) return [items];
  return items.every((item) => typeof item === 'string') || items.every(isTokens) ? items : null;
}

function isToken(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isToken);
}
