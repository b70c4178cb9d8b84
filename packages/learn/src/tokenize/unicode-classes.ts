// The classes of characters that tokenizer files take for granted, spelled for JavaScript's regular expressions (flag v).
// They differ from JavaScript's own \s, \w and \d: the format comes from a world where these know all of Unicode.

/** The White_Space property; JavaScript's \s has U+FEFF more and U+0085 less. */
export const SPACE_CLASS = '[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';

/** What belongs to words. Source: Unicode Technical Standard 18, annex C. */
export const WORD_CLASS = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';

/** \w of Oniguruma, which takes in the raised digits and fractions of Latin-1, but no joiners. */
export const PATTERN_WORD_CLASS = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe]';

/** Punctuation as BERT counts it: all of ASCII that is neither letter, digit, space nor control, and category P. */
export const PUNCTUATION_CLASS = '[!-\\/:-@\\[-`\\{-~\\p{P}]';

/** What BERT takes out: control, format and private characters but not tab, line feed and return. */
export const CONTROL_CLASS = '[[\\p{Cc}\\p{Cf}\\p{Co}\\ufffd]--[\\t\\n\\r]]';

/** The ideographs that BERT puts spaces around. */
export const IDEOGRAPH_CLASS =
  '[\\u{4e00}-\\u{9fff}\\u{3400}-\\u{4dbf}\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}\\u{2b740}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\u{f900}-\\u{faff}\\u{2f800}-\\u{2fa1f}]';
