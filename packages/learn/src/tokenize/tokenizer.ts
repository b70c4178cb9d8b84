// A tokenizer: text to token ids and back, as a standard tokenizer.json describes it. This file only sends texts through
// the stages, which are read from the document once; what each stage does is in the files of their names.
import { AmaasError } from '@amaas/core';
import { type AddedToken, AddedTokenFinder, readAddedTokens } from './added-tokens.ts';
import { alignWhole, originalEnd, originalStart } from './aligned-text.ts';
import { type Decoder, readDecoder } from './decoders.ts';
import {
  assembleEncoding,
  createTokenList,
  type Encoding,
  type Padding,
  padEncodings,
  planWindows,
  type TemplatePart,
  type TokenList,
  type Truncation,
  type Window,
} from './encoding.ts';
import { JsonNode } from './json-node.ts';
import { readNormalizer } from './normalizers.ts';
import { type PostProcessing, readPostProcessor, trimStretches } from './post-processors.ts';
import { type PreTokenizer, readPreTokenizer } from './pre-tokenizers.ts';
import { readModel } from './read-model.ts';
import { checkPadding, checkTruncation, readPadding, readTruncation } from './read-lengths.ts';
import { type WordModel, WordTokenizer } from './word-model.ts';

export interface EncodeOptions {
  /** A second text, as sentence pairs have it. */
  readonly pair?: string;
  /** Whether the template's special tokens are added; default true. */
  readonly addSpecialTokens?: boolean;
  /** Default: what the document says; null: none. */
  readonly truncation?: Truncation | null;
  /** Default: what the document says; null: none. */
  readonly padding?: Padding | null;
}

export interface DecodeOptions {
  /** Default true. */
  readonly skipSpecialTokens?: boolean;
}

/**
 * Reads a tokenizer.json.
 * @param json - the document as JSON.parse gives it, or its text
 * @throws INVALID_MODEL naming the path in the document, what is expected there and what came.
 */
export function readTokenizer(json: unknown): Tokenizer {
  return new Tokenizer(typeof json === 'string' ? parseDocument(json) : json);
}

function parseDocument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AmaasError('INVALID_MODEL', 'tokenizer.json: the document expects JSON, got text that is none', {
      cause,
    });
  }
}

export class Tokenizer {
  readonly #document: unknown;
  readonly #model: WordModel;
  readonly #words: WordTokenizer;
  readonly #preTokenizer: PreTokenizer;
  readonly #processing: PostProcessing;
  readonly #decoder: Decoder;
  readonly #finder: AddedTokenFinder;
  readonly #addedByContent: ReadonlyMap<string, AddedToken>;
  readonly #addedById: ReadonlyMap<number, AddedToken>;
  readonly #specials: ReadonlySet<string>;
  readonly #truncation: Truncation | null;
  readonly #padding: Padding | null;

  /** @param document - a parsed tokenizer.json, which is not changed later; use {@link readTokenizer}. */
  constructor(document: unknown) {
    const node = new JsonNode(document, '');
    this.#document = document;
    this.#model = readModel(node.at('model'));
    this.#preTokenizer = readPreTokenizer(node.at('pre_tokenizer'));
    this.#words = new WordTokenizer(this.#model, { asBytes: this.#preTokenizer.asBytes });
    this.#processing = readPostProcessor(node.at('post_processor'));
    this.#decoder = readDecoder(node.at('decoder'));
    const added = readAddedTokens(node.at('added_tokens'));
    this.#finder = new AddedTokenFinder(added, readNormalizer(node.at('normalizer')));
    this.#addedByContent = new Map(added.map((token) => [token.content, token]));
    this.#addedById = new Map(added.map((token) => [token.id, token]));
    this.#specials = new Set(added.filter(({ special }) => special).map(({ content }) => content));
    this.#truncation = readTruncation(node.at('truncation'));
    this.#padding = readPadding(node.at('padding'));
  }

  /** One more than the greatest id; the rows an embedding needs. */
  get vocabularySize(): number {
    let size = this.#model.tokens.length;
    for (const id of this.#addedById.keys()) size = Math.max(size, id + 1);
    return size;
  }

  /** The id of a token, null where there is none. */
  tokenToId(token: string): number | null {
    return this.#addedByContent.get(token)?.id ?? this.#model.ids.get(token) ?? null;
  }

  /** The token of an id, null where there is none. */
  idToToken(id: number): string | null {
    return this.#addedById.get(id)?.content ?? this.#model.tokens[id] ?? null;
  }

  /**
   * The tokens of a text or of a pair. Lone surrogates count as U+FFFD.
   * @throws INVALID_ARGUMENT when truncation leaves nothing of a text, INVALID_DATA for a character that the model has no
   *   token for, where it has no unknown token either.
   */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    return this.#finish([this.#encodeAll([text, options.pair], options)], options)[0] ?? emptyEncoding();
  }

  /**
   * The tokens of a text that is cut into words already; stretches are within each word, word indexes say which it is.
   * @throws INVALID_ARGUMENT, INVALID_DATA as {@link encode} does.
   */
  encodeWords(words: readonly string[], options: Omit<EncodeOptions, 'pair'> = {}): Encoding {
    const list = createTokenList();
    for (const [index, word] of words.entries()) this.#tokenize(word, list, index);
    return this.#finish([this.#assemble([list], options)], options)[0] ?? emptyEncoding();
  }

  /**
   * The encodings of many texts or pairs, padded to one length where padding is asked for or the document has it.
   * @throws INVALID_ARGUMENT, INVALID_DATA as {@link encode} does.
   */
  encodeBatch(
    texts: readonly (string | readonly [text: string, pair: string])[],
    options: Omit<EncodeOptions, 'pair'> = {},
  ): readonly Encoding[] {
    const encodings = texts.map((text) => this.#encodeAll(typeof text === 'string' ? [text] : text, options));
    return this.#finish(encodings, options);
  }

  /** The text of token ids; ids that no token has are left out. */
  decode(ids: Iterable<number>, { skipSpecialTokens = true }: DecodeOptions = {}): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const token = this.idToToken(id);
      if (token !== null && !(skipSpecialTokens && this.#specials.has(token))) tokens.push(token);
    }
    return this.#decoder(tokens).join('');
  }

  decodeBatch(batch: readonly Iterable<number>[], options: DecodeOptions = {}): readonly string[] {
    return batch.map((ids) => this.decode(ids, options));
  }

  /** The tokenizer.json this tokenizer was read from, as a value of its own for JSON.stringify. */
  toJson(): unknown {
    return structuredClone(this.#document);
  }

  #encodeAll(texts: readonly (string | undefined)[], options: EncodeOptions): Encoding {
    const lists: TokenList[] = [];
    for (const text of texts) {
      if (text === undefined) continue;
      const list = createTokenList();
      this.#tokenize(text, list, null);
      lists.push(list);
    }
    return this.#assemble(lists, options);
  }

  /** @param wordIndex - of all the tokens; null: each word gets its own */
  #tokenize(given: string, list: TokenList, wordIndex: number | null): void {
    const text = given.toWellFormed();
    const from = list.ids.length;
    let word = 0;
    for (const stretch of this.#finder.split(alignWhole(text))) {
      if (stretch.token !== null) {
        list.ids.push(stretch.token.id);
        list.tokens.push(stretch.text.text);
        list.starts.push(originalStart(stretch.text, 0));
        list.ends.push(originalEnd(stretch.text, stretch.text.text.length - 1));
        list.words.push(wordIndex ?? word);
        word++;
        continue;
      }
      for (const piece of this.#preTokenizer.split(stretch.text)) {
        const found = this.#words.tokenize(piece.text);
        for (let index = 0; index < found.ids.length; index++) {
          list.ids.push(found.ids[index] ?? 0);
          list.tokens.push(found.tokens[index] ?? '');
          list.starts.push(originalStart(piece, found.starts[index] ?? 0));
          list.ends.push(originalEnd(piece, (found.ends[index] ?? 1) - 1));
          list.words.push(wordIndex ?? word);
        }
        word++;
      }
    }
    for (const trim of this.#processing.trims) trimStretches(list, { ...trim, text, from });
  }

  #assemble(lists: readonly TokenList[], options: EncodeOptions): Encoding {
    const isPair = lists.length > 1;
    const { single, pair, plainPair } = this.#processing;
    const wanted = options.addSpecialTokens ?? true;
    const template = isPair ? (wanted ? pair : plainPair) : wanted ? single : single.filter(isText);
    const truncation = options.truncation === undefined ? this.#truncation : options.truncation;
    const lengths = lists.map(({ ids }) => ids.length);
    if (truncation === null) return assembleEncoding(template, lists.map(wholeText), []);
    checkTruncation(truncation);
    const special = template.reduce((sum, part) => sum + (part.sequence === null ? part.ids.length : 0), 0);
    const room = Math.max(0, truncation.maxLength - special);
    const windows = planWindows(lengths, room, truncation);
    const [kept, ...cut] = combineWindows(windows).map((chosen) =>
      lists.map((list, index) => ({ list, window: chosen[index] ?? { start: 0, end: 0 } })),
    );
    const overflowing = cut.map((texts) => assembleEncoding(template, texts, []));
    return assembleEncoding(template, kept ?? [], overflowing);
  }

  #finish(encodings: readonly Encoding[], options: EncodeOptions): readonly Encoding[] {
    const padding = options.padding === undefined ? this.#padding : options.padding;
    if (padding === null) return encodings;
    checkPadding(padding);
    return padEncodings(encodings, padding);
  }
}

function isText(part: TemplatePart): boolean {
  return part.sequence !== null;
}

function wholeText(list: TokenList): { readonly list: TokenList; readonly window: Window } {
  return { list, window: { start: 0, end: list.ids.length } };
}

/** Each window of the first text with each of the second; the kept ones first, then in the order other readers expect. */
function combineWindows(windows: readonly (readonly Window[])[]): readonly (readonly Window[])[] {
  const [first = [], second] = windows;
  if (second === undefined) return first.map((window) => [window]);
  const [kept, ...cut] = first;
  const [keptSecond, ...cutSecond] = second;
  if (kept === undefined || keptSecond === undefined) return [];
  return [
    [kept, keptSecond],
    ...cut.flatMap((window) => second.map((other) => [window, other])),
    ...cutSecond.map((other) => [kept, other]),
  ];
}

function emptyEncoding(): Encoding {
  return assembleEncoding([], [], []);
}
