// Text to learn a language model from: documents that can be read again and again, in memory or from wherever the reader
// takes them. Splits them into what is learned from and what is held out. Knows no tokens and no files.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';

/** What stands between documents in the usual text files, and the token that stands between them for a model. */
export const END_OF_TEXT = '<|endoftext|>';

/** Documents, of which only those at hand need to be in memory. */
export interface Corpus {
  /** All documents, the same in the same order every time. */
  read(): AsyncIterable<string> | Iterable<string>;
}

/** Fewer documents are not held out whole: each gives up its end instead. */
const MIN_DOCUMENTS = 20;

/** A corpus of texts in memory; each is cut into documents where it holds `<|endoftext|>`, whose surroundings are trimmed. */
export function textCorpus(texts: string | readonly string[]): Corpus {
  const given = typeof texts === 'string' ? [texts] : texts;
  return {
    *read() {
      for (const text of given) yield* splitDocuments(text);
    },
  };
}

/** The documents of a text file that marks their ends, or the text as it is where it marks none; none are empty. */
export function splitDocuments(text: string): readonly string[] {
  if (!text.includes(END_OF_TEXT)) return text === '' ? [] : [text];
  return text
    .split(END_OF_TEXT)
    .map((document) => document.trim())
    .filter((document) => document !== '');
}

export interface CorpusSurvey {
  readonly documents: number;
  /** UTF-16 units. */
  readonly characters: number;
  /** Equal for equal corpora; different, up to chance, for different ones. Not for secrets. */
  readonly digest: string;
}

/** Reads a corpus once. @throws INVALID_DATA when it has no text; CANCELLED */
export async function surveyCorpus(corpus: Corpus, signal?: AbortSignal): Promise<CorpusSurvey> {
  let [documents, characters, first, second] = [0, 0, 0x811c9dc5, 0x9747b28c];
  for await (const text of corpus.read()) {
    throwIfCancelled(signal);
    documents++;
    characters += text.length;
    // Two independent FNV-1a sums of 32 bits; the length keeps ['ab'] and ['a', 'b'] apart.
    first = Math.imul(first ^ text.length, 0x01000193);
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      first = Math.imul(first ^ unit, 0x01000193);
      second = Math.imul(second ^ unit, 0x5bd1e995);
    }
  }
  if (characters === 0) throw new AmaasError('INVALID_DATA', 'language model: the corpus has no text');
  const hex = (sum: number): string => (sum >>> 0).toString(16).padStart(8, '0');
  return { documents, characters, digest: `${hex(first)}${hex(second)}` };
}

export interface SplitCorpus {
  readonly training: Corpus;
  readonly validation: Corpus;
}

export interface CorpusSplit {
  /** In all. */
  readonly documents: number;
  /** Of the documents, or of the text where there are few of them; 0 < share < 1. */
  readonly share: number;
  readonly random: Random;
}

/**
 * Holds out whole documents, chosen by the generator's seed; of fewer than 20 the end of each, cut at white space.
 * Nothing is read before the parts are.
 * @throws INVALID_ARGUMENT for a share that is none
 */
export function splitCorpus(corpus: Corpus, { documents, share, random }: CorpusSplit): SplitCorpus {
  if (!(share > 0 && share < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `language model: validation must lie between 0 and 1, got ${share}`);
  }
  if (documents < MIN_DOCUMENTS) {
    return {
      training: mapDocuments(corpus, (text) => text.slice(0, cutOf(text, share))),
      validation: mapDocuments(corpus, (text) => text.slice(cutOf(text, share))),
    };
  }
  // At least one on each side, however small or large the share.
  const forced = random.fork('held out').integer(documents);
  const isHeldOut = (index: number): boolean => {
    if (index === forced) return true;
    if (index === (forced + 1) % documents) return false;
    return random.fork('document', index).uniform() < share;
  };
  return {
    training: mapDocuments(corpus, (text, index) => (isHeldOut(index) ? '' : text)),
    validation: mapDocuments(corpus, (text, index) => (isHeldOut(index) ? text : '')),
  };
}

/** Where the end of a text begins: behind the white space nearest before its place. */
function cutOf(text: string, share: number): number {
  const wanted = Math.floor(text.length * (1 - share));
  for (let at = wanted; at > 0; at--) if (/\s/.test(text[at - 1] ?? '')) return at;
  // A text without white space: not between the halves of a surrogate pair.
  return /[\udc00-\udfff]/.test(text[wanted] ?? '') ? wanted + 1 : wanted;
}

/** A corpus of other texts; those that become empty are left out. */
function mapDocuments(corpus: Corpus, map: (text: string, index: number) => string): Corpus {
  return {
    async *read() {
      let index = 0;
      for await (const text of corpus.read()) {
        const mapped = map(text, index++);
        if (mapped !== '') yield mapped;
      }
    },
  };
}

/** The first texts of a corpus, as many as have `characters` together, the last one cut. */
export async function readBeginning(corpus: Corpus, characters: number): Promise<readonly string[]> {
  const texts: string[] = [];
  let left = characters;
  for await (const text of corpus.read()) {
    texts.push(text.slice(0, left));
    left -= text.length;
    if (left <= 0) break;
  }
  return texts;
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AmaasError('CANCELLED', 'language model: cancelled', { cause: signal.reason });
}
