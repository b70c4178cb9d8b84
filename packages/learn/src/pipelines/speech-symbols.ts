// The characters a recogniser of speech writes. Class 0 is CTC's blank, which is none; the others are single characters
// (Unicode code points), the space among them.
import { AmaasError } from '@amaas/core';

export interface SpeechSymbols {
  /** The character of class 1, of class 2, …; each once. */
  readonly characters: readonly string[];
}

/** CTC's class that is no character. */
export const SPEECH_BLANK = 0;

/** As transcripts are learned and compared: composed characters, single spaces, none around. */
export function tidyTranscript(text: string): string {
  return text.normalize('NFC').replace(/\s+/gu, ' ').trim();
}

/** All characters of the texts, in the order of their code points. */
export function symbolsOf(texts: Iterable<string>): SpeechSymbols {
  const characters = new Set<string>();
  for (const text of texts) for (const character of text) characters.add(character);
  return { characters: [...characters].sort((a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0)) };
}

/** @throws INVALID_CONFIG for no characters, one twice, or texts that are no single character */
export function checkSymbols(characters: readonly string[]): SpeechSymbols {
  const wrong = characters.find((each, at) => [...each].length !== 1 || characters.indexOf(each) !== at);
  if (wrong === undefined && characters.length > 0) return { characters };
  throw new AmaasError(
    'INVALID_CONFIG',
    `speech: expected single characters, each once, got ${wrong === undefined ? 'none' : JSON.stringify(wrong)}`,
  );
}

/** Classes by character. */
export function classesByCharacter({ characters }: SpeechSymbols): ReadonlyMap<string, number> {
  return new Map(characters.map((character, at) => [character, at + 1]));
}

/** The text that labels spell. */
export function spellLabels({ characters }: SpeechSymbols, labels: readonly number[]): string {
  return labels.map((label) => characters[label - 1] ?? '').join('');
}

/** Steps that CTC needs for a text: one per character, and a blank between equal ones. */
export function stepsNeeded(text: string): number {
  const characters = [...text];
  return characters.reduce((steps, character, at) => steps + (character === characters[at - 1] ? 2 : 1), 0);
}
