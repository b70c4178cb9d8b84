// Text to tokens and back by a llama-server.
import { AmaasError, type PromptPiece } from '@amaas/core';
import { ggufNumber, ggufNumbers, ggufText, ggufTexts } from '@amaas/learn/gguf';
import { readHeader } from './model-file.ts';
import type { ServerConnection } from './server-connection.ts';
import { numbersIn, textIn } from './server-json.ts';
import { TOKEN_KINDS } from './token-kinds.ts';

interface Rules {
  readonly size: number;
  /** The token that begins every text; null: there is none. */
  readonly begin: number | null;
  readonly control: ReadonlySet<number>;
  /** Whether words carry the space before them, which the first one of a text has not. */
  readonly hasSpaces: boolean;
}

export class ServerVocabulary {
  readonly #connection: ServerConnection;
  readonly #rules: Rules;

  private constructor(connection: ServerConnection, rules: Rules) {
    this.#connection = connection;
    this.#rules = rules;
  }

  static async open(connection: ServerConnection, modelPath: string): Promise<ServerVocabulary> {
    const { metadata } = (await readHeader(modelPath)).gguf;
    const kinds = Array.from(ggufNumbers(metadata, 'tokenizer.ggml.token_type') ?? []);
    const control = new Set(kinds.flatMap((kind, token) => (kind === TOKEN_KINDS.control ? [token] : [])));
    const size = ggufTexts(metadata, 'tokenizer.ggml.tokens')?.length ?? 0;
    // Whether texts begin with it some files do not say, and llama.cpp knows.
    const empty = await connection.ask('/tokenize', { content: '', add_special: true });
    const [first] = numbersIn(empty, 'tokens');
    const begin = ggufNumber(metadata, 'tokenizer.ggml.bos_token_id') ?? 1;
    const prefix = metadata.get('tokenizer.ggml.add_space_prefix');
    const hasSpaces =
      ggufText(metadata, 'tokenizer.ggml.model') === 'llama' && !(prefix?.type === 'bool' && !prefix.value);
    return new ServerVocabulary(connection, { size, begin: first === begin ? begin : null, control, hasSpaces });
  }

  async promptTokens(pieces: readonly PromptPiece[]): Promise<readonly number[]> {
    const tokens = await this.tokensOf(pieces);
    const { begin } = this.#rules;
    return begin === null || tokens[0] === begin ? tokens : [begin, ...tokens];
  }

  async tokensOf(pieces: readonly PromptPiece[]): Promise<readonly number[]> {
    const parts = await Promise.all(
      pieces.map(async (piece) =>
        'tokens' in piece ? this.#known(piece.tokens, 'prompt') : this.#ask(piece.text, piece.special, false),
      ),
    );
    return parts.flat();
  }

  /** With the tokens that begin and end a text that becomes a vector, where the model wants them. */
  async wholeText(pieces: readonly PromptPiece[]): Promise<readonly number[]> {
    const [piece] = pieces;
    if (pieces.length === 1 && piece !== undefined && 'text' in piece)
      return this.#ask(piece.text, piece.special, true);
    return this.promptTokens(pieces);
  }

  /** Whether an answer to this prompt begins a text: the space before its first word is none. */
  beginsText(prompt: readonly number[]): boolean {
    const { hasSpaces, control } = this.#rules;
    return hasSpaces && control.has(prompt.at(-1) ?? -1);
  }

  async textOf(tokens: readonly number[]): Promise<string> {
    const said = this.#known(tokens, 'detokenize').filter((token) => !this.#rules.control.has(token));
    return said.length === 0 ? '' : textIn(await this.#connection.ask('/detokenize', { tokens: said }), 'content');
  }

  async #ask(content: string, special: boolean, whole: boolean): Promise<readonly number[]> {
    if (content === '') return [];
    const asked = { content, add_special: whole, parse_special: special };
    return numbersIn(await this.#connection.ask('/tokenize', asked), 'tokens');
  }

  #known(tokens: readonly number[], what: string): readonly number[] {
    const { size } = this.#rules;
    const unknown = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= size);
    if (unknown === undefined) return tokens;
    throw new AmaasError('INVALID_ARGUMENT', `${what}: token ${unknown} is none of the model's 0 … ${size - 1}`);
  }
}
