// Vocabularies as files give them: an object of tokens and ids. Ids must be whole, but may leave gaps.
import type { JsonNode } from './json-node.ts';

/** Ids are places in a list; a file must not make that list endless. */
const MAX_ID = 2 ** 22;

export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  readonly tokens: readonly (string | undefined)[];
}

/** @throws INVALID_MODEL naming the token whose id cannot be one. */
export function readVocabulary(node: JsonNode): Vocabulary {
  const ids = new Map<string, number>();
  const tokens: (string | undefined)[] = [];
  for (const [token, idNode] of node.entries()) {
    const id = idNode.whole();
    if (id >= MAX_ID) throw idNode.refuse(`an id below ${MAX_ID}`);
    ids.set(token, id);
    tokens[id] = token;
  }
  return { ids, tokens: Array.from(tokens) };
}
