// Plain text as sentences of lower-case words, for the trainers of this room. A tokenizer of a language model would do as
// well: what is learned from is any list of words.

/** Letters with their marks and digits, joined by single apostrophes and hyphens: don't, twenty-one. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu;
/** Where a sentence ends: after its marks, or at an empty line. */
const SENTENCE_END = /(?<=[.!?…][)"'’”]?)\s+|\n\s*\n/u;

/** Sentences of a text, one after another. Cutting is by punctuation alone: abbreviations end sentences too. */
export function* sentencesOf(text: string): Generator<readonly string[]> {
  for (const sentence of text.split(SENTENCE_END)) {
    const words = sentence.toLowerCase().match(WORD);
    if (words !== null) yield words.map((word) => word.replaceAll('’', "'"));
  }
}
