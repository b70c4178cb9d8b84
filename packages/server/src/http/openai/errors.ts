// Errors as OpenAI's clients expect them, for every family that speaks OpenAI's protocols.
import type { AmaasError } from '@amaas/core';
import { encodeOpenAiError } from '@amaas/protocols/openai';
import Type from 'typebox';
import type { Exchange } from '../exchange.ts';

export const OpenAiError = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: Type.Union([Type.String({ description: 'The field that is wrong.' }), Type.Null()]),
    code: Type.String(),
  }),
});

export function sendOpenAiError(exchange: Exchange, error: AmaasError): void {
  const { status, headers, body } = encodeOpenAiError(error);
  exchange.send(status, 'application/json', [Buffer.from(JSON.stringify(body))], headers);
}
