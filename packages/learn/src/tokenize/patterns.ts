// Regular expressions of tokenizer files, which are written for Oniguruma, in JavaScript's terms. What differs is spelled
// out (\s, \w, \d, ^, $, dots, case); what JavaScript lacks is refused, and so is what could take forever: repetitions of
// what has several ways to match, and references back. Long rows of repetitions may still be slow: files are trusted as
// far as that. Source: Oniguruma's doc/RE (Ruby syntax).
import type { JsonNode } from './json-node.ts';
import { PATTERN_WORD_CLASS, SPACE_CLASS } from './unicode-classes.ts';

const MAX_PATTERN_CHARACTERS = 10_000;
/** Groups within groups; deeper ones are no pattern any more, and recursion stays bounded. */
const MAX_DEPTH = 50;

const DIGIT_CLASS = '\\p{Nd}';

/** What follows a backslash and stands for one fixed character. */
const CONTROL_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
  ['f', '\f'],
  ['v', '\v'],
  ['a', '\x07'],
  ['e', '\x1b'],
]);

/** The pattern of a `{"String": …}` or `{"Regex": …}` node, with flags g and v. @throws INVALID_MODEL naming the node. */
export function compilePattern(node: JsonNode): RegExp {
  const literal = node.at('String');
  if (!literal.isAbsent) {
    const text = literal.text();
    // An empty text is found nowhere.
    return new RegExp(text === '' ? '(?!)' : Array.from(text, spellCharacter).join(''), 'gv');
  }
  const regex = node.at('Regex');
  if (regex.isAbsent) throw node.refuse('{"String": …} or {"Regex": …}');
  const source = new PatternTranslator(regex).translate();
  try {
    return new RegExp(source, 'gv');
  } catch {
    throw regex.refuse('a regular expression that JavaScript can run');
  }
}

/** A character so that it means itself anywhere in a pattern. */
export function spellCharacter(character: string): string {
  return /^[\p{L}\p{N}]$/u.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

interface Translated {
  readonly source: string;
  /** Whether there is more than one way to match it. */
  readonly varies: boolean;
}

class PatternTranslator {
  readonly #node: JsonNode;
  readonly #characters: readonly string[];
  #position = 0;

  constructor(node: JsonNode) {
    this.#node = node;
    this.#characters = Array.from(node.text());
    if (this.#characters.length > MAX_PATTERN_CHARACTERS) {
      throw this.#refuse(`at most ${MAX_PATTERN_CHARACTERS} characters`);
    }
  }

  translate(): string {
    const { source } = this.#alternatives({ ignoreCase: false, depth: 0 });
    if (this.#position < this.#characters.length) throw this.#refuse('as many "(" as ")"');
    return source;
  }

  #alternatives(context: Context): Translated {
    if (context.depth > MAX_DEPTH) throw this.#refuse(`groups at most ${MAX_DEPTH} deep`);
    let source = '';
    let varies = false;
    for (;;) {
      const character = this.#characters[this.#position];
      if (character === undefined || character === ')') return { source, varies };
      if (character === '|') {
        this.#position++;
        source += '|';
        varies = true;
        continue;
      }
      const item = this.#item(context);
      const quantifier = this.#quantifier();
      // Each further way inside multiplies with each round; only what is there at most once may have several.
      if (item.varies && !/^\??\??$/.test(quantifier)) throw this.#refuse('no repetition of what varies');
      varies ||= quantifier !== '' || item.varies;
      source += item.source + quantifier;
    }
  }

  #item(context: Context): Translated {
    const character = this.#next();
    switch (character) {
      case '(':
        return this.#group(context);
      case '[':
        return { source: this.#set(context), varies: false };
      case '\\':
        return { source: this.#escape({ inSet: false }), varies: false };
      case '.':
        return { source: '[^\\n]', varies: false };
      case '^':
        return { source: '(?<![^\\n])', varies: false };
      case '$':
        return { source: '(?![^\\n])', varies: false };
      case '*':
      case '+':
      case '?':
        throw this.#refuse(`something before "${character}"`);
      default:
        return { source: spellLetter(character, context), varies: false };
    }
  }

  #group(context: Context): Translated {
    let opening = '(?:';
    let { ignoreCase } = context;
    if (this.#characters[this.#position] === '?') {
      this.#position++;
      const rest = this.#characters.slice(this.#position, this.#position + 2).join('');
      if (rest.startsWith(':')) this.#position++;
      else if (rest === 'i:') {
        ignoreCase = true;
        this.#position += 2;
      } else if (rest.startsWith('=') || rest.startsWith('!')) {
        opening = `(?${this.#next()}`;
      } else if (rest === '<=' || rest === '<!') {
        this.#position += 2;
        opening = `(?${rest}`;
      } else {
        throw this.#refuse('groups of the kinds (…), (?:…), (?i:…), (?=…), (?!…), (?<=…) and (?<!…) only');
      }
    }
    const inside = this.#alternatives({ ignoreCase, depth: context.depth + 1 });
    if (this.#characters[this.#position] !== ')') throw this.#refuse('as many ")" as "("');
    this.#position++;
    return { source: `${opening}${inside.source})`, varies: inside.varies };
  }

  #quantifier(): string {
    const rest = this.#characters.slice(this.#position, this.#position + 20).join('');
    const found = /^(?:[*+?]|\{\d{1,4}(?:,\d{0,4})?\})/.exec(rest)?.[0];
    if (found === undefined) return '';
    this.#position += found.length;
    const isLazy = rest.charAt(found.length) === '?';
    const after = rest.slice(found.length + (isLazy ? 1 : 0));
    if (after.startsWith('+') && !isLazy && !found.startsWith('{')) throw this.#refuse('no possessive repetitions');
    if (/^(?:[*+?]|\{\d)/.test(after)) throw this.#refuse('no repetition of what varies');
    if (isLazy) this.#position++;
    return isLazy ? `${found}?` : found;
  }

  #set(context: Context): string {
    let source = '[';
    if (this.#characters[this.#position] === '^') {
      this.#position++;
      source += '^';
    }
    for (let first = true; ; first = false) {
      const character = this.#next();
      if (character === ']' && !first) return `${source}]`;
      if (character === '&' && this.#characters[this.#position] === '&') throw this.#refuse('no && in sets');
      if (character === '[') {
        if (this.#characters[this.#position] === ':') throw this.#refuse('no [:names:] in sets');
        source += this.#set(context);
        continue;
      }
      const spelled = character === '\\' ? this.#escape({ inSet: true }) : spellCharacter(character);
      const isRange = this.#characters[this.#position] === '-' && (this.#characters[this.#position + 1] ?? ']') !== ']';
      if (isRange && !spelled.startsWith('[') && !/^\\[pP]/.test(spelled)) {
        this.#position++;
        const last = this.#next();
        source += `${spelled}-${last === '\\' ? this.#escape({ inSet: true }) : spellCharacter(last)}`;
      } else {
        source += context.ignoreCase && character !== '\\' ? spellLetter(character, context) : spelled;
      }
    }
  }

  #escape({ inSet }: { readonly inSet: boolean }): string {
    const character = this.#next();
    switch (character) {
      case 's':
        return SPACE_CLASS;
      case 'S':
        return `[^${SPACE_CLASS}]`;
      case 'w':
        return PATTERN_WORD_CLASS;
      case 'W':
        return `[^${PATTERN_WORD_CLASS}]`;
      case 'd':
        return DIGIT_CLASS;
      case 'D':
        return `[^${DIGIT_CLASS}]`;
      case 'h':
        return '[0-9a-fA-F]';
      case 'p':
      case 'P':
        return this.#property(character);
      case 'x':
      case 'u':
        return this.#codePoint(character);
      default:
    }
    if (!inSet) {
      if (character === 'b')
        return `(?:(?<=${PATTERN_WORD_CLASS})(?!${PATTERN_WORD_CLASS})|(?<!${PATTERN_WORD_CLASS})(?=${PATTERN_WORD_CLASS}))`;
      if (character === 'A') return '(?<![^])';
      if (character === 'z') return '(?![^])';
    }
    const control = CONTROL_ESCAPES.get(character);
    if (control !== undefined) return spellCharacter(control);
    if (/^[\p{L}\p{N}]$/u.test(character)) throw this.#refuse(`no \\${character}`);
    return spellCharacter(character);
  }

  #property(letter: string): string {
    const found = /^\{(\^?)([\w ]{1,40})\}/.exec(this.#characters.slice(this.#position, this.#position + 44).join(''));
    if (found === null) throw this.#refuse('a name in braces after \\p');
    this.#position += found[0].length;
    const negated = (letter === 'P') !== (found[1] === '^');
    const name = found[2] ?? '';
    for (const spelled of [name, `Script=${name}`]) {
      const source = `\\${negated ? 'P' : 'p'}{${spelled}}`;
      try {
        new RegExp(source, 'v');
        return source;
      } catch {
        // Not a name of this kind; the next kind is tried.
      }
    }
    throw this.#refuse(`a property of characters, not "${name}"`);
  }

  #codePoint(letter: string): string {
    const rest = this.#characters.slice(this.#position, this.#position + 10).join('');
    const pattern =
      letter === 'x' ? /^(?:\{([\da-fA-F]{1,6})\}|([\da-fA-F]{2}))/ : /^(?:\{([\da-fA-F]{1,6})\}|([\da-fA-F]{4}))/;
    const found = pattern.exec(rest);
    const code = Number.parseInt(found?.[1] ?? found?.[2] ?? '', 16);
    if (found === null || !(code <= 0x10ffff)) throw this.#refuse(`a code point after \\${letter}`);
    this.#position += found[0].length;
    return `\\u{${code.toString(16)}}`;
  }

  #next(): string {
    const character = this.#characters[this.#position];
    if (character === undefined) throw this.#refuse('more to follow');
    this.#position++;
    return character;
  }

  #refuse(expected: string): Error {
    return this.#node.refuse(`a regular expression with ${expected} (at character ${this.#position})`);
  }
}

interface Context {
  readonly ignoreCase: boolean;
  readonly depth: number;
}

/** A literal character; where case is ignored, with all that fold to the same. */
function spellLetter(character: string, { ignoreCase }: Context): string {
  if (!ignoreCase || !/\p{L}/u.test(character)) return spellCharacter(character);
  const cases = new Set([character, character.toLowerCase(), character.toUpperCase()]);
  if (cases.has('s')) cases.add('ſ'); // the two letters whose fold is in ASCII though they are not
  if (cases.has('k')) cases.add('\u212a');
  return `[${[...cases]
    .filter((variant) => [...variant].length === 1)
    .map(spellCharacter)
    .join('')}]`;
}
