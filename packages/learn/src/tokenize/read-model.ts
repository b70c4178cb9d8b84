// The models a tokenizer.json may hold, by their type.
import { readBpe } from './bpe.ts';
import type { JsonNode } from './json-node.ts';
import { readUnigram } from './unigram.ts';
import { readVocabulary } from './vocabulary.ts';
import type { WordModel } from './word-model.ts';
import { readWordPiece } from './word-piece.ts';

/** @throws INVALID_MODEL naming the field. */
export function readModel(node: JsonNode): WordModel {
  switch (modelType(node)) {
    case 'BPE':
      return readBpe(node);
    case 'WordPiece':
      return readWordPiece(node);
    case 'Unigram':
      return readUnigram(node);
    case 'WordLevel':
      return readWordLevel(node);
  }
}

/** Older files leave the type out; the fields then tell. */
function modelType(node: JsonNode): 'BPE' | 'WordPiece' | 'Unigram' | 'WordLevel' {
  const type = node.at('type');
  if (!type.isAbsent) return type.oneOf(['BPE', 'WordPiece', 'Unigram', 'WordLevel']);
  if (!node.at('merges').isAbsent) return 'BPE';
  if (Array.isArray(node.at('vocab').value)) return 'Unigram';
  return node.at('continuing_subword_prefix').isAbsent ? 'WordLevel' : 'WordPiece';
}

/** A token for each known word, the unknown token for all others. */
function readWordLevel(node: JsonNode): WordModel {
  const { ids, tokens } = readVocabulary(node.at('vocab'));
  const unknown = node.at('unk_token').text();
  const unknownId = ids.get(unknown);
  if (unknownId === undefined) throw node.at('unk_token').refuse('a token of model.vocab');
  return {
    ids,
    tokens,
    tokenize(word) {
      const id = ids.get(word);
      const token = id === undefined ? unknown : word;
      return { ids: [id ?? unknownId], tokens: [token], starts: [0], ends: [word.length] };
    },
  };
}
