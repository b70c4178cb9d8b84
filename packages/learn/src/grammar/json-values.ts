// Grammars of JSON's own values, and of numbers, dates and the like inside them. What they let through is valid JSON, and
// stays valid when it is parsed: no lone surrogates, no number that becomes infinite.
// Source: RFC 8259; RFC 3339 for dates and times; RFC 9562 for UUIDs.
import {
  characterClass,
  type CodeRange,
  either,
  type GbnfRules,
  intersectionOf,
  literal,
  optional,
  repeated,
  sequence,
} from './gbnf.ts';

/** Digits of a whole number: all numbers of so many are exact in JavaScript. */
const MOST_DIGITS = 15;

/** What may stand in a string as it is. */
const UNESCAPED: readonly CodeRange[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x7e],
  [0x80, 0xd7ff],
  [0xe000, 0x10ffff],
];
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x22, '\\"'],
  [0x5c, '\\\\'],
  [0x08, '\\b'],
  [0x0c, '\\f'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
]);
const ESCAPED: readonly CodeRange[] = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
  [0x7f, 0x7f],
];

/** Space between parts: none, one, or a line's beginning; a model that fills lines with space would never end. */
export function space(rules: GbnfRules): string {
  return rules.shared('ws', () => `| " " | "\\n" [ \\t]{0,20}`);
}

/** One character of a string, escaped where it has to be. */
export function stringCharacter(rules: GbnfRules): string {
  return rules.shared('char', () => {
    const hex = '[0-9a-fA-F]';
    const unit = `([0-9a-cA-CefEF] ${hex}{3} | [dD] [0-7] ${hex}{2})`;
    return `${characterClass(UNESCAPED)} | "\\\\" (["\\\\/bfnrt] | "u" ${unit})`;
  });
}

/** One of some characters inside a string. */
export function jsonCharacters(ranges: readonly CodeRange[]): string {
  const plain = intersectionOf(ranges, UNESCAPED);
  const escapes = intersectionOf(ranges, ESCAPED).flatMap(([from, to]) =>
    Array.from({ length: to - from + 1 }, (_, index) => literal(escapeOf(from + index))),
  );
  return either([...(plain.length === 0 ? [] : [characterClass(plain)]), ...escapes]);
}

function escapeOf(code: number): string {
  return SHORT_ESCAPES.get(code) ?? `\\u${code.toString(16).padStart(4, '0')}`;
}

/** @param most - Infinity: any length */
export function stringOf(rules: GbnfRules, least: number, most: number): string {
  if (least === 0 && most === Number.POSITIVE_INFINITY) {
    return rules.shared('any-string', () => `"\\"" ${stringCharacter(rules)}* "\\""`);
  }
  return sequence([literal('"'), repeated(stringCharacter(rules), least, most), literal('"')]);
}

/** Any value. */
export function anyValue(rules: GbnfRules): string {
  return rules.shared('any-value', () =>
    either([
      anyObject(rules),
      anyArray(rules),
      stringOf(rules, 0, Number.POSITIVE_INFINITY),
      anyNumber(rules),
      booleanValue(rules),
      nullValue(rules),
    ]),
  );
}

export function booleanValue(rules: GbnfRules): string {
  return rules.shared('boolean', () => '"true" | "false"');
}

export function nullValue(rules: GbnfRules): string {
  return rules.shared('null', () => '"null"');
}

export function anyObject(rules: GbnfRules): string {
  return rules.shared('any-object', () => mapOf(rules, anyValue(rules)));
}

export function anyArray(rules: GbnfRules): string {
  return rules.shared('any-array', () =>
    arrayOf(rules, { prefix: [], item: anyValue(rules), least: 0, most: Number.POSITIVE_INFINITY }),
  );
}

/** An object of any keys. */
export function mapOf(rules: GbnfRules, value: string): string {
  const ws = space(rules);
  const pair = sequence([stringOf(rules, 0, Number.POSITIVE_INFINITY), ws, '":"', ws, value]);
  return sequence([
    '"{"',
    ws,
    optional(sequence([pair, repeated(sequence([ws, '","', ws, pair]), 0, Number.POSITIVE_INFINITY)])),
    ws,
    '"}"',
  ]);
}

export interface ArrayShape {
  /** What stands first. */
  readonly prefix: readonly string[];
  /** What may follow; null: nothing. */
  readonly item: string | null;
  readonly least: number;
  /** Infinity: any number. */
  readonly most: number;
}

export function arrayOf(rules: GbnfRules, { prefix, item, least, most }: ArrayShape): string {
  const ws = space(rules);
  const comma = sequence([ws, '","', ws]);
  const longest = item === null ? Math.min(most, prefix.length) : most;
  // From the end: what may follow after so many.
  const after = (count: number): string => {
    if (count >= longest) return '';
    const next = prefix[count];
    if (next !== undefined) {
      const more = sequence([comma, next, after(count + 1)]);
      return count < least ? more : optional(more);
    }
    const left = longest === Number.POSITIVE_INFINITY ? longest : longest - count;
    return repeated(sequence([comma, item ?? '']), Math.max(0, least - count), left);
  };
  const first = prefix[0] ?? item;
  if (first === null || longest === 0) return sequence(['"["', ws, '"]"']);
  const all = sequence([first, after(1)]);
  return sequence(['"["', ws, least === 0 ? optional(all) : all, ws, '"]"']);
}

export function anyNumber(rules: GbnfRules): string {
  return rules.shared('any-number', () => `"-"? ${unsignedNumber(rules)}`);
}

export function unsignedNumber(rules: GbnfRules): string {
  return rules.shared('unsigned', () => {
    const whole = `("0" | [1-9] [0-9]{0,${MOST_DIGITS - 1}})`;
    return `${whole} ("." [0-9]{1,${MOST_DIGITS}})? ([eE] [-+]? [0-9]{1,2})?`;
  });
}

/** Whole numbers from … to; Infinity stands for as many digits as are exact. */
export function wholeNumbers(from: number, to: number): string {
  const most = 10 ** MOST_DIGITS - 1;
  const [least, greatest] = [Math.max(from, -most), Math.min(to, most)];
  const parts: string[] = [];
  if (least < 0) parts.push(`"-" ${either(digitPatterns(Math.max(1, -Math.min(greatest, -1)), -least))}`);
  if (greatest >= 0) parts.push(...digitPatterns(Math.max(least, 0), greatest));
  return either(parts);
}

/** Patterns of digits for 0 ≤ from ≤ to, without leading zeros. */
function digitPatterns(from: number, to: number): readonly string[] {
  const parts: string[] = [];
  const ofLength = (digits: number): readonly [least: number, most: number] => [
    digits === 1 ? 0 : 10 ** (digits - 1),
    10 ** digits - 1,
  ];
  const [shortest, longest] = [String(from).length, String(to).length];
  for (let digits = shortest; digits <= longest; digits++) {
    const [least, most] = ofLength(digits);
    // Lengths of which every number will do are one pattern: one for each would be read side by side.
    let whole = digits;
    while (from <= least && whole <= longest && ofLength(whole)[1] <= to) whole++;
    if (whole > digits) {
      if (digits === 1) parts.push(literal('0'));
      parts.push(sequence(['[1-9]', repeated('[0-9]', digits - 1, whole - 2)]));
      digits = whole - 1;
    } else parts.push(sameLength(String(Math.max(from, least)), String(Math.min(to, most))));
  }
  return parts;
}

function sameLength(from: string, to: string): string {
  if (from === '') return '';
  if (/^0*$/.test(from) && /^9*$/.test(to)) return repeated('[0-9]', from.length, from.length);
  const [first, last] = [Number(from[0]), Number(to[0])];
  const rest = from.length - 1;
  if (first === last) return sequence([literal(String(first)), sameLength(from.slice(1), to.slice(1))]);
  // Digits between them are followed by anything; at the ends the rest is bounded, where it is.
  const isLowOpen = /^.0*$/.test(from);
  const isHighOpen = /^.9*$/.test(to);
  const [low, high] = [isLowOpen ? first : first + 1, isHighOpen ? last : last - 1];
  const anything = rest === 0 ? '' : repeated('[0-9]', rest, rest);
  return either([
    ...(isLowOpen ? [] : [sequence([literal(String(first)), sameLength(from.slice(1), '9'.repeat(rest))])]),
    ...(low > high ? [] : [sequence([low === high ? literal(String(low)) : `[${low}-${high}]`, anything])]),
    ...(isHighOpen ? [] : [sequence([literal(String(last)), sameLength('0'.repeat(rest), to.slice(1))])]),
  ]);
}

const TWO = '[0-9] [0-9]';
const HEX = '[0-9a-fA-F]';
/** Days that exist: months of 31 and 30 days, February's 28, and its 29th of years that surely have one. */
const DATE = [
  `${TWO} ${TWO} "-" (("01" | "03" | "05" | "07" | "08" | "10" | "12") "-" ("0" [1-9] | [12] [0-9] | "30" | "31")`,
  `("04" | "06" | "09" | "11") "-" ("0" [1-9] | [12] [0-9] | "30")`,
  `"02" "-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))`,
  `${TWO} ("0" [48] | [2468] [048] | [13579] [26]) "-02-29"`,
].join(' | ');
const HOURS = '([01] [0-9] | "2" [0-3])';
const TIME = `${HOURS} ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,9})? ("Z" | [-+] ${HOURS} ":" [0-5] [0-9])`;
const BYTE = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9])';

/** Contents of strings by the names that JSON Schema has for them. */
export const FORMATS: ReadonlyMap<string, string> = new Map([
  ['date', `(${DATE})`],
  ['time', TIME],
  ['date-time', `(${DATE}) "T" ${TIME}`],
  ['uuid', `${HEX}{8} ("-" ${HEX}{4}){3} "-" ${HEX}{12}`],
  ['ipv4', `${BYTE} ("." ${BYTE}){3}`],
  [
    'email',
    '[a-z0-9] [a-z0-9_+-]{0,30} ("." [a-z0-9_+-]{1,30}){0,3} "@" ([a-z0-9] [a-z0-9-]{0,30} [a-z0-9] "."){1,3} [a-z]{2,10}',
  ],
]);
