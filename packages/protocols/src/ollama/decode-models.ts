// The bodies of /api/show, /api/delete and /api/pull.
import { Fields } from '../fields/index.ts';
import { readModelName } from './model-name.ts';

export interface OllamaPull {
  /** As the caller wrote it; the hub knows what it means. */
  readonly name: string;
  readonly stream: boolean;
}

/** `verbose` asks for what there is none of: the vocabulary. @throws INVALID_ARGUMENT naming the field */
export function decodeShow(body: unknown): { readonly model: string } {
  const fields = Fields.of(body);
  const model = readModelName(fields);
  fields.ignore('verbose');
  fields.end();
  return { model };
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodeDelete(body: unknown): { readonly model: string } {
  const fields = Fields.of(body);
  const model = readModelName(fields);
  fields.end();
  return { model };
}

/** @throws INVALID_ARGUMENT naming the field */
export function decodePull(body: unknown): OllamaPull {
  const fields = Fields.of(body);
  const name = readModelName(fields);
  if (fields.flag('insecure') === true) throw fields.invalid('insecure', 'is not supported');
  const stream = fields.flag('stream') ?? true;
  fields.end();
  return { name, stream };
}
