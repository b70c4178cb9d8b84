// The body of POST /v1/embeddings. Source: OpenAI's API description 2.3.0, CreateEmbeddingRequest.
import type { PromptPiece } from '@amaas/core';
import { Fields } from '../fields/index.ts';
import { readTexts } from './token-inputs.ts';

export interface EmbeddingRequest {
  /** Name of the model as the caller wrote it. */
  readonly model: string;
  readonly texts: readonly (readonly PromptPiece[])[];
  readonly encoding: 'float' | 'base64';
  /** Leading numbers of each vector that are wanted; undefined: all. */
  readonly dimensions: number | undefined;
}

const MOST_TEXTS = 2048;

/** @throws INVALID_ARGUMENT; `details.field` names the field */
export function decodeEmbeddingRequest(body: unknown): EmbeddingRequest {
  const fields = Fields.of(body);
  fields.ignore('user');
  const model = fields.needText('model');
  const texts = readTexts(fields, 'input', { most: MOST_TEXTS, least: 1 });
  const encoding = fields.choice('encoding_format', ['float', 'base64']) ?? 'float';
  const dimensions = fields.integer('dimensions', { min: 1 });
  fields.end();
  const pieces = texts.map((text) => [typeof text === 'string' ? { text, special: false } : { tokens: text }]);
  return { model, texts: pieces, encoding, dimensions };
}
