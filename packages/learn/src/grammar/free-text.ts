// Free text up to a marker: everything in which the marker does not occur, and what may come after it. A grammar cannot look
// back, so it remembers how much of the marker has been written (Knuth, Morris, Pratt).
import { characterClass, complementOf, type GbnfRules, sequence } from './gbnf.ts';

export interface FreeTextEnds {
  /** Where free text ends and something else begins; not empty. */
  readonly marker: string;
  /** What follows the marker; null: the marker may not occur. */
  readonly next: string | null;
  /** Whether the text may also end without a marker. */
  readonly mayEnd: boolean;
}

/**
 * Any text in which the marker does not occur, then the marker and what follows it.
 * @returns how to refer to it, by how many of the marker's first characters stand before it: none, one, …
 */
export function addFreeText(
  rules: GbnfRules,
  { marker, next, mayEnd }: FreeTextEnds,
): readonly [string, ...(readonly string[])] {
  const characters = Array.from(marker);
  const codes = [...new Set(characters)].map((character) => character.codePointAt(0) ?? 0);
  const others = characterClass(complementOf(codes.map((code) => [code, code] as const)));
  const names: string[] = [];
  // A state refers to itself, to earlier ones and to the next, so each is made inside the one before.
  const state = (written: number): string =>
    rules.own('text', (name) => {
      names[written] = name;
      const branches = [...(mayEnd ? ['""'] : []), sequence([others, names[0] ?? name])];
      for (const code of codes) {
        const character = String.fromCodePoint(code);
        const reached = overlap(characters, [...characters.slice(0, written), character]);
        if (reached === characters.length) {
          if (next !== null) branches.push(sequence([characterClass([[code, code]]), next]));
        } else {
          const target = reached > written ? state(reached) : (names[reached] ?? name);
          branches.push(sequence([characterClass([[code, code]]), target]));
        }
      }
      return branches.join(' | ');
    });
  return [state(0), ...names.slice(1)];
}

/** How many of the marker's first characters `text` ends with. */
function overlap(marker: readonly string[], text: readonly string[]): number {
  for (let length = Math.min(marker.length, text.length); length > 0; length--) {
    if (marker.slice(0, length).every((character, index) => character === text[text.length - length + index])) {
      return length;
    }
  }
  return 0;
}
