// Paths of OpenAI's that nobody here answers (images, sound, assistants): refused in the words that its clients read.
import { AmaasError } from '@amaas/core';
import type { RouteFamily } from '../family.ts';
import { sendOpenAiError } from './errors.ts';
import { OPENAI_SCHEMAS } from './openai-schemas.ts';

/** Stands behind all families that have routes below `/v1`. */
export function createUnknownOpenAiFamily(): RouteFamily {
  return {
    name: 'openai',
    routes: [],
    schemas: { OpenAiError: OPENAI_SCHEMAS.OpenAiError },
    errorSchema: 'OpenAiError',
    owns: (path) => path.startsWith('/v1/'),
    match(method, path) {
      throw new AmaasError('ROUTE_NOT_FOUND', `there is no route ${method} ${path.slice(0, 200)}`);
    },
    sendError: sendOpenAiError,
  };
}
