// A setting that several protocols have by one name and with one meaning.
import { ALL_TOKENS } from '@amaas/core';
import type { Fields } from './fields.ts';

/** The field `top_k`, of which −1 and 0 leave every token in, in all protocols that allow them. @throws INVALID_ARGUMENT */
export function readTopK(fields: Fields): number | undefined {
  const topK = fields.integer('top_k', { min: -1 });
  return topK !== undefined && topK < 1 ? ALL_TOKENS : topK;
}
