// The bodies of POST /api/embed and of its forerunner /api/embeddings.
import { Fields } from '../fields/index.ts';
import { readKeepAlive } from './keep-alive.ts';
import { readModelName } from './model-name.ts';
import { readOptions } from './options.ts';
import type { OllamaTarget } from './settings.ts';

export interface OllamaEmbed extends OllamaTarget {
  readonly texts: readonly string[];
  /** Whether texts that do not fit are cut at their end. */
  readonly truncate: boolean;
  /** Numbers of a vector; undefined: all. */
  readonly dimensions: number | undefined;
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeEmbed(body: unknown): OllamaEmbed {
  const fields = Fields.of(body);
  const target = readTarget(fields);
  const value = fields.any('input');
  const texts =
    typeof value === 'string'
      ? [value]
      : fields.list('input', (text) => {
          if (typeof text === 'string') return text;
          throw fields.invalid('input', `expected a string or a list of strings, got a list with ${typeof text}`);
        });
  const read = {
    ...target,
    texts: texts ?? [],
    truncate: fields.flag('truncate') ?? true,
    dimensions: fields.integer('dimensions', { min: 1 }),
  };
  fields.end();
  return read;
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeEmbeddings(body: unknown): OllamaEmbed {
  const fields = Fields.of(body);
  const target = readTarget(fields);
  const prompt = fields.text('prompt') ?? '';
  fields.end();
  return { ...target, texts: prompt === '' ? [] : [prompt], truncate: true, dimensions: undefined };
}

/** Nothing is drawn: of the options only the context counts. */
function readTarget(fields: Fields): OllamaTarget {
  const model = readModelName(fields);
  const { contextTokens } = readOptions(fields);
  return { model, keepAliveMs: readKeepAlive(fields), contextTokens };
}
