// A grammar that somebody else wrote: read far enough to know that llama.cpp can take it, and to stand inside another one.
// In how many ways it reads a text is found out by those who put it into the whole.
// Source: llama.cpp, grammars/README.md.
import { AmaasError } from '@amaas/core';
import { MOST_REPETITIONS } from './gbnf.ts';

const MOST_CHARACTERS = 200_000;
/** llama.cpp reads groups recursively: very deep ones end its process. */
const MOST_DEPTH = 64;
const ROOT = 'root';

export interface WrittenGrammar {
  /** The same rules under other names. */
  readonly rules: string;
  /** What `root` is called now. */
  readonly root: string;
}

/** Before every name, so that none meets one of another grammar. */
const PREFIX = 'asked-';

/** What the caller called a rule that has been renamed; other rules keep their names. */
export function askedName(rule: string): string {
  return rule.startsWith(PREFIX) ? rule.slice(PREFIX.length) : rule;
}

type Kind = 'space' | 'literal' | 'class' | 'name' | 'defines' | 'repeat' | 'token' | 'sign';
const LEXEMES: readonly (readonly [Kind, RegExp])[] = [
  ['space', /(?:\s|#[^\n]*)+/y],
  ['literal', /"(?:[^"\\\n]|\\.)*"/y],
  ['class', /\[(?:[^\]\\\n]|\\.)*\]/y],
  ['defines', /::=/y],
  ['repeat', /\{\s*(\d*)\s*(?:,\s*(\d*)\s*)?\}/y],
  ['token', /!?<[^>\s]{1,256}>/y],
  ['name', /[A-Za-z0-9-]+/y],
  ['sign', /[()|*+?.]/y],
];

/**
 * Reads a grammar in llama.cpp's language.
 * @throws INVALID_ARGUMENT naming what cannot be read, and its line
 */
export function readWrittenGrammar(text: string): WrittenGrammar {
  if (text.length > MOST_CHARACTERS) {
    throw new AmaasError('INVALID_ARGUMENT', `grammar: it has more than ${MOST_CHARACTERS} characters`);
  }
  const defined = new Set<string>();
  const used = new Map<string, number>();
  const pieces: { readonly kind: Kind; readonly text: string }[] = [];
  let depth = 0;
  let at = 0;
  let lastName = -1;
  while (at < text.length) {
    const lexeme = lexemeAt(text, at);
    if (lexeme === null) throw invalid(text, at, `${JSON.stringify(text.slice(at, at + 20))} cannot be read`);
    if (lexeme.kind === 'sign') {
      depth += lexeme.text === '(' ? 1 : lexeme.text === ')' ? -1 : 0;
      if (depth < 0) throw invalid(text, at, 'a ) without its (');
      if (depth > MOST_DEPTH) throw invalid(text, at, `groups are nested more than ${MOST_DEPTH} deep`);
    }
    if (lexeme.kind === 'repeat') checkRepeat(text, at, lexeme.text);
    if (lexeme.kind === 'defines') {
      const name = pieces[lastName];
      if (name === undefined || pieces.slice(lastName + 1).some(({ kind }) => kind !== 'space')) {
        throw invalid(text, at, 'a ::= without the name of a rule before it');
      }
      if (depth > 0) throw invalid(text, at, 'a ( without its ) in the rule before');
      defined.add(name.text);
      if (used.get(name.text) === lastName) used.delete(name.text);
    }
    if (lexeme.kind === 'name') {
      lastName = pieces.length;
      if (!used.has(lexeme.text)) used.set(lexeme.text, lastName);
    }
    pieces.push(lexeme);
    at += lexeme.text.length;
  }
  if (depth > 0) throw invalid(text, at, 'a ( without its )');
  if (!defined.has(ROOT)) throw new AmaasError('INVALID_ARGUMENT', 'grammar: it has no rule "root" to begin with');
  const missing = [...used.keys()].find((name) => !defined.has(name));
  if (missing !== undefined) {
    throw new AmaasError('INVALID_ARGUMENT', `grammar: the rule "${missing}" is used and not defined`);
  }
  const renamed = pieces.map(({ kind, text: piece }) => (kind === 'name' ? PREFIX + piece : piece));
  return { rules: renamed.join(''), root: PREFIX + ROOT };
}

function lexemeAt(text: string, at: number): { readonly kind: Kind; readonly text: string } | null {
  for (const [kind, pattern] of LEXEMES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) return { kind, text: match[0] };
  }
  return null;
}

function checkRepeat(text: string, at: number, repeat: string): void {
  const numbers = repeat.match(/\d+/g) ?? [];
  if (numbers.length === 0) throw invalid(text, at, `${repeat} without a number`);
  if (numbers.some((number) => Number(number) > MOST_REPETITIONS)) {
    throw invalid(text, at, `${repeat} asks for more than ${MOST_REPETITIONS} repetitions`);
  }
  // llama.cpp counts the difference without a sign, and would write out rules until there is no memory left.
  if (numbers.length === 2 && Number(numbers[0]) > Number(numbers[1])) {
    throw invalid(text, at, `${repeat} asks for fewer repetitions at most than at least`);
  }
}

function invalid(text: string, at: number, what: string): AmaasError {
  const line = text.slice(0, at).split('\n').length;
  return new AmaasError('INVALID_ARGUMENT', `grammar: line ${line}: ${what}`, { details: { line } });
}
