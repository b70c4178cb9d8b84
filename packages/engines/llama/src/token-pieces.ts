// What each token of a vocabulary stands for, as bytes: pieces in a row are the text, whatever is written before and behind. What
// llama.cpp itself makes of several tokens at once is not: vocabularies that ask for it lose the spaces before , . ? and !, and a
// text that grows by pieces would lose the sign.
// Source: llama.cpp, `llama_vocab::impl::token_to_piece`; GPT-2's table of bytes.
import { type GgufMetadata, ggufNumbers, ggufText, ggufTexts } from '@amaas/learn/gguf';
import { TOKEN_KINDS } from './token-kinds.ts';

const encoder = new TextEncoder();
const NOTHING = new Uint8Array();
/** How vocabularies of sentencepiece write a space. */
const SPACE = '\u2581';

export class TokenPieces {
  readonly #texts: readonly string[];
  readonly #kinds: ArrayLike<number>;
  readonly #isByteLevel: boolean;
  /** Whether the first word of a text carries a space that is none of it. */
  readonly #hasFirstSpace: boolean;

  private constructor(metadata: GgufMetadata, texts: readonly string[], isByteLevel: boolean) {
    this.#texts = texts;
    this.#kinds = ggufNumbers(metadata, 'tokenizer.ggml.token_type') ?? [];
    this.#isByteLevel = isByteLevel;
    const prefix = metadata.get('tokenizer.ggml.add_space_prefix');
    this.#hasFirstSpace = !isByteLevel && !(prefix?.type === 'bool' && !prefix.value);
  }

  /** Null for vocabularies of other kinds than byte-level BPE and sentencepiece. */
  static read(metadata: GgufMetadata): TokenPieces | null {
    const model = ggufText(metadata, 'tokenizer.ggml.model');
    const texts = ggufTexts(metadata, 'tokenizer.ggml.tokens');
    if (texts === undefined || (model !== 'gpt2' && model !== 'llama')) return null;
    return new TokenPieces(metadata, texts, model === 'gpt2');
  }

  /** Of one token; special ones have a text only where that is wanted. */
  pieceOf(token: number, special: boolean): Uint8Array {
    const text = this.#texts[token] ?? '';
    switch (this.#kinds[token]) {
      case TOKEN_KINDS.unknown:
      case TOKEN_KINDS.control:
        return special ? encoder.encode(text) : NOTHING;
      case TOKEN_KINDS.userDefined:
        return encoder.encode(text);
      case TOKEN_KINDS.byte:
        return Uint8Array.of(Number.parseInt(text.slice(3, 5), 16));
      default:
        return this.#isByteLevel ? bytesOfByteLevel(text) : encoder.encode(text.replaceAll(SPACE, ' '));
    }
  }

  /** Of tokens that begin a text; bytes that form no character become U+FFFD. */
  textOf(tokens: readonly number[]): string {
    const pieces = tokens.map((token) => this.pieceOf(token, false));
    const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    const text = decode(bytes);
    return this.#hasFirstSpace && text.startsWith(' ') ? text.slice(1) : text;
  }
}

/** Bytes as they are: a mark at the beginning is text like all other. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

export function pieceText(piece: Uint8Array): string {
  return decode(piece);
}

/** Characters that stand for one byte each; what is no such character stands for itself. */
function bytesOfByteLevel(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = BYTES.get(character);
    if (byte === undefined) bytes.push(...encoder.encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

const BYTES: ReadonlyMap<string, number> = byteTable();

/** Printable bytes stand for themselves, the others for characters from U+0100 on. */
function byteTable(): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  for (let byte = 0; byte < 0x100; byte++) table.set(String.fromCodePoint(isPrintable(byte) ? byte : next++), byte);
  return table;
}
