// Texts of training examples as the tokens that a model is given, and that it would write, when it is served: prompts as the
// runtime cuts them, answers as they come out one after the other. Knows no conversations.
import type { PromptPiece } from '@amaas/core';
import { type GgufMetadata, ggufNumber } from '@amaas/learn/gguf';
import type { SpecialTokens } from '@amaas/learn/language';
import { readTokenizer, type Tokenizer } from '@amaas/learn/tokenize';

/** What sentencepiece's vocabularies have in place of a space. */
const SPACE = '▁';

/** Tokens at which runtimes end an answer, by the names that models give them. Source: llama.cpp, src/llama-vocab.cpp. */
const TURN_ENDS = [
  ...['<|eot_id|>', '<|im_end|>', '<|end|>', '<end_of_turn>', '<|endoftext|>', '<|eom_id|>', '< EOT >', '_<EOT>'],
  ...['<|end_of_text|>', '<end_of_utterance>', '<|return|>', '<|call|>', '<EOT>', '<eos>', '</s>', '<|eot|>', '[EOS]'],
];

export class ModelTokens {
  readonly #tokenizer: Tokenizer;
  /** Finds no special tokens, whatever the text says. */
  readonly #plain: Tokenizer;
  readonly #special: SpecialTokens;
  /** Whether a text begins with a space that it does not have. */
  readonly #addsSpace: boolean;
  /** Texts of the tokens that end an answer, with their ids. */
  readonly ends: ReadonlyMap<string, number>;
  readonly #specialIds: ReadonlySet<number>;

  constructor(tokenizer: Tokenizer, special: SpecialTokens, metadata: GgufMetadata) {
    this.#tokenizer = tokenizer;
    this.#plain = withoutSpecial(tokenizer);
    this.#special = special;
    this.#addsSpace = this.#plain.idToToken(encode(this.#plain, 'a')[0] ?? -1)?.startsWith(SPACE) ?? false;
    const named = TURN_ENDS.flatMap((text) => {
      const id = tokenizer.tokenToId(text);
      return id === null ? [] : [[text, id] as const];
    });
    const stated = ['eos', 'eot', 'eom'].flatMap((name) => {
      const id = ggufNumber(metadata, `tokenizer.ggml.${name}_token_id`);
      const text = id === undefined ? null : tokenizer.idToToken(id);
      return id === undefined || text === null ? [] : [[text, id] as const];
    });
    this.ends = new Map([...named, ...stated]);
    const starts = special.start === null ? [] : [special.start];
    this.#specialIds = new Set([...starts, ...this.ends.values(), ...addedSpecials(tokenizer)]);
  }

  /** The token that ends texts; null: none. */
  get end(): number | null {
    return this.#special.end;
  }

  /** As the runtime cuts a prompt: with the token that begins texts before it where the model wants one. */
  ofPrompt(pieces: readonly PromptPiece[]): readonly number[] {
    const ids = pieces.flatMap((piece) =>
      'tokens' in piece ? piece.tokens : encode(piece.special ? this.#tokenizer : this.#plain, piece.text),
    );
    const { start, addsStart } = this.#special;
    return !addsStart || start === null || ids[0] === start ? ids : [start, ...ids];
  }

  /** Of a text that the model writes behind `before`: no space is made up where a word goes on. */
  ofAnswer(text: string, before: readonly number[], isSpecial = false): readonly number[] {
    const tokenizer = isSpecial ? this.#tokenizer : this.#plain;
    const last = before.at(-1);
    if (!this.#addsSpace || last === undefined || this.#specialIds.has(last)) return encode(tokenizer, text);
    // A line's end is a token of its own in such vocabularies: what follows it is cut as it is behind anything else.
    const guard = encode(tokenizer, '\n');
    return encode(tokenizer, `\n${text}`).slice(guard.length);
  }
}

function encode(tokenizer: Tokenizer, text: string): readonly number[] {
  return [...tokenizer.encode(text, { addSpecialTokens: false, truncation: null, padding: null }).ids];
}

interface AddedToken {
  readonly id: number;
  readonly special: boolean;
}

function addedTokens(document: unknown): readonly AddedToken[] {
  const added = typeof document === 'object' && document !== null && 'added_tokens' in document;
  // A Tokenizer's own document: what it was read from has this form.
  return added ? (document.added_tokens as readonly AddedToken[]) : [];
}

function addedSpecials(tokenizer: Tokenizer): readonly number[] {
  return addedTokens(tokenizer.toJson()).flatMap(({ id, special }) => (special ? [id] : []));
}

function withoutSpecial(tokenizer: Tokenizer): Tokenizer {
  const document = tokenizer.toJson();
  const added = addedTokens(document).filter(({ special }) => !special);
  return readTokenizer({ ...(document as object), added_tokens: added, post_processor: null }); // it is one: see above
}
