// Tagged sentences as CoNLL's shared tasks write them: a word and its tag per line, an empty line after each sentence.
// Knows the text only.
import { AmaasError } from '@amaas/core';

export interface TaggedSentence {
  readonly words: readonly string[];
  /** As many as words. */
  readonly tags: readonly string[];
}

export interface TaggedSentencesOptions {
  /** Between columns; default a tab. */
  readonly separator?: string;
  /** Default 0: the first. */
  readonly wordColumn?: number;
  /** Default the last; in CoNLL-U 3 has the universal part of speech. */
  readonly tagColumn?: number;
}

/**
 * Sentences of a text. Lines that begin with `#` and have but one column are comments.
 * @param name - of the text, for messages
 * @throws INVALID_DATA naming the first line without a word or a tag, and where there is no sentence.
 */
export function readTaggedSentences(
  text: string,
  name: string,
  { separator = '\t', wordColumn = 0, tagColumn }: TaggedSentencesOptions = {},
): readonly TaggedSentence[] {
  const sentences: TaggedSentence[] = [];
  let [words, tags]: [string[], string[]] = [[], []];
  const end = (): void => {
    if (words.length > 0) sentences.push({ words, tags });
    [words, tags] = [[], []];
  };
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '') {
      end();
      continue;
    }
    const columns = line.split(separator);
    if (line.startsWith('#') && columns.length === 1) continue;
    const word = columns[wordColumn]?.trim() ?? '';
    const tag = (columns.length > 1 ? columns.at(tagColumn ?? -1) : undefined)?.trim() ?? '';
    if (word === '' || tag === '') {
      throw new AmaasError(
        'INVALID_DATA',
        `${name}: line ${index + 1} needs a word and its tag, separated by ${JSON.stringify(separator)}; it is ${JSON.stringify(line.slice(0, 80))}`,
      );
    }
    words.push(word);
    tags.push(tag);
  }
  end();
  if (sentences.length === 0) throw new AmaasError('INVALID_DATA', `${name}: there is no tagged sentence`);
  return sentences;
}
