// The tokenizer of Llama-shaped models, whose files (GGUF, SentencePiece) hold scored pieces instead of merges: a pair
// merges if the two make a piece, the one with the best score first. Written as a standard tokenizer.json.
import { AmaasError } from '@amaas/core';
import { writeBpeModel, writeDocument } from './document.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';

/** What a piece is, by SentencePiece's numbers, which GGUF keeps as `tokenizer.ggml.token_type`. */
export const PIECE_TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface SentencePieces {
  /** By id; spaces as ▁. */
  readonly tokens: readonly string[];
  /** Greater ones merge first; as long as `tokens`. */
  readonly scores: readonly number[];
  /** Of {@link PIECE_TYPES}; as long as `tokens`. */
  readonly types: readonly number[];
  /** Whether a space is put in front of each text; default true, as Llama has it. */
  readonly addsPrefixSpace?: boolean;
  /** Id of the token that begins every text; default none. */
  readonly startId?: number | null;
}

/** @throws INVALID_DATA when the lists do not fit together or no piece stands for the unknown. */
export function tokenizerFromSentencePieces(given: SentencePieces): Tokenizer {
  const { tokens, scores, types, addsPrefixSpace = true, startId = null } = given;
  if (scores.length !== tokens.length || types.length !== tokens.length) {
    throw new AmaasError(
      'INVALID_DATA',
      `tokenizer: ${tokens.length} pieces expect as many scores and types, got ${scores.length} and ${types.length}`,
    );
  }
  const unknownToken = tokens[types.indexOf(PIECE_TYPES.unknown)];
  if (unknownToken === undefined)
    throw new AmaasError('INVALID_DATA', 'tokenizer: pieces expect one for the unknown, got none');
  const start = startId === null ? undefined : tokens[startId];
  if (startId !== null && start === undefined) {
    throw new AmaasError(
      'INVALID_DATA',
      `tokenizer: startId expects the id of one of ${tokens.length} pieces, got ${startId}`,
    );
  }
  const model = writeBpeModel(tokens, listMerges(given), {
    unknownToken,
    byteFallback: types.includes(PIECE_TYPES.byte),
  });
  const space = { pattern: { String: ' ' }, content: '▁' };
  const normalizers = [...(addsPrefixSpace ? [{ type: 'Prepend', prepend: '▁' }] : []), { type: 'Replace', ...space }];
  const document = writeDocument({
    model,
    normalizer: { type: 'Sequence', normalizers },
    preTokenizer: null,
    postProcessor: start === undefined ? null : startTemplate(start, startId ?? 0),
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(addsPrefixSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    specialTokens: [],
  });
  const added = tokens.flatMap((content, id) => {
    const type = types[id];
    const special = type === PIECE_TYPES.control || type === PIECE_TYPES.unknown;
    if (!special && type !== PIECE_TYPES.userDefined) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
  return readTokenizer({ ...document, added_tokens: added });
}

/** All ways to put a normal piece together from two others, the best pieces first. */
function listMerges({ tokens, scores, types }: SentencePieces): readonly (readonly [string, string])[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: { readonly left: string; readonly right: string; readonly score: number; readonly order: number }[] =
    [];
  tokens.forEach((token, id) => {
    if (types[id] !== PIECE_TYPES.normal && types[id] !== PIECE_TYPES.userDefined) return;
    for (let cut = 1; cut < token.length; cut++) {
      const leftId = ids.get(token.slice(0, cut));
      const rightId = ids.get(token.slice(cut));
      if (leftId === undefined || rightId === undefined) continue;
      const order = leftId * tokens.length + rightId;
      merges.push({ left: token.slice(0, cut), right: token.slice(cut), score: scores[id] ?? 0, order });
    }
  });
  merges.sort((a, b) => b.score - a.score || a.order - b.order);
  return merges.map(({ left, right }) => [left, right] as const);
}

function startTemplate(token: string, id: number): object {
  const special = { SpecialToken: { id: token, type_id: 0 } };
  const single = [special, { Sequence: { id: 'A', type_id: 0 } }];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, { SpecialToken: { id: token, type_id: 1 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}
