// JSON bodies of the management API and the small ones of other protocols: read, parsed, checked.
import { AmaasError } from '@amaas/core';
import { checkAgainst } from '@amaas/protocols/admin';
import type { Static, TSchema } from 'typebox';
import { readBody } from './body.ts';
import type { Exchange } from './exchange.ts';

/** Management bodies are small; a manifest with a million labels belongs into a file beside the model. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;
/** Of any body read here: it is parsed between other requests, and 16 MiB hold them up for some tenths of a second. */
const MOST_JSON_BYTES = 16 * 1024 * 1024;

/** The body, checked against `schema`. @throws MALFORMED_REQUEST, UNSUPPORTED_MEDIA_TYPE, REQUEST_TOO_LARGE */
export async function readJsonBody<Schema extends TSchema>(
  exchange: Exchange,
  schema: Schema,
): Promise<Static<Schema>> {
  return checkAgainst(schema, await readJson(exchange), { what: `${exchange.method} ${exchange.path}` });
}

/**
 * The body as it came, for routes that check it themselves.
 * @param maxBytes - default 4 MiB; 16 MiB at most
 * @throws MALFORMED_REQUEST, UNSUPPORTED_MEDIA_TYPE, REQUEST_TOO_LARGE
 */
export async function readJson(exchange: Exchange, maxBytes: number = MAX_JSON_BYTES): Promise<unknown> {
  const type = mediaType(exchange);
  // `curl -d` says form-urlencoded when told nothing else; what counts is whether the body is the JSON asked for.
  if (type !== '' && type !== 'application/json' && type !== 'application/x-www-form-urlencoded') {
    throw new AmaasError(
      'UNSUPPORTED_MEDIA_TYPE',
      `expected Content-Type application/json, got ${JSON.stringify(type)}`,
    );
  }
  const { bytes } = await readBody(exchange.request, { maxBytes: Math.min(maxBytes, MOST_JSON_BYTES) });
  return parse(bytes);
}

/** The media type in lower case without parameters; empty when none is given. */
export function mediaType(exchange: Exchange): string {
  return (exchange.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function parse(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // A look at every key takes longer than the parsing, so it is taken only where one may be found.
    return JSON.parse(text, PROTOTYPE_KEY.test(text) ? withoutPrototypeKeys : undefined);
  } catch (cause) {
    throw new AmaasError(
      'MALFORMED_REQUEST',
      `the body is not valid JSON: ${cause instanceof Error ? cause.message : 'unreadable'}`,
      { cause },
    );
  }
}

const PROTOTYPE_KEY = /__proto__|\\u00(5f|70|72|6f|74)/i;

/** `__proto__` as an own key would become a prototype where objects are spread or assigned. */
function withoutPrototypeKeys(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new AmaasError('MALFORMED_REQUEST', 'the key "__proto__" is not allowed');
  return value;
}
